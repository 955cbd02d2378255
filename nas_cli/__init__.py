"""Neural architecture search, from one YAML file to a trained, tested and exported network.

`search`, `resume`, `evaluate`, `predict`, `export`, `load` and `trials` are the commands of `nas` in Python; `plugins`
has the decorators that register your own components. All of them are imported on first use.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_cli.api import Run as Run
    from nas_cli.api import evaluate as evaluate
    from nas_cli.api import export as export
    from nas_cli.api import load as load
    from nas_cli.api import predict as predict
    from nas_cli.api import resume as resume
    from nas_cli.api import search as search
    from nas_cli.api import trials as trials

__version__ = "0.1.0"

_API = ("Run", "evaluate", "export", "load", "predict", "resume", "search", "trials")
_LAZY = {**dict.fromkeys(_API, "nas_cli.api"), "op": "nas_cli.model.ops"}


class _Door(ModuleType):
    """Keeps `nas_cli.search` the function when the package `nas_cli.search` is imported, which would replace it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _API and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"nas_cli has no {name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
