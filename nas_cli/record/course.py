"""How far a run has come and how long its search took: a fold over its journal, without the trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nas_cli.record.events import (
    Event,
    FinalFailed,
    FinalFinished,
    FinalSelected,
    FinalTraining,
    LayersMeasured,
    Resumed,
    RunFinished,
    RunStarted,
    SearchFinished,
    TrialEvent,
    Unknown,
)


@dataclass
class Course:
    """Folds one event after another, so that a long journal is never held in memory.

    `seconds` is the search time, without pauses before resumptions and without the final phase. `stopped` is why the
    search ended, "" while it goes on or after its budget was raised; `stop` is the `search.stop` that ended it.
    `finals`, `selected` and `finished` hold the final phase; they are reset when the search goes on. `latency_table`
    holds the events of the latency table; `data` is the digest of the data of the latest start or resumption.
    """

    seconds: float = 0.0
    stopped: str = ""
    stop: Mapping[str, float | None] | None = None
    finals: list[FinalTraining] = field(default_factory=list)
    selected: FinalSelected | None = None
    finished: RunFinished | None = None
    latency_table: list[LayersMeasured] = field(default_factory=list)
    data: str | None = None
    last: float | None = None
    """The time of the last event; None before the first."""

    def fold(self, event: Event) -> None:
        kind = type(event)
        if kind is Unknown:
            return
        if self.stopped and isinstance(event, TrialEvent):
            self._goes_on()
        if self.last is not None and not self.stopped and kind is not RunStarted and kind is not Resumed:
            self.seconds += max(0.0, event.time - self.last)
        self.last = event.time
        self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, TrialEvent):
            return
        if isinstance(event, SearchFinished):
            self._goes_on()
            self.stopped, self.stop = event.reason, event.stop
        elif isinstance(event, RunStarted | Resumed):
            self.finished = None
            self.data = event.data if event.data is not None else self.data
            if isinstance(event, Resumed) and event.gives_more:
                self._goes_on()
        elif isinstance(event, FinalFinished | FinalFailed):
            self.finals.append(event)
        elif isinstance(event, FinalSelected):
            self.selected = event
        elif isinstance(event, RunFinished):
            self.finished = event
        elif isinstance(event, LayersMeasured):
            self.latency_table.append(event)

    def _goes_on(self) -> None:
        """The search was over and goes on: the final phase will be done again."""
        self.stopped, self.finals, self.selected, self.finished = "", [], None, None
