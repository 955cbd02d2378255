"""Faults at every step: each write, rename, fsync, removal and journal entry of this process is counted, and the one
with a given number fails, or is the last that ever happens.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nas_cli.record.journal import Journal
from nas_cli.train import checkpoint

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Before = Callable[[int, str], None]


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@contextmanager
def watched(before: Before) -> Iterator[list[str]]:
    """Within it `before` is called with the number and the name of each step, before that step is done; gives the names
    of the steps so far.
    """
    steps: list[str] = []

    def step(name: str) -> None:
        steps.append(name)
        before(len(steps) - 1, name)

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name != "open" or args[1] & WRITING:
                step(name)
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "truncate", "ftruncate"):
            patch.setattr(os, name, counted(name, getattr(os, name)))
        patch.setattr(shutil, "copyfile", counted("copyfile", shutil.copyfile))
        patch.setattr(shutil, "rmtree", counted("rmtree", shutil.rmtree))
        patch.setattr(checkpoint, "save_file", counted("save_file", checkpoint.save_file))
        append = Journal.append

        def journaled(self: Journal, event: Any) -> Any:
            step(f"before {event.kind}")
            written = append(self, event)
            step(f"after {event.kind}")
            return written

        patch.setattr(Journal, "append", journaled)
        yield steps


def steps_of(action: Callable[[], object]) -> list[str]:
    """The steps of the whole of `action`."""
    with watched(lambda number, name: None) as steps:
        action()
    return steps


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Does `action` until its step `number`, from which on nothing reaches the disk: what is left is what a SIGKILL
    leaves. False where it has no such step.
    """

    def die(at: int, name: str) -> None:
        if at >= number:
            raise Killed(f"before step {number}: {name}")

    with watched(die):
        try:
            action()
        except Killed:
            return True
    return False


@contextmanager
def failing_at(number: int, code: int) -> Iterator[list[str]]:
    """Step `number` fails with OSError of `code`, once."""

    def fail(at: int, name: str) -> None:
        if at == number:
            raise OSError(code, os.strerror(code))

    with watched(fail) as steps:
        yield steps
