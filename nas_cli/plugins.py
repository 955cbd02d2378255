"""Plugins: Python files of the user, whose components register themselves when the file is executed.

    from nas_cli.plugins import augmentation, encoder, loss, op, optimizer, recipe, schedule, scheduler, sniff, source
    from nas_cli.plugins import strategy, target, task

These decorators are imported on first use: executing a plugin file does not need all of them.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from nas_cli.errors import NasError, PluginError, SpecError

if TYPE_CHECKING:
    from nas_cli.data.sniffing import sniff as sniff
    from nas_cli.data.source import encoder as encoder
    from nas_cli.data.source import source as source
    from nas_cli.data.source import target as target
    from nas_cli.model.ops import op as op
    from nas_cli.search.scheduler import scheduler as scheduler
    from nas_cli.search.strategy import strategy as strategy
    from nas_cli.task.base import task as task
    from nas_cli.task.recipes import recipe as recipe
    from nas_cli.train.augment import augmentation as augmentation
    from nas_cli.train.losses import loss as loss
    from nas_cli.train.optimizers import optimizer as optimizer
    from nas_cli.train.schedules import schedule as schedule

P = ParamSpec("P")
R = TypeVar("R")

DECORATORS = {
    "augmentation": "nas_cli.train.augment",
    "encoder": "nas_cli.data.source",
    "loss": "nas_cli.train.losses",
    "op": "nas_cli.model.ops",
    "optimizer": "nas_cli.train.optimizers",
    "recipe": "nas_cli.task.recipes",
    "schedule": "nas_cli.train.schedules",
    "scheduler": "nas_cli.search.scheduler",
    "sniff": "nas_cli.data.sniffing",
    "source": "nas_cli.data.source",
    "strategy": "nas_cli.search.strategy",
    "target": "nas_cli.data.source",
    "task": "nas_cli.task.base",
}
OURS = "nas_cli"


def __getattr__(name: str) -> Any:
    if name in DECORATORS:
        return getattr(importlib.import_module(DECORATORS[name]), name)
    raise AttributeError(f"nas_cli.plugins has no {name}; its decorators are {', '.join(DECORATORS)}")


@dataclass(frozen=True)
class Origin:
    """The origin of a component that is not part of nas; errors in the component name its file."""

    file: str
    kind: str
    name: str

    def wrong(self, what: str, error: BaseException | None = None) -> PluginError:
        """The error that the component does `what`, with the line of its file that raised `error`."""
        line = line_in(self.file, error)
        where = f"{self.file}:{line}" if line else self.file
        return PluginError(f"plugin {where}: {self.kind} '{self.name}' {' '.join(what.split())}")

    def call(self, doing: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls `function` of the component. Raises PluginError where it fails; errors of nas pass through."""
        try:
            return function(*args, **kwargs)
        except NasError:
            raise
        except (Exception, SystemExit) as error:
            raise self.wrong(f"failed in {doing}: {told(error)}", error) from error


@dataclass(eq=False)
class _Import:
    """A plugin file that is being executed, or None for a `taking_back` context. `undo` takes registrations back, and
    `checks` look at the components once the file has run."""

    file: Path | None
    undo: list[Callable[[], object]] = field(default_factory=list)
    checks: list[Callable[[], object]] = field(default_factory=list)


_importing: list[_Import] = []


def origin_of(item: object, kind: str, name: str) -> Origin | None:
    """The origin of a component; None for one of nas."""
    if is_ours(item):
        return None
    file = next((run.file for run in reversed(_importing) if run.file is not None), None)
    return Origin(str(file or _file_of(item)), kind, name)


def registered(undo: Callable[[], object], check: Callable[[], object]) -> None:
    """Reports a registration to the plugin files being executed: `undo` takes it back, `check` raises where the
    component cannot be used.
    """
    for run in _importing:
        run.undo.append(undo)
        run.checks.append(check)


@contextmanager
def taking_back() -> Iterator[None]:
    """Takes back all registrations made inside the context: for tests of plugins."""
    run = _Import(None)
    _importing.append(run)
    try:
        yield
    finally:
        _importing.remove(run)
        for undo in reversed(run.undo):
            undo()


def is_ours(item: object) -> bool:
    """Whether `item` is defined in nas, not in a plugin or another package."""
    module = getattr(item, "__module__", None) or type(item).__module__
    return str(module).split(".")[0] == OURS


def _file_of(item: Any) -> str:
    """The file that defines a component registered outside of a plugin file, in a notebook or a test say."""
    try:
        return inspect.getsourcefile(item if hasattr(item, "__name__") else type(item)) or "of this process"
    except (TypeError, OSError):
        return "of this process"


def told(error: BaseException) -> str:
    """Type and first line of an exception from outside of nas."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def line_in(file: str, error: BaseException | None) -> int:
    """The innermost line of `file` in the traceback of `error`; 0 if there is none."""
    full = os.path.abspath(file)
    if isinstance(error, SyntaxError) and error.filename == full:
        return error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == full), 0)


def import_plugin(path: Path, at: tuple[str | int, ...] = ()) -> None:
    """Executes a plugin file, once per process. Raises SpecError, at the place `at` of the spec, where it is missing or
    fails; its registrations are taken back then.
    """
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
        registered(lambda: sys.modules.pop(name, None), lambda: None)
        with _run_as_plugin(path) as run:
            found.loader.exec_module(module)
            for check in run.checks:
                check()
    except NasError as error:
        del sys.modules[name]
        what = str(error).removeprefix(f"plugin {path}: ")
        raise SpecError(f"plugin {_where(path, error)}: {what}", at) from None
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise SpecError(f"plugin {_where(path, error)} failed: {told(error)}", at) from error


@contextmanager
def _run_as_plugin(path: Path) -> Iterator[_Import]:
    run = _Import(path)
    _importing.append(run)
    try:
        yield run
    except BaseException:
        for undo in reversed(run.undo):
            undo()
        raise
    finally:
        _importing.remove(run)


def _where(path: Path, error: BaseException) -> str:
    line = line_in(str(path), error)
    return f"{path}:{line}" if line else str(path)
