"""How many genotypes a space holds, without drawing them.

Layers multiply and options add up. What makes it more than that is `$name`: its decisions count once however often it
is used, and only where it is used. So a count is kept per set of names used: {names: how many}. Where a name decides
how often something repeats, the set holds (name, value) instead, and sets that disagree on a value do not combine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from nas_cli.space.decisions import Choice, FloatRange, IntRange
from nas_cli.space.nodes import (
    Branches,
    Cell,
    CellSpace,
    Items,
    Maybe,
    Named,
    Op,
    OpenBranches,
    OpenJoin,
    Ref,
    Repeat,
    Residual,
    Seq,
)
from nas_cli.space.space import Space

Number = int | float
Use = str | tuple[str, Any]
Count = dict[frozenset[Use], Number]
ONE: Count = {frozenset(): 1}


def size(space: Space) -> Number:
    """The number of genotypes of `space`; infinite where a decision is continuous."""
    counter = _Counter()
    total = counter.product([counter.layer(space.model), *(counter.value(value) for value in space.train.values())])
    for name in reversed(counter.names):
        total = _substitute(total, name, counter.names[name])
    return sum(total.values())


def _substitute(total: Count, name: str, body: Count) -> Count:
    result: Count = {}
    for uses, number in total.items():
        if name not in uses:
            _add(result, uses, number)
            continue
        rest = uses - {name}
        if any(isinstance(use, tuple) and use[0] == name for use in rest):
            _add(result, rest, number)  # its value is settled already, so it is no further choice
            continue
        for inner, count in body.items():
            merged = _merge(rest, inner)
            if merged is not None:
                _add(result, merged, number * count)
    return result


def _add(count: Count, uses: frozenset[Use], number: Number) -> None:
    count[uses] = count.get(uses, 0) + number


def _merge(a: frozenset[Use], b: frozenset[Use]) -> frozenset[Use] | None:
    """The union; None where the two settle one name to different values."""
    settled = dict(use for use in a if isinstance(use, tuple))
    if any(isinstance(use, tuple) and settled.get(use[0], use[1]) != use[1] for use in b):
        return None
    return a | b


class _Counter:
    def __init__(self) -> None:
        self.names: dict[str, Count] = {}  # in the order in which they were finished: a name after those it uses

    def product(self, counts: Iterable[Count]) -> Count:
        total = ONE
        for count in counts:
            if count == ONE:
                continue
            product: Count = {}
            for a, x in total.items():
                for b, y in count.items():
                    merged = _merge(a, b)
                    if merged is not None:
                        _add(product, merged, x * y)
            total = product
        return total

    def power(self, count: Count, exponent: int) -> Count:
        if len(count) == 1 and frozenset() in count:
            return {frozenset(): count[frozenset()] ** exponent}
        return self.product([count] * exponent)

    def total(self, counts: Iterable[Count]) -> Count:
        result: Count = {}
        for count in counts:
            for uses, number in count.items():
                _add(result, uses, number)
        return result

    def layer(self, node: Any) -> Count:
        match node:
            case Op(_, args):
                return self.product(self.value(value) for value in args.values())
            case Seq(layers):
                return self.product(self.layer(layer) for layer in layers)
            case Choice(options):
                return self.total(self.layer(option) for option in options)
            case Ref(name, inner):
                return self._name(name, lambda: self.layer(inner))
            case Repeat(times, body, tied):
                copies = self.layer(body)
                per_time = [(settled, 1 if tied and n else n) for settled, n in self._outcomes(times)]
                return self.total(self.product([settled, self.power(copies, n)]) for settled, n in per_time)
            case Maybe(body):
                return self.total([ONE, self.layer(body)])
            case Residual(body):
                return self.layer(body)
            case Branches(paths):
                return self.product(self.layer(path) for path in paths)
            case OpenBranches(paths, join):
                return self.product([*(self.layer(path) for path in paths), self.value(join)])
            case OpenJoin(_, by):
                return self.value(by)
            case Cell(nodes):
                return self.product(self.layer(body) for edges in nodes for _, body in edges)
            case CellSpace():
                return self._cell(node)
        return ONE

    def value(self, node: Any) -> Count:
        match node:
            case Choice(options):
                return self.total(self.value(option) for option in options)
            case IntRange() | FloatRange():
                values = node.values()
                return {frozenset(): math.inf if values is None else len(values)}
            case Ref(name, inner):
                return self._name(name, lambda: self.value(inner))
            case Named(_, args):
                return self.product(self.value(value) for value in args.values())
            case Items(items):
                return self.product(self.value(item) for item in items)
        return ONE

    def _name(self, name: str, count: Any) -> Count:
        if name not in self.names:
            self.names[name] = count()
        return {frozenset({name}): 1}

    def _outcomes(self, node: Any) -> list[tuple[Count, Any]]:
        """Each value that `node` may take, with the ways to get it."""
        match node:
            case Choice(options):
                return [outcome for option in options for outcome in self._outcomes(option)]
            case IntRange():
                return [(ONE, value) for value in node.values()]
            case Ref(name, inner):
                self._name(name, lambda: self.value(inner))
                return [({frozenset({name, (name, value)}): 1}, value) for _, value in self._outcomes(inner)]
        return [(ONE, node)]

    def _cell(self, cell: CellSpace) -> Count:
        ops = self.layer(cell.ops)
        counts = []
        for settled, nodes in self._outcomes(cell.nodes):
            last = nodes if cell.picks is None else cell.inputs + nodes
            wirings, edges = 1, 0
            for node in range(cell.inputs, last):
                picked = node if cell.picks is None else min(node, cell.picks)
                wirings *= math.comb(node, picked)
                edges += picked
            counts.append(self.product([settled, {frozenset(): wirings}, self.power(ops, edges)]))
        return self.product([self.total(counts), self.value(cell.channels)])
