"""How far a run came, and in what time: the fold of its journal without the trials."""

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
    """Told of one event after another, so that a long journal is never held in memory.

    `seconds` were spent searching: up to each event of the search, without the pauses between resumptions and without
    the final phase. `stopped` is why the search ended, "" where it is not over or was given more since; `stop` is the
    `search.stop` that it ended by. `finals`, `selected` and `finished` are what came after the search, until that is
    given more. `latency_table` are the events of that table; `data` is the digest of the data that it was last run on.
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
    """When the last event was; None before the first."""

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
        """The search was over and is given more: what was trained after it is trained anew."""
        self.stopped, self.finals, self.selected, self.finished = "", [], None, None
