"""The nodes of the language: one tree for spaces (with decisions) and architectures (without).

Layers are the items of a `Seq`. An architecture consists of `Op`, `Seq`, `Residual`, `Branches`, `Cell`, `Tap`, `Join`
and `Resize`, with plain values as arguments; a space may also hold decisions, `Repeat`, `Maybe`, `CellSpace` and `Ref`.
All nodes are frozen, so architectures share parts of the space that they are drawn from.

Layers that may have weights have a place: `at` is their path in the *space*, such as `model[1].repeat[0].choice[2]`,
which identifies the same layer in different architectures. Equal layers may have different places; `at` is "" unless
`Space.resolve` was asked for places.
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
"""The types of most values. They hold no other values and no decisions, so a walk skips them."""


# Values that hold other values -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A component with its arguments under `train:`, such as an optimizer; resolves to `{name: {argument: value}}`."""

    name: str
    args: Mapping[str, Value]


@dataclass(frozen=True)
class Items:
    """A list of values, any of which may be a decision."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class Ref:
    """`$name`: `node` is its definition under `let:`. All uses share the decisions under `let.name`."""

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
    """Layers one after another; an empty sequence returns its input."""

    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Residual:
    """input + body(input). Where shapes differ, the input goes through a projection to the body's shape."""

    body: Seq
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Branches:
    """Parallel paths. `add` needs equal shapes (else infeasible), `concat` equal sizes, with any channels."""

    paths: tuple[Seq, ...]
    join: Literal["add", "concat"]


@dataclass(frozen=True)
class Cell:
    """A DAG. Values 0..inputs-1 are the cell's inputs, then one value per node: the sum of its edges (source, body).

    With `inputs` 1, value 0 is the output of the layer before the cell (unchanged for `channels` "same"). With 2, value
    0 is the output of the second to last layer before the cell and value 1 that of the last, both brought to `channels`
    and to the size of value 1 by relu-conv-batch_norm. `output`: the last node's value, or all nodes' concatenated.
    """

    nodes: tuple[tuple[tuple[int, Seq], ...], ...]
    output: Literal["last", "concat"]
    inputs: Literal[1, 2]
    channels: int | str = "same"
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Tap:
    """Returns its input and stores it under `name` for later layers."""

    name: str


@dataclass(frozen=True)
class Join:
    """Adds or concatenates a tap to the input. `add` projects the tap to the shape of the input where they differ."""

    tap: str
    by: Literal["add", "concat"]
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Resize:
    """Resizes an image to the height and width of the tap `like`, or of the network's first input where that is None.

    The size is read from the tap in every forward pass, so the network takes images of any size.
    """

    like: str | None
    mode: Literal["bilinear", "nearest"]


# Layers of a space only ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repeat:
    """`body`, `times` times in a row; each copy has its own decisions, or all share them where `tied`."""

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
    """A cell where every edge has one of the options of `ops`. A node sums edges from all earlier values (`picks` None)
    or from two of them, which are a decision (`picks` 2)."""

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
    """An architecture as plain data in the language of specs; parsing it gives the same architecture."""
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
    """One label per option: a scalar itself, the name of a layer or component; `conv#2` for the second `conv`."""
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
