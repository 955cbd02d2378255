"""A run that goes on in this process: its record, and its current trainings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nas_cli.record.candidates import training, trial_candidate
from nas_cli.record.events import Event, FinalFailed, FinalFinished, Resumed, RunStarted, SearchFinished, TrialFinished
from nas_cli.record.record import Record
from nas_cli.trial import History, Trial


@dataclass(frozen=True)
class Training:
    """A current training: epochs done, epochs in all, and the latest metrics."""

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass
class Watch(Record):
    """The record of a run in progress. It is told of the events in the journal's order, and of each epoch's end."""

    trainings: dict[str, Training] = field(default_factory=dict)
    """By the label of the training (candidates.training)."""
    _live_since: float | None = None
    _ended_live: int = 0

    def event(self, event: Event, trial: Trial | None = None) -> None:
        """Adds an event that was just written, and the trial that it changed. A process's first event names its run."""
        if isinstance(event, RunStarted | Resumed):  # `fold` gets it once more, in its place in the journal
            self.begin(Path(event.run))
            self._live_since = time.time()
            return
        self._ended_live += isinstance(event, TrialFinished)
        self.fold(event, trial)

    def follow(self, history: History) -> None:
        self.history = history

    def fold(self, event: Event, trial: Trial | None) -> None:
        super().fold(event, trial)
        if not self.trainings:
            return
        if trial is not None and trial.status != "running":
            self.trainings.pop(training(trial_candidate(trial.number)), None)
        elif isinstance(event, SearchFinished):
            self.trainings.clear()
        elif isinstance(event, FinalFinished | FinalFailed):
            self.trainings.pop(training(event.candidate, event.seed), None)

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self.trainings[label] = Training(epoch, epochs, dict(metrics))

    def elapsed(self) -> float:
        """Seconds of search so far, without the pauses before resumptions."""
        course = self.course
        if course.stopped or self._live_since is None or course.last is None:
            return course.seconds
        return course.seconds + max(0.0, time.time() - course.last)

    def fraction(self) -> float | None:
        """The share of the search that is over, by the nearest limit on trials or time; None where neither is set."""
        stop = self.spec.search.stop
        parts = []
        if stop.trials is not None:
            parts.append(self.done / stop.trials)
        if stop.time is not None:
            parts.append(self.elapsed() / stop.time)
        return min(max(parts), 1.0) if parts else None

    def rate(self) -> float | None:
        """Completed rungs per minute, in this process; None before the first."""
        if self._live_since is None or self._ended_live == 0:
            return None
        return 60.0 * self._ended_live / max(time.time() - self._live_since, 1e-3)

    def time_left(self) -> float | None:
        """Estimated seconds of search left; None where they cannot be estimated."""
        stop, rate = self.spec.search.stop, self.rate()
        left = []
        if stop.time is not None:
            left.append(stop.time - self.elapsed())
        if stop.trials is not None and rate is not None:
            left.append((stop.trials - self.done) * 60.0 / rate)
        return max(min(left), 0.0) if left else None
