"""Sums and products of counts per set of names, for `size`: {names: number of genotypes that use just these}.

The work is bounded: numbers end at 10^300, and where there are too many sets (exact counting is #P-hard), those with
the lowest counts are dropped. The result is a lower bound then.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Any

MOST = 10**300
"""Near the largest float."""
MOST_SETS = 1024
MOST_WORK = 400_000
"""About how many pairs of sets are multiplied; beyond that, each count keeps one set only."""

Number = int | float
Use = str | tuple[str, Any]
"""A name, or (name, value) where the value of the name is fixed."""
Count = dict[frozenset[Use], Number]
ONE: Count = {frozenset(): 1}


class Counts:
    """Sums and products of counts. `exact` is true until a number was capped or a set dropped."""

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
        """The sum of the powers of `count`. Once a further factor changes nothing, the remaining powers are equal."""
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
        """`count` with `name` replaced by its definition `body`, once in each set that uses the name."""
        result: Count = {}
        for uses, number in count.items():
            if name not in uses:
                result[uses] = self._capped(result.get(uses, 0) + number)
                continue
            settled = {use for use in uses if isinstance(use, tuple) and use[0] == name}
            rest = uses - {name} - settled
            # A name whose value is fixed adds no further choice.
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
    """The union of `a` and `b`; None where they fix a name to different values."""
    settled = {use[0]: use for use in a if isinstance(use, tuple)}
    if settled and any(isinstance(use, tuple) and settled.get(use[0], use) != use for use in b):
        return None
    return a | b
