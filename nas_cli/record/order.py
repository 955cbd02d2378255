"""Checks that events come in a valid order, and that they agree with the run's spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from nas_cli.record.events import (
    Duplicate,
    Event,
    FinalFinished,
    FinalSelected,
    LayersMeasured,
    TrialEvent,
    TrialFailed,
    TrialFinished,
    TrialInfeasible,
    TrialStarted,
)


class Order:
    """Checks the events of one journal. `objectives` and `rungs` are their numbers in the spec; None where unknown."""

    def __init__(self, objectives: int | None = None, rungs: int | None = None) -> None:
        self._objectives = objectives
        self._rungs = rungs
        self._trials = 0
        self._looks: Mapping[type[Event], Callable[[Any], str]] = {
            TrialStarted: self._started,
            TrialFinished: self._finished,
            TrialFailed: self._ended,
            TrialInfeasible: self._proposed,
            Duplicate: self._repeated,
            LayersMeasured: _measured,
            FinalFinished: self._rewarded,
            FinalSelected: self._selected,
        }

    def check(self, event: Event) -> str:
        """What is wrong with the next event, as a clause; "" where it is valid."""
        look = self._looks.get(type(event))
        return "" if look is None else look(event)

    def _started(self, event: TrialStarted) -> str:
        if event.number == self._trials and event.genotype is None:
            return f"{event.kind} has no genotype"
        return self._proposed(event) or self._reached(event.rung)

    def _proposed(self, event: TrialEvent) -> str:
        number, known = event.number, self._trials
        if number > known:
            return f"trial {number} cannot be the next after {known} trials"
        if number == known:
            self._trials = number + 1
        return ""

    def _repeated(self, event: Duplicate) -> str:
        if event.equals >= event.number:
            return f"trial {event.number} cannot equal trial {event.equals}"
        return self._proposed(event)

    def _ended(self, event: TrialEvent) -> str:
        return f"trial {event.number} was not started" if event.number >= self._trials else ""

    def _finished(self, event: TrialFinished) -> str:
        return self._ended(event) or self._reached(event.rung) or self._rewarded(event)

    def _reached(self, rung: int) -> str:
        if self._rungs is not None and rung >= self._rungs:
            return f"rung {rung} does not exist: the spec's schedule has {self._rungs}, from 0 on"
        return ""

    def _rewarded(self, event: TrialFinished | FinalFinished) -> str:
        count = len(event.rewards) or 1
        if self._objectives is not None and count != self._objectives:
            return f"it has {count} rewards, and the spec {self._objectives} objectives"
        return ""

    def _selected(self, event: FinalSelected) -> str:
        ranking = event.ranking
        if event.candidate not in [standing.candidate for standing in ranking]:
            return f"{event.candidate} is not in its ranking"
        if any(standing.spread is None and len(standing.rewards) > 1 for standing in ranking):
            return "a candidate with several rewards has no spread"
        several = self._objectives is not None and self._objectives > 1
        if several and (not event.front or any(len(each.means) != self._objectives for each in ranking)):
            return f"it has no front of the spec's {self._objectives} objectives"
        return ""


def _measured(event: LayersMeasured) -> str:
    """Each name in `seen.work` must be a non-empty JSON list, and have an entry of more than 0 ms."""
    seen = event.seen or {}
    for name in seen.get("work", {}):
        try:
            parts = from_json(name)
        except ValueError:
            parts = None
        if not isinstance(parts, list) or not parts or not event.entries.get(name, 0) > 0:
            return "its work is of a layer that has no entry"
    return ""
