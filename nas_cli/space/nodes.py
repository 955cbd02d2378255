"""The nodes of the language: one tree for spaces (with decisions) and architectures (without).

Layers stand in a `Seq`. What an architecture may hold is `Op`, `Seq`, `Residual`, `Branches`, `Cell`, `Tap` and `Join`,
with plain values as arguments; a space may hold the decisions and `Repeat`, `Maybe`, `CellSpace` and `Ref` as well.
All are frozen, so that parts of a space are shared by every architecture that is drawn from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nas_cli.trial import Scalar

Value = Any
"""An argument: a plain value (scalar, tuple), or in a space a `Choice`, `IntRange`, `FloatRange`, `Ref`, `Named`, `Items`."""


# Decisions --------------------------------------------------------------------------------------------------------


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

    def allows(self, value: Scalar) -> bool:
        return any(same(label, value) for label in self.labels)

    def values(self) -> tuple[Scalar, ...]:
        return self.labels

    def option(self, value: Scalar) -> tuple[int, Any]:
        """The index and the option that `value` labels."""
        for index, label in enumerate(self.labels):
            if same(label, value):
                return index, self.options[index]
        raise AssertionError(f"{value!r} is no label of {self.labels}")


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


# Values that hold other values -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A component with its arguments under `train:`, such as an optimizer; resolves to `{name: {argument: value}}`."""

    name: str
    args: Mapping[str, Value]


@dataclass(frozen=True)
class Items:
    """A list of values, any of which may be open."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class Ref:
    """`$name`: `node` is what `let:` defines, read as its place wants it. Every use shares the decisions under `let.name`."""

    name: str
    node: Any


# Layers of an architecture ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """A registered op or `nn.NAME` with the arguments that were given; `channels` may be `same` or `x2`."""

    name: str
    args: Mapping[str, Value]


@dataclass(frozen=True)
class Seq:
    """Layers one after another; none at all passes its input on."""

    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Residual:
    """input + body(input). Where shapes differ, the input goes through a projection to the body's shape."""

    body: Seq


@dataclass(frozen=True)
class Branches:
    """Paths side by side from one input. `add` wants equal shapes (else infeasible), `concat` equal sizes but channels."""

    paths: tuple[Seq, ...]
    join: Literal["add", "concat"]


@dataclass(frozen=True)
class Cell:
    """A DAG. Values 0..inputs-1 are the cell's inputs, then one value a node: the sum of its edges (source, body).

    With `inputs` 1 there is one input: the cell's input as it comes (`channels` "same": no preprocessing at all).
    With 2 the second to last layer's output is value 0 and the last one's is value 1, both brought to `channels` and to
    the size of value 1 by relu-conv-batch_norm. `output`: the last node's value, or all nodes' concatenated over channels.
    """

    nodes: tuple[tuple[tuple[int, Seq], ...], ...]
    output: Literal["last", "concat"]
    inputs: Literal[1, 2]
    channels: int | str = "same"


@dataclass(frozen=True)
class Tap:
    """Passes its input on and keeps it under `name`."""

    name: str


@dataclass(frozen=True)
class Join:
    """Adds or concatenates a tap. Where channels differ, `add` projects the tap to the shape of what comes in."""

    tap: str
    by: Literal["add", "concat"]


# Layers of a space only ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repeat:
    """`body`, `times` times in a row; each copy decides for itself, or all as one where `tied`."""

    times: Value
    body: Seq
    tied: bool = False


@dataclass(frozen=True)
class Maybe:
    """`optional:` in the language: the body or nothing."""

    body: Seq
    choice = Choice((True, False), (True, False))


@dataclass(frozen=True)
class OpenBranches:
    """Branches whose join is a decision."""

    paths: tuple[Seq, ...]
    join: Value


@dataclass(frozen=True)
class OpenJoin:
    """A join whose kind is a decision."""

    tap: str
    by: Value


@dataclass(frozen=True)
class CellSpace:
    """Every edge carries one of the options of `ops`. `picks` None sums all earlier values, 2 picks two of them."""

    nodes: Value
    ops: Choice
    picks: Literal[2] | None
    inputs: Literal[1, 2]
    channels: Value


Layer = (
    Op
    | Seq
    | Residual
    | Branches
    | Cell
    | Tap
    | Join
    | Repeat
    | Maybe
    | OpenBranches
    | OpenJoin
    | CellSpace
    | Choice
    | Ref
)


# Back to the language -------------------------------------------------------------------------------------------------


def to_yaml(node: Any) -> Any:
    """An architecture as plain data in the language: parsing it gives the same architecture."""
    match node:
        case Op(name, args):
            return {name: {key: plain(value) for key, value in args.items()}} if args else name
        case Seq(layers):
            return [to_yaml(layer) for layer in layers]
        case Residual(body):
            return {"residual": to_yaml(body)}
        case Branches(paths, join):
            return {"branches": {"paths": [to_yaml(path) for path in paths], "join": join}}
        case Cell(nodes, output, inputs, channels):
            edges = [[{"from": source, "body": to_yaml(body)} for source, body in node] for node in nodes]
            return {"cell": {"nodes": edges, "output": output, "from": inputs, "channels": channels}}
        case Tap(name):
            return {"tap": name}
        case Join(tap, by):
            return {"join": {"with": tap, "by": by}}
    raise AssertionError(f"{type(node).__name__} belongs to a space, not to an architecture")


def plain(value: Any) -> Any:
    """A resolved value as JSON data."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def unique_labels(options: tuple[Any, ...]) -> tuple[Scalar, ...]:
    """A label an option: a scalar itself, a layer or component its name; `conv#2` for the second `conv`."""
    seen: dict[str, int] = {}
    labels: list[Scalar] = []
    for option in options:
        label = _label(option)
        key = json.dumps(label)
        seen[key] = seen.get(key, 0) + 1
        labels.append(label if seen[key] == 1 else f"{label}#{seen[key]}")
    return tuple(labels)


def _label(option: Any) -> Scalar:
    if option is None or isinstance(option, str | int | float | bool):
        return option
    match option:
        case Seq(()):
            return "nothing"
        case Seq(layers):
            return "+".join(str(_label(layer)) for layer in layers[:4]) + ("+…" if len(layers) > 4 else "")
        case Op(name) | Named(name):
            return name
        case Ref(name):
            return f"${name}"
        case Items(items):
            return "+".join(str(_label(item)) for item in items) or "nothing"
        case tuple():
            return "x".join(str(item) for item in option)
        case Maybe():
            return "optional"
        case CellSpace() | Cell():
            return "cell"
        case Join() | OpenJoin():
            return "join"
        case Branches() | OpenBranches():
            return "branches"
    return type(option).__name__.lower()
