"""The nodes of the language: one tree for spaces (with decisions) and architectures (without).

Layers stand in a `Seq`. What an architecture may hold is `Op`, `Seq`, `Residual`, `Branches`, `Cell`, `Tap`, `Join` and
`Resize`, with plain values as arguments; a space may hold the decisions and `Repeat`, `Maybe`, `CellSpace` and `Ref`
as well.
All are frozen, so that parts of a space are shared by every architecture that is drawn from it.

Layers that may have weights have a place: `at`, the path that leads to them in the *space*, such as
`model[1].repeat[0].choice[2]`, wherever they stand in an architecture. By it a layer of one architecture is known again
in another. Layers that are equal may have different places; `at` is "" where `Space.resolve` was not asked for places.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nas_cli.space.decisions import Choice
from nas_cli.trial import Scalar

Value = Any
"""An argument: a scalar or tuple; in a space also `Choice`, `IntRange`, `FloatRange`, `Ref`, `Named`, `Items`."""
SCALARS = frozenset((str, int, float, bool, type(None)))
"""Most values are of these types, which neither hold others nor leave anything open: a walk passes over them."""


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
    """`$name`: `node` is what `let:` defines. All uses share the decisions under `let.name`."""

    name: str
    node: Any


# Layers of an architecture ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """A registered op or `nn.NAME` with the arguments that were given; `channels` may be `same` or `x2`."""

    name: str
    args: Mapping[str, Value]
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Seq:
    """Layers one after another; none at all passes its input on."""

    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Residual:
    """input + body(input). Where shapes differ, the input goes through a projection to the body's shape."""

    body: Seq
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Branches:
    """Paths side by side. `add` wants equal shapes (else infeasible), `concat` equal sizes, any channels."""

    paths: tuple[Seq, ...]
    join: Literal["add", "concat"]


@dataclass(frozen=True)
class Cell:
    """A DAG. Values 0..inputs-1 are the cell's inputs, then one value a node: the sum of its edges (source, body).

    With `inputs` 1 there is one input: the cell's input as it comes (`channels` "same": no preprocessing at all).
    With 2 the output of the layer before the last is value 0 and the last one's is value 1, both brought to `channels`
    and to the size of value 1 by relu-conv-batch_norm. `output`: the last node's value, or all nodes' concatenated.
    """

    nodes: tuple[tuple[tuple[int, Seq], ...], ...]
    output: Literal["last", "concat"]
    inputs: Literal[1, 2]
    channels: int | str = "same"
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Tap:
    """Passes its input on and keeps it under `name`."""

    name: str


@dataclass(frozen=True)
class Join:
    """Adds or concatenates a tap. Where channels differ, `add` projects the tap to the shape of what comes in."""

    tap: str
    by: Literal["add", "concat"]
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Resize:
    """Brings an image to the height and width of the tap `like`, or of the network's first input where that is None.

    The size is read off the tap each time, so a network with it takes images of any size.
    """

    like: str | None
    mode: Literal["bilinear", "nearest"]


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
    | Resize
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
        case Resize(None, mode):
            return {"resize": {"mode": mode}}
        case Resize(like, mode):
            return {"resize": {"like": like, "mode": mode}}
    raise AssertionError(f"{type(node).__name__} belongs to a space, not to an architecture")


def plain(value: Any) -> Any:
    """A resolved value as JSON data."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def unique_labels(options: tuple[Any, ...]) -> tuple[Scalar, ...]:
    """A label an option: a scalar itself, a layer or component its name; `conv#2` for the second `conv`."""
    seen: dict[str, int] = {}
    labels: dict[str, Scalar] = {}
    for option in options:
        label = _label(option)
        key = json.dumps(label)
        seen[key] = number = seen.get(key, 0) + 1
        unique = label if number == 1 else f"{label}#{number}"
        while json.dumps(unique) in labels:  # an option may be called `conv#2`
            number += 1
            unique = f"{label}#{number}"
        labels[json.dumps(unique)] = unique
    return tuple(labels.values())


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
