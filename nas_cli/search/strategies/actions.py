"""A decision as a finite set of actions, for a policy: its values, or bins of a range with many values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nas_cli.space.decisions import Choice, Decision, FloatRange, IntRange, same
from nas_cli.trial import Scalar

BINS = 10


class Actions:
    """The actions of a decision. Each value of a choice or a short range is an action. A longer range is cut into 10
    equal bins (in the logarithm where it is `log`), and a value is drawn uniformly within a bin.
    """

    def __init__(self, decision: Decision) -> None:
        self._decision = decision
        self._values: Sequence[Scalar] | None = None
        if isinstance(decision, Choice) or _steps(decision) <= BINS:
            self._values = decision.values()

    def __len__(self) -> int:
        return BINS if self._values is None else len(self._values)

    def draw(self, action: int, rng: np.random.Generator) -> Scalar:
        if self._values is not None:
            return self._values[action]
        place = (action + float(rng.random())) / BINS
        assert not isinstance(self._decision, Choice)
        return self._decision.at(place) if isinstance(self._decision, FloatRange) else _int_at(self._decision, place)

    def index(self, value: Scalar) -> int:
        """The action that draws `value`."""
        if isinstance(self._decision, Choice):
            return self._decision.option(value)[0]
        if self._values is not None:
            return next(index for index, known in enumerate(self._values) if same(known, value))
        assert isinstance(value, int | float)
        if isinstance(self._decision, FloatRange):
            place = self._decision.place(value)
        else:
            place = _int_place(self._decision, value)
        return min(int(place * BINS), BINS - 1)


def _steps(decision: IntRange | FloatRange) -> float:
    if decision.low == decision.high:
        return 1
    if decision.step is None:
        return math.inf
    return (decision.high - decision.low) / decision.step + 1


def _int_at(decision: IntRange, place: float) -> int:
    low, end = decision.low, decision.high + 1
    drawn = low * (end / low) ** place if decision.log else low + place * (end - low)
    steps = min(int(drawn) - low, decision.high - low) // decision.step
    return low + steps * decision.step


def _int_place(decision: IntRange, value: float) -> float:
    low, end = decision.low, decision.high + 1
    return math.log(value / low) / math.log(end / low) if decision.log else (value - low) / (end - low)
