"""The decisions of a space: one of several options, an integer from a range, or a number from a range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, overload

import numpy as np

from nas_cli.trial import Scalar


@dataclass(frozen=True)
class Choice:
    """One of `options`: a `Seq` each for a choice of layers, a value each for a choice of values.

    A genotype records the label of an option: a scalar is its own label, a layer's label is its op's name, made unique.
    """

    options: tuple[Any, ...]
    labels: tuple[Scalar, ...]

    def sample(self, rng: np.random.Generator) -> Scalar:
        return self.labels[int(rng.integers(len(self.labels)))]

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        """A different value, unless there is only one."""
        if len(self.labels) == 1:
            return value
        return self.labels[_other(self._places[type(value), value], len(self.labels), rng)]

    @cached_property
    def _places(self) -> dict[tuple[type, Scalar], int]:
        """The index of each label; the type tells 1 from 1.0 from True."""
        return {(type(label), label): index for index, label in enumerate(self.labels)}

    def allows(self, value: Scalar) -> bool:
        return (type(value), value) in self._places

    def values(self) -> Sequence[Scalar]:
        return self.labels

    def option(self, value: Scalar) -> tuple[int, Any]:
        """The index and the option with the label `value`."""
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
            return self._snap(min(max(int(drawn), self.low), self.high))
        return self.low + self.step * int(rng.integers(len(self.values())))

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        """A different value, unless there is only one."""
        assert isinstance(value, int)
        values = self.values()
        if len(values) == 1:
            return value
        return values[_other((value - self.low) // self.step, len(values), rng)]

    def allows(self, value: Scalar) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def values(self) -> range:
        return range(self.low, self.high + 1, self.step)

    def _snap(self, value: int) -> int:
        return self.low + (value - self.low) // self.step * self.step


@dataclass(frozen=True)
class Grid(Sequence[float]):
    """The numbers low, low + step, … up to high, computed in decimals and rounded once: 0.1 + 2 * 0.1 is 0.3. Items are
    computed on access, so a long grid takes no memory.
    """

    low: float
    high: float
    step: float

    @cached_property
    def _units(self) -> tuple[int, int, int, int]:
        """The number of values; low and step as integer numerators over a common denominator; that denominator."""
        low, high, step = (Fraction(Decimal(repr(number))) for number in (self.low, self.high, self.step))
        parts = math.lcm(low.denominator, step.denominator)
        return int((high - low) // step) + 1, int(low * parts), int(step * parts), parts

    @property
    def length(self) -> int:
        """The number of values; `len` fails beyond 2^63."""
        return self._units[0]

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> list[float]: ...
    def __getitem__(self, index: int | slice) -> float | list[float]:
        count, low, step, parts = self._units
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(count))]
        if not -count <= index < count:
            raise IndexError(index)
        return (low + index % count * step) / parts


@dataclass(frozen=True)
class FloatRange:
    """A number from `low` to `high`, rounded to four significant digits, or in a narrow range to as many as it takes to
    hold a hundred values; `step` makes it a grid of values.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def sample(self, rng: np.random.Generator) -> Scalar:
        return self.at(float(rng.random()))

    def neighbour(self, value: Scalar, rng: np.random.Generator) -> Scalar:
        """A value nearby: a normal step with a deviation of a fifth of the range, reflected at its ends."""
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

    def values(self) -> Sequence[float] | None:
        """The grid; None for a continuous range."""
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        return self._grid

    @cached_property
    def _grid(self) -> Grid:
        assert self.step is not None
        return Grid(self.low, self.high, self.step)

    @cached_property
    def _digits(self) -> int:
        """Significant digits that tell at least a hundred values of the range apart; 4 for most ranges."""
        apart = (self.high - self.low) / 1000
        if apart == 0.0:
            return 17
        largest = math.floor(math.log10(max(abs(self.low), abs(self.high))))
        return min(max(4, 1 + largest - math.ceil(math.log10(apart))), 17)

    def at(self, place: float) -> float:
        """The value at the relative position `place`, 0..1, in the range (or its logarithm)."""
        if self.step is not None:
            grid = self._grid
            return grid[min(int(place * len(grid)), len(grid) - 1)]
        if self.log:
            value = math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + place * (self.high - self.low)
        return min(max(float(f"{value:.{self._digits}g}"), self.low), self.high)

    def place(self, value: float) -> float:
        """The relative position of `value` in the range (or its logarithm), 0..1."""
        if self.low == self.high:
            return 0.0
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


Decision = Choice | IntRange | FloatRange


def _other(place: int, count: int, rng: np.random.Generator) -> int:
    """An index from 0 to count - 1 other than `place`, drawn uniformly."""
    drawn = int(rng.integers(count - 1))
    return drawn + (drawn >= place)


def same(a: Any, b: Any) -> bool:
    """Whether `a` and `b` are equal and of one type: 1, 1.0 and True all differ."""
    return type(a) is type(b) and a == b
