"""A search space. Sampling, replay and mutation are `decide` functions for the same walk through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    Value,
    plain,
)
from nas_cli.space.walk import Decide, PlacedWalk, Walk
from nas_cli.trial import Genotype, Scalar


@dataclass(frozen=True)
class Resolved:
    """One point of a space: the architecture, the settings under `train:` as plain data, and the decisions taken."""

    model: Seq
    train: dict[str, Any]
    genotype: dict[str, Scalar]


class Space:
    """`model` and the values of `train`, with their decisions.

    `unused` are the names under `let:` that nothing uses. `accept` says whether a genotype is worth proposing: a run
    sets it to check its constraints, so that strategies sample and mutate within them.
    """

    def __init__(self, model: Seq, train: Mapping[str, Value], unused: tuple[str, ...] = ()) -> None:
        self.model = model
        self.train = dict(train)
        self.unused = unused
        self.accept: Callable[[Genotype], bool] = lambda genotype: True
        self._open: dict[int, bool] = {}
        self._weights: dict[int, int] = {}

    def resolve(self, decide: Decide, placed: bool = False) -> Resolved:
        """Walks the space once. `decide(path, decision)` is called once for each path, in the order of the text.

        Where `placed`, every layer has its place in the space (`at`); else all architectures share the layers without
        decisions, which is faster. Raises Infeasible where the architecture would have more than 5,000 layers.
        """
        walk = PlacedWalk(decide) if placed else Walk(decide, self.is_open, self.weight)
        model = Seq(tuple(walk.layers(self.model, "model", top=True)))
        train = {name: plain(walk.value(value, f"train.{name}")) for name, value in self.train.items()}
        return Resolved(model, train, walk.taken)

    def is_open(self, node: Any) -> bool:
        """Whether `node` holds a decision, or anything else that an architecture may not hold. Cached by node."""
        known = self._open.get(id(node))
        if known is None:
            known = _is_open(node, self.is_open)
            if not isinstance(node, str | int | float | bool | None):
                self._open[id(node)] = known
        return known

    def weight(self, node: Any) -> int:
        """The number of layers in `node`, itself included; `node` must not be open. Cached by node."""
        known = self._weights.get(id(node))
        if known is None:
            known = self._weights[id(node)] = 1 + sum(self.weight(part) for part in _parts(node))
        return known


def _parts(node: Any) -> Iterator[Any]:
    """The layers directly inside of a layer."""
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
