"""The checkpoints of paused trials: kept while they may be needed, within a limit on disk space."""

from __future__ import annotations

import contextlib
import re

from nas_cli.record.directory import RunDirectory
from nas_cli.search.scheduler import Scheduler
from nas_cli.trial import History

MOST_BYTES = 150_000_000
FOLDER = re.compile(r"[0-9]{5,15}")
LEAST_KEPT = 8
"""Checkpoints per worker that are kept, however large they are."""


class Checkpoints:
    """The checkpoints of a run. One that is deleted too early costs time, not results: the trial is trained again."""

    def __init__(self, run: RunDirectory, scheduler: Scheduler, trials: int | None, workers: int) -> None:
        self._run = run
        self._scheduler = scheduler
        self._trials = trials
        self._least = LEAST_KEPT * max(1, workers)
        self._bytes: dict[int, int] = {}
        for folder in sorted((run.path / "trials").glob("*/")):
            number = int(folder.name) if FOLDER.fullmatch(folder.name) else None
            if number is not None and run.checkpoint(number).parent == folder:
                self._weigh(number)

    def stored(self, number: int) -> str | None:
        """The path of the checkpoint of trial `number`; None where it does not exist."""
        path = self._run.checkpoint(number)
        return str(path) if path.exists() else None

    def place(self, number: int) -> str:
        """The path for the checkpoint of trial `number`."""
        return str(self._run.checkpoint(number))

    def tidy(self, history: History, number: int) -> None:
        """After a job of trial `number`: deletes checkpoints that no promotion can need any more, and where the others
        take too much space, those least likely to be needed.

        Checkpoints of running trials stay: a job that is cut short starts from there again.
        """
        self._weigh(number)
        needed = self._scheduler.needed(history, self._trials)
        wanted, size = set(), 0
        for place, candidate in enumerate(needed):
            size += self._bytes.get(candidate, 0)
            if place >= self._least and size > MOST_BYTES:
                break
            wanted.add(candidate)
        for stored in list(self._bytes):
            trial = history.trials.get(stored)
            if stored not in wanted and (trial is None or trial.status != "running"):
                self._drop(stored)

    def _weigh(self, number: int) -> None:
        path = self._run.checkpoint(number)
        if path.exists():
            self._bytes[number] = path.stat().st_size
        else:
            self._drop(number)

    def _drop(self, number: int) -> None:
        """Deletes a checkpoint, its drafts and its folder, unless the folder holds other files."""
        self._bytes.pop(number, None)
        path = self._run.checkpoint(number)
        self._run.require_way(path)
        for written in (path, *path.parent.glob(f".{path.name}.*.tmp")):  # drafts of workers that were stopped
            written.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the folder does not exist, or holds other files
            path.parent.rmdir()
