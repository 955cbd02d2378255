"""Turns the errors of a command into sentences and exit codes."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

import typer
from typer.core import TyperGroup

from nas_cli.cli import INTERRUPTED
from nas_cli.cli.output import fail
from nas_cli.errors import NasError, UserError
from nas_cli.paths import path_of
from nas_cli.words import printable, sentence

P = ParamSpec("P")
R = TypeVar("R")

USAGE = cast("type[Exception]", typer.BadParameter.__bases__[0])
"""Typer's base class of usage errors, whose module depends on the version."""


class Commands(TyperGroup):
    """The command groups `nas` and `nas show`, which print usage errors on one line, like all errors."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except USAGE as error:
            code = _explain(error)
        except typer.Abort:
            fail("interrupted")
            code = INTERRUPTED
        if extra.get("standalone_mode", True):
            sys.exit(code)
        return code

    def make_context(self, *args: Any, **extra: Any) -> Any:
        with _interruptible():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _interruptible():
            return super().invoke(ctx)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        fail("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def _explain(error: Any) -> int:
    """Prints a usage error, or the help; returns the exit code."""
    command = error.ctx.command_path if error.ctx is not None else "nas"
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.ctx.get_help() + "\n")
    else:
        fail(f"{sentence(error.format_message())} See '{command} --help'")
    return int(error.exit_code)


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Wraps a command so that errors of the user and of the system end with one line and an exit code.

    0: all went well, 1: something failed, 2: wrong input, 130: interrupted.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            _require_folder()
            return command(*args, **kwargs)
        except NasError as error:
            fail(str(error))
            if debugging():
                sys.stderr.write(printable(traceback.format_exc(), lines=True))
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            if error.strerror is None or debugging():
                raise
            where = f": {error.filename}" if error.filename else ""
            fail(f"{error.strerror}{where}")
            raise typer.Exit(1) from None

    return run


def _require_folder() -> None:
    """Raises UserError where the current folder was deleted: libraries would crash on that with their own messages."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError("the folder that you are in is not there any more: go to another one") from None


def path(word: str | Path) -> Path:
    """An argument as a path, with `~` replaced by the home folder: shells do not expand it in `--out=~/runs`.

    Raises BadParameter for a word that is no path. An empty word, from an unset variable say, is no path either, though
    `Path("")` would be the current folder.
    """
    try:
        return path_of(word)
    except ValueError as error:
        raise typer.BadParameter(f"it takes {error}") from None


def debugging() -> bool:
    return os.environ.get("NAS_DEBUG", "") not in ("", "0")


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: reports an unexpected exception as a bug of nas; the traceback is printed on request."""
    if debugging():
        sys.__excepthook__(kind, error, trace)
        return
    fail(
        f"this is a bug in nas: {kind.__name__}: {error}; with NAS_DEBUG=1 or --debug the same command prints the "
        "traceback that a bug report needs"
    )
