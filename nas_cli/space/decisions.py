"""What a space leaves open: one of several options, a whole number or a number from a range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nas_cli.trial import Scalar


@dataclass(frozen=True)
class Choice:
    """One of `options`: each a `Seq` where a layer stands, a value where a value stands.

    `labels` are what a genotype records: a scalar stands for itself, a layer for its op's name, made unique.
    """

    options: tuple[Any, ...]
    labels: tuple[Scalar, ...]

    def sample(self, rng: np.random.Generator) -> Scalar:
        return self.labels[int(rng.integers(len(self.labels)))]

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        """A different value; the same one where there is no other."""
        others = [label for label in self.labels if not same(label, value)]
        return others[int(rng.integers(len(others)))] if others else value

    @cached_property
    def _places(self) -> dict[tuple[type, Scalar], int]:
        """The index of each label: 1, 1.0 and true are three of them."""
        return {(type(label), label): index for index, label in enumerate(self.labels)}

    def allows(self, value: Scalar) -> bool:
        return (type(value), value) in self._places

    def values(self) -> tuple[Scalar, ...]:
        return self.labels

    def option(self, value: Scalar) -> tuple[int, Any]:
        """The index and the option that `value` labels."""
        index = self._places[type(value), value]
        return index, self.options[index]


@dataclass(frozen=True)
class IntRange:
    """A whole number from `low` to `high`, both included, in steps of `step`; `log` samples evenly in the logarithm."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def sample(self, rng: np.random.Generator) -> Scalar:
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high + 1)))
            return self._snap(min(int(drawn), self.high))
        return self.low + self.step * int(rng.integers(self._count()))

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        others = [other for other in self.values() if other != value]
        return others[int(rng.integers(len(others)))] if others else value

    def allows(self, value: Scalar) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def values(self) -> tuple[Scalar, ...]:
        return tuple(range(self.low, self.high + 1, self.step))

    def _count(self) -> int:
        return (self.high - self.low) // self.step + 1

    def _snap(self, value: int) -> int:
        return self.low + (value - self.low) // self.step * self.step


@dataclass(frozen=True)
class FloatRange:
    """A number from `low` to `high`, kept to four significant digits; `step` makes it a grid of values."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def sample(self, rng: np.random.Generator) -> Scalar:
        return self.at(float(rng.random()))

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        """A value near by: a normal step of a fifth of the range, reflected at its ends."""
        assert isinstance(value, int | float)
        place = self.place(value)
        for _ in range(20):
            moved = abs(place + rng.normal(0.0, 0.2)) % 2.0
            near = self.at(2.0 - moved if moved > 1.0 else moved)
            if near != value:
                return near
        return value

    def allows(self, value: Scalar) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def values(self) -> tuple[Scalar, ...] | None:
        """None: there is no list of them. With a step, the grid."""
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return tuple(_round(self.low + i * self.step) for i in range(count))

    def at(self, place: float) -> float:
        """The value at `place` in 0..1 of the range."""
        if self.step is not None:
            grid = self.values()
            assert grid is not None
            value = grid[min(int(place * len(grid)), len(grid) - 1)]
            assert isinstance(value, float)
            return value
        if self.log:
            value = math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + place * (self.high - self.low)
        return min(max(_round(value), self.low), self.high)

    def place(self, value: float) -> float:
        """Where in 0..1 of the range `value` lies."""
        if self.low == self.high:
            return 0.0
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def _round(value: float) -> float:
    return float(f"{value:.4g}")


Decision = Choice | IntRange | FloatRange


def same(a: Any, b: Any) -> bool:
    """Equal and of one type: 1, 1.0 and true are three values."""
    return type(a) is type(b) and a == b
