"""A run that goes on in this process: its record, and what is under way at this moment."""

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
    """One training under way: the epochs done, of how many, and the last metrics."""

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass
class Watch(Record):
    """Tell it of the events of a run in the order of the journal, and of the epochs that end in between."""

    trainings: dict[str, Training] = field(default_factory=dict)
    """By what a training is called (candidates.training)."""
    _live_since: float | None = None
    _ended_live: int = 0

    def event(self, event: Event, trial: Trial | None = None) -> None:
        """An event that was just written, and the trial that it changed. The first of a process names its run."""
        if isinstance(event, RunStarted | Resumed):  # told of once more by `fold`, in its place
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
        """Seconds of search so far, pauses between resumptions left out."""
        course = self.course
        if course.stopped or self._live_since is None or course.last is None:
            return course.seconds
        return course.seconds + max(0.0, time.time() - course.last)

    def fraction(self) -> float | None:
        """How much of the search is over, by the stop condition that is nearest; None where no end is in sight."""
        stop = self.spec.search.stop
        parts = []
        if stop.trials is not None:
            parts.append(self.done / stop.trials)
        if stop.time is not None:
            parts.append(self.elapsed() / stop.time)
        return min(max(parts), 1.0) if parts else None

    def rate(self) -> float | None:
        """Trainings that ended a minute, in this process; None before the first."""
        if self._live_since is None or self._ended_live == 0:
            return None
        return 60.0 * self._ended_live / max(time.time() - self._live_since, 1e-3)

    def time_left(self) -> float | None:
        """Seconds of search left, as things go; None where no end is in sight."""
        stop, rate = self.spec.search.stop, self.rate()
        left = []
        if stop.time is not None:
            left.append(stop.time - self.elapsed())
        if stop.trials is not None and rate is not None:
            left.append((stop.trials - self.done) * 60.0 / rate)
        return max(min(left), 0.0) if left else None
