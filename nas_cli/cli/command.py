"""How a command ends: its errors as sentences and exit codes."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

import typer

from nas_cli.cli.output import fail
from nas_cli.errors import NasError

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED = 130


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose mistakes of the user and faults of the machine end in one line and an exit code.

    0: all went well, 1: something failed, 2: wrong input, 130: interrupted.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except NasError as error:
            fail(str(error))
            if debugging():
                traceback.print_exc()
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            fail("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # What reads our output has ended, `head` say; Python would complain once more while it shuts down.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except OSError as error:
            if error.strerror is None or debugging():
                raise
            where = f": {error.filename}" if error.filename else ""
            fail(f"{error.strerror}{where}")
            raise typer.Exit(1) from None

    return run


def debugging() -> bool:
    return os.environ.get("NAS_DEBUG", "") not in ("", "0")


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: what nobody foresaw is a bug of ours, and a traceback helps its finder only."""
    if debugging():
        sys.__excepthook__(kind, error, trace)
        return
    fail(
        f"this is a bug in nas: {kind.__name__}: {error}; with NAS_DEBUG=1 or --debug the same command prints the "
        "traceback that a bug report needs"
    )
