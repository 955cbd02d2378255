"""What the events of a journal carry, and in which order they make sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from nas_cli.record.stored import (
    Check,
    are_numbers,
    are_scalars,
    is_candidate,
    is_count,
    is_flag,
    is_number,
    is_text,
    list_of,
    mapping_of,
    none_or,
    record_of,
)

Event = dict[str, Any]
Rule = tuple[Check, str]

COUNT: Rule = (is_count, "a whole number")
NUMBER: Rule = (is_number, "a finite number")
TEXT: Rule = (is_text, "a text")
FLAG: Rule = (is_flag, "true or false")
GENOTYPE: Rule = (are_scalars, "a mapping from decisions to the values taken")
MEASUREMENT: Rule = (are_numbers, "a mapping from names to finite numbers")
REWARDS: Rule = (list_of(is_number, 1), "a list of finite numbers")
CANDIDATE: Rule = (is_candidate, "trial-NUMBER or baseline-NAME")
RANKING: Rule = (
    list_of(
        record_of(
            {
                "candidate": is_candidate,
                "rewards": list_of(is_number, 1),
                "mean": is_number,
                "spread": none_or(is_number),
                "feasible": is_flag,
            },
            {"means": list_of(is_number, 1)},
        ),
        1,
    ),
    "a list of candidates with rewards, mean, spread and feasible",
)
DATA: Rule = (none_or(is_text), "a text")
STOP: Rule = (mapping_of(none_or(is_number)), "the bounds of a search")
FINAL: Rule = (record_of({"top": is_count, "seeds": is_count}), "the settings of the final training")
SEEN: Rule = (
    record_of({}, {"work": mapping_of(list_of(is_number, 2)), "ratio": is_number, "error": is_number}),
    "a mapping with numbers",
)

NEEDED: Mapping[str, Mapping[str, Rule]] = {
    "run_started": {"run": TEXT},
    "resumed": {"run": TEXT},
    "trial_started": {"number": COUNT, "rung": COUNT},
    "trial_finished": {"number": COUNT, "rung": COUNT, "measurement": MEASUREMENT, "reward": NUMBER},
    "trial_failed": {"number": COUNT, "reason": TEXT},
    "trial_infeasible": {"number": COUNT, "genotype": GENOTYPE, "reason": TEXT},
    "duplicate": {"number": COUNT, "genotype": GENOTYPE, "equals": COUNT},
    "latency_table": {"entries": MEASUREMENT},
    "search_finished": {"reason": TEXT},
    "final_started": {"candidate": CANDIDATE, "seed": COUNT},
    "final_finished": {
        "candidate": CANDIDATE,
        "seed": COUNT,
        "measurement": MEASUREMENT,
        "reward": NUMBER,
        "feasible": FLAG,
    },
    "final_failed": {"candidate": CANDIDATE, "seed": COUNT, "reason": TEXT},
    "final_selected": {
        "candidate": CANDIDATE,
        "seed": COUNT,
        "ranking": RANKING,
        "within_noise": (list_of(is_candidate), "a list of candidates"),
        "verdict": TEXT,
    },
}
OPTIONAL: Mapping[str, Mapping[str, Rule]] = {
    "run_started": {"data": DATA},
    "resumed": {"data": DATA, "set": (list_of(is_text), "a list of texts"), "more": FLAG},
    "trial_started": {"genotype": GENOTYPE, "network": TEXT},
    "trial_finished": {"rewards": REWARDS, "last": FLAG, "cut": FLAG, "feasible": FLAG, "violation": NUMBER},
    "trial_infeasible": {"network": TEXT, "measurement": MEASUREMENT},
    "latency_table": {"seen": SEEN},
    "search_finished": {"stop": STOP},
    "final_finished": {"rewards": REWARDS, "epochs": COUNT},
    "final_failed": {"epochs": COUNT},
    "run_finished": {"final": FINAL},
    "final_selected": {"front": (list_of(is_candidate, 1), "a list of candidates")},
}

RULES = {
    kind: [
        *((key, check, what, True) for key, (check, what) in NEEDED.get(kind, {}).items()),
        *((key, check, what, False) for key, (check, what) in OPTIONAL.get(kind, {}).items()),
    ]
    for kind in {*NEEDED, *OPTIONAL}
}
MISSING = object()


class Order:
    """Follows the events of one journal. `objectives` and `rungs` are how many the spec has, where they are known."""

    def __init__(self, objectives: int | None = None, rungs: int | None = None) -> None:
        self._objectives = objectives
        self._rungs = rungs
        self._trials = 0
        self._looks = {
            "trial_started": self._started,
            "trial_finished": self._ended,
            "trial_failed": self._ended,
            "trial_infeasible": self._proposed,
            "duplicate": self._proposed,
            "latency_table": _measured,
            "final_finished": self._rewarded,
            "final_selected": self._selected,
        }

    def check(self, event: Event) -> str:
        """What is wrong with the next event, as a clause; "" where nothing is, and for an event of an unknown kind.

        The keys `event` and `sequence` are checked already.
        """
        kind = event["event"]
        if not is_number(event.get("time")):
            return "its time is no number"
        for key, check, what, needed in RULES.get(kind, ()):
            value = event.get(key, MISSING)
            if value is MISSING:
                if needed:
                    return f"{kind} has no {key}"
            elif not check(value):
                return f"{key} of {kind} must be {what}"
        look = self._looks.get(kind)
        return "" if look is None else look(event)

    def _started(self, event: Event) -> str:
        if event["number"] == self._trials and "genotype" not in event:
            return "trial_started has no genotype"
        return self._proposed(event) or self._reached(event)

    def _proposed(self, event: Event) -> str:
        number = event["number"]
        if number > self._trials:
            return f"trial {number} cannot be the next after {self._trials} trials"
        if event.get("equals", -1) >= number:
            return f"trial {number} cannot equal trial {event['equals']}"
        self._trials = max(self._trials, number + 1)
        return ""

    def _ended(self, event: Event) -> str:
        if event["number"] >= self._trials:
            return f"trial {event['number']} was not started"
        if event["event"] == "trial_failed":
            return ""
        return self._reached(event) or self._rewarded(event)

    def _reached(self, event: Event) -> str:
        if self._rungs is not None and event["rung"] >= self._rungs:
            return f"rung {event['rung']} does not exist: the spec's schedule has {self._rungs}, from 0 on"
        return ""

    def _rewarded(self, event: Event) -> str:
        found = len(event.get("rewards") or (event["reward"],))
        if self._objectives is not None and found != self._objectives:
            return f"it has {found} rewards, and the spec {self._objectives} objectives"
        return ""

    def _selected(self, event: Event) -> str:
        ranking = event["ranking"]
        if event["candidate"] not in [standing["candidate"] for standing in ranking]:
            return f"{event['candidate']} is not in its ranking"
        if any(standing["spread"] is None and len(standing["rewards"]) > 1 for standing in ranking):
            return "a candidate with several rewards has no spread"
        several = self._objectives is not None and self._objectives > 1
        if several and ("front" not in event or any(len(s.get("means", ())) != self._objectives for s in ranking)):
            return f"it has no front of the spec's {self._objectives} objectives"
        return ""


def _measured(event: Event) -> str:
    """An entry's name is a JSON list that begins with the kind of layer; its time is more than none."""
    entries = event["entries"]
    for name in event.get("seen", {}).get("work", {}):
        try:
            parts = from_json(name)
        except ValueError:
            parts = None
        if not isinstance(parts, list) or not parts or not entries.get(name, 0) > 0:
            return "its work is of a layer that has no entry"
    return ""
