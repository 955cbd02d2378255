"""Counts the genotypes of a space without enumerating them.

Counts of layers multiply and counts of options add up, except for `$name`: its decisions count once however often it is
used, and only where it is used. So there is a count per set of names used: {names: number}. For a name that decides a
number of repetitions, the set holds (name, value), and sets that disagree on a value do not combine. A name is replaced
by the count of its definition at the smallest part of the space that holds all its uses, which keeps the sets small.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from nas_cli.space.counts import MOST, ONE, Count, Counts, Number
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

MOST_SETTLED = 200
"""Limit on the values of one number of repetitions that are counted separately."""


class Size(NamedTuple):
    """`number` is infinite where a decision is continuous, and a lower bound where it is not `exact`."""

    number: Number
    exact: bool

    def describe(self) -> str:
        """`15,625`, `about 3.1e+27`, `more than 1.0e+300`, `without end (a number is drawn from …)`."""
        if math.isinf(self.number):
            return "without end (a number is drawn from a continuous range)"
        word = "about" if self.exact else "more than"
        if self.number >= 10**12:
            power = math.log10(self.number)  # takes integers of any size
            return f"{word} {10 ** (power % 1):.1f}e+{int(power)}"
        return f"{self.number:,}" if self.exact else f"{word} {self.number:,}"


def size(space: Space) -> Size:
    """The number of genotypes of `space`, or a lower bound where counting would take too long."""
    counter = _Counter(space)
    return Size(counter.counts.whole(counter.space(space)), counter.counts.exact)


class _Names:
    """Tells which names have had their last use, so that their definitions can replace them.

    A name used in the definition of another name is replaced after that one, whose definition brings it in again.
    """

    def __init__(self, space: Space) -> None:
        self.visits = 0
        self._uses: Counter[str] = Counter()
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        self._first: dict[str, int] = {}
        self._open: list[str] = []
        self._seen: list[tuple[int, str]] = []  # a heap: the name that was met last comes first
        self._waiting: defaultdict[str, list[str]] = defaultdict(list)
        self._gone: set[str] = set()
        self._read(space)

    def _read(self, space: Space) -> None:
        nodes: list[tuple[Any, str]] = [(node, "") for node in (space.model, *space.train.values())]
        while nodes:
            node, user = nodes.pop()
            if not isinstance(node, Ref):
                nodes += [(part, user) for part in _inside(node)]
                continue
            if node.name not in self._uses:
                nodes.append((node.node, node.name))
            self._uses[node.name] += 1
            self._users[node.name] |= {user} - {""}

    def visit(self, name: str) -> None:
        self.visits += 1
        self._first.setdefault(name, self.visits)
        self._uses[name] -= 1
        if self._uses[name] == 0:
            heapq.heappush(self._seen, (-self._first[name], name))

    def define(self, name: str, count: Callable[[], Count]) -> Count:
        self._open.append(name)
        counted = count()
        self._open.pop()
        return counted

    def finished(self, start: int) -> Iterator[str]:
        """The names first used after visit `start` whose last use is over; a name follows those whose definitions use
        it."""
        while self._seen and -self._seen[0][0] > start:
            _, name = heapq.heappop(self._seen)
            user = next(iter(self._users[name] - self._gone - set(self._open)), None)
            if user is not None:
                self._waiting[user].append(name)
                continue
            yield name
            self._gone.add(name)
            for other in self._waiting.pop(name, ()):
                heapq.heappush(self._seen, (-self._first[other], other))


def _inside(node: Any) -> Iterable[Any]:
    """The nodes directly inside `node`."""
    match node:
        case Op(_, args) | Named(_, args):
            return args.values()
        case Seq(parts) | Choice(parts) | Items(parts):
            return parts
        case Repeat(times, body):
            return (times, body)
        case Maybe(body) | Residual(body):
            return (body,)
        case Branches(paths, join) | OpenBranches(paths, join):
            return (*paths, join)
        case OpenJoin(_, by):
            return (by,)
        case Cell(nodes):
            return [body for edges in nodes for _, body in edges]
        case CellSpace():
            return (node.nodes, node.ops, node.channels)
    return ()


class _Counter:
    def __init__(self, space: Space) -> None:
        self.counts = Counts()
        self._names = _Names(space)
        self._definitions: dict[str, Count] = {}
        self._repeated = 0

    def space(self, space: Space) -> Count:
        parts = [self.layer(space.model), *(self.value(value) for value in space.train.values())]
        return self._counted_out(self.counts.product(parts), 0)

    def layer(self, node: Any) -> Count:
        start = self._names.visits
        count = self._layer(node)
        # All copies of a repeated body share the decisions of a name: the name is replaced outside of the repetition.
        return count if self._repeated else self._counted_out(count, start)

    def _counted_out(self, count: Count, start: int) -> Count:
        for name in self._names.finished(start):
            count = self.counts.without(name, count, self._definitions[name])
        return count

    def _layer(self, node: Any) -> Count:
        product, total = self.counts.product, self.counts.total
        match node:
            case Op(_, args):
                return product(self.value(value) for value in args.values())
            case Seq(layers):
                return product(self.layer(layer) for layer in layers)
            case Choice(options):
                return total([self.layer(option) for option in options])
            case Ref(name, inner):
                return self._name(name, lambda: self.layer(inner))
            case Repeat(times, body, tied):
                return self._repeat(times, self._copied(body), tied)
            case Maybe(body):
                return total([ONE, self.layer(body)])
            case Residual(body):
                return self.layer(body)
            case Branches(paths):
                return product(self.layer(path) for path in paths)
            case OpenBranches(paths, join):
                return product([*(self.layer(path) for path in paths), self.value(join)])
            case OpenJoin(_, by):
                return self.value(by)
            case Cell(nodes):
                return product(self.layer(body) for edges in nodes for _, body in edges)
            case CellSpace():
                return self._cell(node)
        return ONE

    def value(self, node: Any) -> Count:
        match node:
            case Choice(options):
                return self.counts.total([self.value(option) for option in options])
            case IntRange() | FloatRange():
                values = node.values()
                return {frozenset(): math.inf if values is None else len(values)}
            case Ref(name, inner):
                return self._name(name, lambda: self.value(inner))
            case Named(_, args):
                return self.counts.product(self.value(value) for value in args.values())
            case Items(items):
                return self.counts.product(self.value(item) for item in items)
        return ONE

    def _name(self, name: str, count: Callable[[], Count]) -> Count:
        self._names.visit(name)
        if name not in self._definitions:
            repeated, self._repeated = self._repeated, 0
            self._definitions[name] = self._names.define(name, count)
            self._repeated = repeated
        return {frozenset({name}): 1}

    def _copied(self, body: Any) -> Count:
        self._repeated += 1
        count = self.layer(body)
        self._repeated -= 1
        return count

    def _repeat(self, times: Any, copies: Count, tied: bool) -> Count:
        counts = self.counts
        if copies == ONE:
            return self.value(times)
        if isinstance(times, IntRange):
            if not tied:
                return counts.powers(copies, times.values())
            outcomes = [ONE] if times.low == 0 else []
            some = len(times.values()) - len(outcomes)
            # The count of a body that is never repeated may be infinite, and 0 times infinity is not a number.
            if some:
                outcomes.append(counts.product([{frozenset(): some}, copies]))
            return counts.total(outcomes)
        repeated = []
        for settled, number in self._outcomes(times):
            copied = min(number, 1) if tied else number
            repeated.append(counts.product([settled, counts.power(copies, copied)]))
        return counts.total(repeated)

    def _outcomes(self, node: Any) -> list[tuple[Count, Any]]:
        """Each value that `node` may take, with the count of the ways to get it."""
        if isinstance(node, Ref):
            self._name(node.name, lambda: self.value(node.node))
        return self._settled(node)

    def _settled(self, node: Any) -> list[tuple[Count, Any]]:
        match node:
            case Choice(options):
                return self._most([outcome for option in options for outcome in self._settled(option)])
            case IntRange():
                values = node.values()
                return self._most([(ONE, value) for value in values[-MOST_SETTLED - 1 :]])
            case Ref(name, inner):
                return [({frozenset({name, (name, value)}): 1}, value) for _, value in self._settled(inner)]
        return [(ONE, node)]

    def _most(self, outcomes: list[tuple[Count, Any]]) -> list[tuple[Count, Any]]:
        if len(outcomes) > MOST_SETTLED:
            self.counts.exact = False
        return outcomes[-MOST_SETTLED:]

    def _cell(self, cell: CellSpace) -> Count:
        self._repeated += 1
        ops = self.layer(cell.ops)
        self._repeated -= 1
        counts = []
        for settled, nodes in self._outcomes(cell.nodes):
            last = nodes if cell.picks is None else cell.inputs + nodes
            wirings, edges = 1, 0
            for node in range(cell.inputs, last):
                picked = node if cell.picks is None else min(node, cell.picks)
                wirings = min(wirings * math.comb(node, picked), 10 * MOST)
                edges += picked
            wired: Count = {frozenset(): wirings}
            counts.append(self.counts.product([settled, wired, self.counts.power(ops, edges)]))
        return self.counts.product([self.counts.total(counts), self.value(cell.channels)])
