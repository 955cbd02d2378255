"""A search space, and the one walk through it: every way to draw an architecture is a `decide` function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from nas_cli.errors import Infeasible
from nas_cli.space.decisions import Choice, Decision, FloatRange, IntRange
from nas_cli.space.nodes import (
    SCALARS,
    Branches,
    Cell,
    CellSpace,
    Items,
    Join,
    Layer,
    Maybe,
    Named,
    Op,
    OpenBranches,
    OpenJoin,
    Ref,
    Repeat,
    Residual,
    Seq,
    Value,
    plain,
    unique_labels,
)
from nas_cli.trial import Genotype, Scalar

Decide = Callable[[str, Decision], Scalar]
MAX_LAYERS = 5_000
MAX_STEPS = 20_000
MAX_NODES = 100
"""Nodes of a cell: of more of them, what a node may take grows without sense."""
COUNTED = frozenset((Op, Residual, OpenJoin, Cell))
"""Layers that count by themselves; branches and cells with open edges count by those, the others by what they hold."""


@dataclass(frozen=True)
class Resolved:
    """One point of a space: the architecture, the settings under `train:` as plain data, and the decisions taken."""

    model: Seq
    train: dict[str, Any]
    genotype: dict[str, Scalar]


class Space:
    """`model` and the values of `train`, with whatever decisions they hold.

    `unused` names what `let:` defines and nothing uses. `accept` says whether a genotype is worth proposing: a run sets
    it to what its constraints allow, so that strategies sample and mutate inside of them.
    """

    def __init__(self, model: Seq, train: Mapping[str, Value], unused: tuple[str, ...] = ()) -> None:
        self.model = model
        self.train = dict(train)
        self.unused = unused
        self.accept: Callable[[Genotype], bool] = lambda genotype: True
        self._open: dict[int, bool] = {}
        self._weights: dict[int, int] = {}

    def resolve(self, decide: Decide) -> Resolved:
        """Walks the space once. `decide(path, decision)` is asked once a path, in the order of the text.

        Raises Infeasible where the architecture would have more than 5,000 layers.
        """
        walk = _Walk(decide, self.is_open, self.weight)
        model = Seq(tuple(walk.layers(self.model, "model", top=True)))
        train = {name: plain(walk.value(value, f"train.{name}")) for name, value in self.train.items()}
        return Resolved(model, train, walk.taken)

    def is_open(self, node: Any) -> bool:
        """Does `node` hold a decision, or anything else that an architecture may not hold? Remembered by node."""
        known = self._open.get(id(node))
        if known is None:
            known = _is_open(node, self.is_open)
            if not isinstance(node, str | int | float | bool | None):
                self._open[id(node)] = known
        return known

    def weight(self, node: Any) -> int:
        """How many layers `node`, which is not open, is made of, itself included. Remembered by node."""
        known = self._weights.get(id(node))
        if known is None:
            known = self._weights[id(node)] = 1 + sum(self.weight(part) for part in _parts(node))
        return known


def _parts(node: Any) -> Iterator[Any]:
    """The layers right inside of a layer."""
    match node:
        case Seq(layers):
            yield from layers
        case Residual(body):
            yield body
        case Branches(paths):
            yield from paths
        case Cell(nodes):
            yield from (body for node in nodes for _, body in node)


def _is_open(node: Any, is_open: Callable[[Any], bool]) -> bool:
    match node:
        case Op(_, args) | Named(_, args):
            return isinstance(node, Named) or any(is_open(value) for value in args.values())
        case Seq(layers):
            return any(is_open(layer) or isinstance(layer, Seq) for layer in layers)
        case Residual(body):
            return is_open(body)
        case Branches(paths):
            return any(is_open(path) for path in paths)
        case Cell(nodes):
            return any(is_open(body) for node in nodes for _, body in node)
        case Choice() | IntRange() | FloatRange() | Ref() | Items() | Repeat() | Maybe():
            return True
        case OpenBranches() | OpenJoin() | CellSpace():
            return True
    return False


class _Walk:
    """`_count` is how many layers there are, wherever they stand; what a `$name` stands for counts at each use of it.
    `_steps` counts what was looked at to get there, which may come to nothing.
    """

    def __init__(self, decide: Decide, is_open: Callable[[Any], bool], weight: Callable[[Any], int]) -> None:
        self._decide = decide
        self._is_open = is_open
        self._weight = weight
        self._refs: dict[tuple[str, int], tuple[Any, int]] = {}
        self._count = self._steps = 0
        self.taken: dict[str, Scalar] = {}

    def decide(self, path: str, decision: Decision) -> Scalar:
        if path not in self.taken:
            value = self._decide(path, decision)
            assert decision.allows(value), f"{path}: {value!r} is not allowed by {decision}"
            self.taken[path] = value
        return self.taken[path]

    def layers(self, seq: Seq, path: str, top: bool = False) -> list[Layer]:
        """The layers of `seq` without decisions, nested sequences spliced in. A single layer keeps the path."""
        if not self._is_open(seq):
            self._grow(self._weight(seq) - 1)
            return list(seq.layers)
        indexed = top or len(seq.layers) > 1
        result: list[Layer] = []
        for index, layer in enumerate(seq.layers):
            result.extend(self.layer(layer, f"{path}[{index}]" if indexed else path))
        return result

    def seq(self, seq: Seq, path: str) -> Seq:
        if self._is_open(seq):
            return Seq(tuple(self.layers(seq, path)))
        self._grow(self._weight(seq) - 1)
        return seq

    def layer(self, layer: Layer, path: str) -> list[Layer]:
        if not self._is_open(layer) and not isinstance(layer, Seq):
            self._grow(self._weight(layer))
            return [layer]
        self._step()
        if type(layer) in COUNTED:
            self._grow(1)
        match layer:
            case Op(name, args):
                return [Op(name, self._values(args, f"{path}.{name}"))]
            case Seq():
                return self.layers(layer, path)
            case Choice():
                index, option = layer.option(self.decide(f"{path}.choice", layer))
                return self.layers(option, f"{path}.choice[{index}]")
            case Ref(name, node):
                shared: list[Layer] = self._once(name, node, lambda: self.layers(node, f"let.{name}"))
                return shared
            case Repeat(times, body, tied):
                count = self.value(times, f"{path}.repeat.times")
                result: list[Layer] = []
                for copy in range(count):
                    self._step()
                    result.extend(self.layers(body, f"{path}.repeat[{0 if tied else copy}]"))
                return result
            case Maybe(body):
                wanted = self.decide(f"{path}.optional", Maybe.choice)
                return self.layers(body, f"{path}.optional") if wanted else []
            case Residual(body):
                return [Residual(self.seq(body, f"{path}.residual"))]
            case Branches(paths, join):
                return [Branches(self._paths(paths, path), join)]
            case OpenBranches(paths, join):
                return [Branches(self._paths(paths, path), self.value(join, f"{path}.branches.join"))]
            case OpenJoin(tap, by):
                return [Join(tap, self.value(by, f"{path}.join.by"))]
            case Cell(nodes, output, inputs, channels):
                closed = tuple(
                    tuple((source, self.seq(body, f"{path}.cell.edge[{source},{inputs + n}]")) for source, body in node)
                    for n, node in enumerate(nodes)
                )
                return [Cell(closed, output, inputs, channels)]
            case CellSpace():
                return [self._cell(layer, f"{path}.cell")]
        raise AssertionError(f"{type(layer).__name__} is no layer")

    def value(self, value: Value, path: str) -> Any:
        match value:
            case Choice():
                index, option = value.option(self.decide(path, value))
                return self.value(option, f"{path}[{index}]")
            case IntRange() | FloatRange():
                return self.decide(path, value)
            case Ref(name, node):
                return self._once(name, node, lambda: self.value(node, f"let.{name}"))
            case Named(name, args):
                return {name: self._values(args, f"{path}.{name}")}
            case Items(items):
                return [self.value(item, f"{path}[{index}]") for index, item in enumerate(items)]
        return value

    def _values(self, args: Mapping[str, Value], path: str) -> dict[str, Any]:
        """Every argument with its decisions taken."""
        return {
            key: value if type(value) in SCALARS else self.value(value, f"{path}.{key}") for key, value in args.items()
        }

    def _paths(self, paths: tuple[Seq, ...], path: str) -> tuple[Seq, ...]:
        self._grow(len(paths))
        return tuple(self.seq(body, f"{path}.branches[{index}]") for index, body in enumerate(paths))

    def _once(self, name: str, node: Any, resolve: Callable[[], Any]) -> Any:
        """A `$name` resolves to the same thing wherever it stands, so it is resolved once."""
        key = (name, id(node))
        if key in self._refs:
            found, weight = self._refs[key]
            self._grow(weight)
            return found
        before = self._count
        found = resolve()
        self._refs[key] = found, self._count - before
        return found

    def _cell(self, cell: CellSpace, path: str) -> Cell:
        count = self.value(cell.nodes, f"{path}.nodes")
        channels = self.value(cell.channels, f"{path}.channels")
        nodes: list[tuple[tuple[int, Seq], ...]] = []
        # NAS-Bench-201 counts the cell's input as a node, DARTS counts the nodes between its inputs and its output.
        last = count if cell.picks is None else cell.inputs + count
        for node in range(cell.inputs, last):
            sources: tuple[int, ...] = tuple(range(node))
            if cell.picks and node > cell.picks:
                decision = _pairs(node, cell.picks)
                _, sources = decision.option(self.decide(f"{path}.inputs[{node}]", decision))
            self._grow(len(sources))
            edges = []
            for rank, source in enumerate(sources):
                # Named by rank where sources are picked: a mutation of the pick then keeps the op.
                edge = f"{path}.edge[{source},{node}]" if cell.picks is None else f"{path}.op[{node},{rank}]"
                index, option = cell.ops.option(self.decide(edge, cell.ops))
                edges.append((source, self.seq(option, f"{edge}[{index}]")))
            nodes.append(tuple(edges))
        return Cell(tuple(nodes), "last" if cell.picks is None else "concat", cell.inputs, channels)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Infeasible(f"the architecture takes more than {MAX_STEPS:,} steps, most of which come to nothing")

    def _grow(self, layers: int) -> None:
        self._count += layers
        if self._count > MAX_LAYERS:
            raise Infeasible(f"the architecture has more than {MAX_LAYERS:,} layers")


@cache
def _pairs(node: int, picks: int) -> Choice:
    """Which of the values before it a node of a cell takes."""
    pairs = tuple(combinations(range(node), picks))
    return Choice(pairs, unique_labels(tuple("+".join(map(str, pair)) for pair in pairs)))
