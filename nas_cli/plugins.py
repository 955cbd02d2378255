"""The user's own Python files: ops, tasks and sources that register themselves when the file is run.

    from nas_cli.plugins import op, source, task

These decorators are imported when they are asked for: whoever only runs a plugin file needs none of them.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from nas_cli.errors import NasError, SpecError

DECORATORS = {"op": "nas_cli.model.ops", "source": "nas_cli.data.source", "task": "nas_cli.task.base"}


def __getattr__(name: str) -> Any:
    if name in DECORATORS:
        return getattr(importlib.import_module(DECORATORS[name]), name)
    raise AttributeError(f"nas_cli.plugins has no {name}")


def import_plugin(path: Path, at: tuple[str | int, ...] = ()) -> None:
    """Runs a plugin file once. Raises SpecError, at the place `at` of the spec, where it is missing or fails."""
    if not path.is_file():
        raise SpecError(f"there is no plugin file {path}", at)
    name = f"nas_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise SpecError(f"{path} is no Python file", at)
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except NasError as error:
        del sys.modules[name]
        raise SpecError(f"plugin {path}: {error}", at) from None
    except Exception as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), 0)
        raise SpecError(f"plugin {path}:{line} failed: {type(error).__name__}: {error}", at) from error
