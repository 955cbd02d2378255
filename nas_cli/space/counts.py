"""Counts per set of names used, for `size`: {names: how many genotypes use just these}, added and multiplied.

The work is bounded: numbers end at 10^300, and where sets become too many (to count them all is as hard as any counting
problem), those that hold the least are dropped. What is left is a lower bound then.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Any

MOST = 10**300
"""As much as a float holds, about."""
MOST_SETS = 1024
MOST_WORK = 400_000
"""Pairs of sets that are looked at, about; from there on, one set of each count is kept."""

Number = int | float
Use = str | tuple[str, Any]
"""A name, or (name, value) where the value of a name is settled."""
Count = dict[frozenset[Use], Number]
ONE: Count = {frozenset(): 1}


class Counts:
    """Sums and products. `exact` until a number or a set had to be dropped."""

    def __init__(self) -> None:
        self.exact = True
        self._work = 0

    def whole(self, count: Count) -> Number:
        return self._capped(sum(count.values()))

    def product(self, counts: Iterable[Count]) -> Count:
        total = ONE
        for count in counts:
            if count == ONE:
                continue
            self._work += len(total) * len(count)
            product: Count = {}
            for a, x in total.items():
                for b, y in count.items():
                    merged = _merge(a, b)
                    if merged is not None:
                        product[merged] = self._capped(product.get(merged, 0) + x * y)
            total = self._bounded(product)
        return total

    def total(self, counts: Iterable[Count]) -> Count:
        result: Count = {}
        for count in counts:
            for uses, number in count.items():
                result[uses] = self._capped(result.get(uses, 0) + number)
        return self._bounded(result)

    def power(self, count: Count, exponent: int) -> Count:
        result = ONE
        for bit in bin(exponent)[2:]:
            result = self.product([result, result, count if bit == "1" else ONE])
        return result

    def powers(self, count: Count, exponents: range) -> Count:
        """The sum of the powers of `count`. From where one more factor changes nothing, only their number counts."""
        power, factor = self.power(count, exponents.start), self.power(count, exponents.step)
        result: Count = {}
        for place in range(len(exponents)):
            following = self.product([power, factor])
            if following == power:
                left: Count = {frozenset(): len(exponents) - place}
                return self.total([result, self.product([power, left])])
            result = self.total([result, power])
            power = following
        return result

    def without(self, name: str, count: Count, body: Count) -> Count:
        """`count` with what `name` stands for, `body`, in its place, once in each set that uses it."""
        result: Count = {}
        for uses, number in count.items():
            if name not in uses:
                result[uses] = self._capped(result.get(uses, 0) + number)
                continue
            settled = {use for use in uses if isinstance(use, tuple) and use[0] == name}
            rest = uses - {name} - settled
            # A value that is settled is no further choice.
            inner = {rest: number} if settled else self.product([{rest: number}, body])
            for merged, many in inner.items():
                result[merged] = self._capped(result.get(merged, 0) + many)
        return self._bounded(result)

    def _bounded(self, count: Count) -> Count:
        most = MOST_SETS if self._work < MOST_WORK else 1
        if len(count) <= most:
            return count
        self.exact = False
        return dict(heapq.nlargest(most, count.items(), key=lambda item: item[1]))

    def _capped(self, number: Number) -> Number:
        if number <= MOST or number == math.inf:
            return number
        self.exact = False
        return MOST


def _merge(a: frozenset[Use], b: frozenset[Use]) -> frozenset[Use] | None:
    """The union; None where the two settle one name to different values."""
    settled = {use[0]: use for use in a if isinstance(use, tuple)}
    if settled and any(isinstance(use, tuple) and settled.get(use[0], use) != use for use in b):
        return None
    return a | b
