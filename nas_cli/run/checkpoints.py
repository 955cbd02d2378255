"""The checkpoints of paused trials: kept while they may be needed, within a bound on the disk."""

from __future__ import annotations

import shutil

from nas_cli.run.directory import RunDirectory
from nas_cli.search.scheduler import Scheduler
from nas_cli.trial import History

MOST_BYTES = 150_000_000
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
            if folder.name.isdigit():
                self._weigh(int(folder.name))

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
            if stored not in wanted and history.trials[stored].status != "running":
                self._drop(stored)

    def _weigh(self, number: int) -> None:
        path = self._run.checkpoint(number)
        if path.exists():
            self._bytes[number] = path.stat().st_size
        else:
            self._drop(number)

    def _drop(self, number: int) -> None:
        self._bytes.pop(number, None)
        shutil.rmtree(self._run.checkpoint(number).parent, ignore_errors=True)
