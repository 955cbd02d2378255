"""The checkpoints of paused trials: kept while they may be needed, within a bound on the disk."""

from __future__ import annotations

import contextlib
import re

from nas_cli.record.directory import RunDirectory
from nas_cli.search.scheduler import Scheduler
from nas_cli.trial import History

MOST_BYTES = 150_000_000
FOLDER = re.compile(r"[0-9]{5,15}")
LEAST_KEPT = 8
"""Checkpoints a worker that are kept however large they are."""


class Checkpoints:
    """Of the run's trials. One that is dropped too early costs time, not results: the trial is trained again."""

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
        """The checkpoint of trial `number`, where there is one."""
        path = self._run.checkpoint(number)
        return str(path) if path.exists() else None

    def place(self, number: int) -> str:
        """Where the checkpoint of trial `number` belongs."""
        return str(self._run.checkpoint(number))

    def tidy(self, history: History, number: int) -> None:
        """Trial `number` ended a job: deletes what no promotion can need any more, and of too much the least likely.

        Those of trials that run now stay: a job that is cut short starts from there again.
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
        """Deletes what the search wrote there and nothing else."""
        self._bytes.pop(number, None)
        path = self._run.checkpoint(number)
        self._run.require_way(path)
        for written in (path, *path.parent.glob(f".{path.name}.*.tmp")):  # drafts of workers that were stopped
            written.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a folder that is not there, or that holds something else
            path.parent.rmdir()
