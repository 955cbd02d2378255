"""The walk through a space: turns its nodes into layers without decisions, by asking a `decide` function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
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
    Resize,
    Seq,
    Tap,
    Value,
    unique_labels,
)
from nas_cli.trial import Scalar

Decide = Callable[[str, Decision], Scalar]
MAX_LAYERS = 5_000
MAX_STEPS = 20_000
MAX_NODES = 100
"""Limit on the nodes of a cell: the possible inputs of a node grow with the square of its index."""
COUNTED = frozenset((Op, Residual, OpenJoin, Cell))
"""Layers that count as one. Branches and cell spaces count their paths and edges, other nodes only their parts."""


class Walk:
    """`_count` is the number of layers so far, nested ones included; the layers of a `$name` count at each use.
    `_steps` counts the nodes visited, which may yield no layers.
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
        """The layers of `seq` without decisions, nested ones flattened. A single layer has no index in its path."""
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

    def layer(self, layer: Layer, path: str) -> list[Layer]:  # noqa: C901 - one match over every kind of layer
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
            case Tap() | Join() | Resize():
                return [layer]
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
        """The arguments with a value for every decision."""
        taken: dict[str, Any] = {}
        for key, value in args.items():
            taken[key] = value if type(value) in SCALARS else self.value(value, f"{path}.{key}")
        return taken

    def _paths(self, paths: tuple[Seq, ...], path: str) -> tuple[Seq, ...]:
        self._grow(len(paths))
        return tuple(self.seq(body, f"{path}.branches[{index}]") for index, body in enumerate(paths))

    def _once(self, name: str, node: Any, resolve: Callable[[], Any]) -> Any:
        """Resolves a `$name` once: all its uses resolve to the same layers or value."""
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
                # Where sources are picked, the path has the rank and not the source: a new pick keeps the op.
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


class PlacedWalk(Walk):
    """The walk that visits every layer, also where nothing is open, and records its place.

    Below a `$name` and in tied copies, several places have the same paths of decisions. There `_scope` holds the prefix
    of the paths, and the prefix of the places that replaces it.
    """

    def __init__(self, decide: Decide) -> None:
        super().__init__(decide, lambda node: True, lambda node: 1)
        self._scope = ("", "")

    def layer(self, layer: Layer, path: str) -> list[Layer]:
        at = self._place(path)
        match layer:
            case Ref(name, node):
                return self._layers_at(node, f"let.{name}", f"{at}.${name}")
            case Repeat(times, body, True):
                count = self.value(times, f"{path}.repeat.times")
                copies = (f"{at}.repeat[{copy}]" for copy in range(count))
                return [part for copy in copies for part in self._layers_at(body, f"{path}.repeat[0]", copy)]
        found = super().layer(layer, path)
        if isinstance(layer, Op | Residual | Join | OpenJoin | Cell | CellSpace):
            return [replace(part, at=at) for part in found if isinstance(part, Op | Residual | Join | Cell)]
        return found

    def _layers_at(self, seq: Seq, path: str, at: str) -> list[Layer]:
        self._step()
        before, self._scope = self._scope, (path, at)
        found = self.layers(seq, path)
        self._scope = before
        return found

    def _place(self, path: str) -> str:
        walked, at = self._scope
        return at + path[len(walked) :]


@cache
def _pairs(node: int, picks: int) -> Choice:
    """The choice of the `picks` inputs of a node among the values before it."""
    pairs = tuple(combinations(range(node), picks))
    return Choice(pairs, unique_labels(tuple("+".join(map(str, pair)) for pair in pairs)))
