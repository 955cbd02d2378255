"""Types of the arguments of components: marks for annotations, and the check of a value against an annotation."""

from __future__ import annotations

import math
import pathlib
import re
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nas_cli.errors import Path, did_you_mean
from nas_cli.paths import path_of

LARGEST = 10**12
"""The largest absolute value of an integer in a spec; no quantity in a spec needs more."""
MOST_SIDES = 10**6
"""Limit on channels, units, pixels of a side, epochs, and examples of a batch; a larger value is a typing error."""
UNIONS = (Union, types.UnionType)
"""The origins (`get_origin`) of a union of alternatives."""


@dataclass(frozen=True)
class Between:
    """A bound for a number: `Annotated[int, Between(1)]` is at least 1, `Between(0, 1)` includes both ends."""

    low: float = -math.inf
    high: float = math.inf

    def hold(self, value: float) -> bool:
        return not (value < self.low or value > self.high)

    def within(self, other: Between) -> Between:
        return Between(max(self.low, other.low), min(self.high, other.high))

    def __str__(self) -> str:
        if math.isinf(self.high):
            return "" if math.isinf(self.low) else f"of at least {_bound(self.low)}"
        if math.isinf(self.low):
            return f"of at most {_bound(self.high)}"
        return f"from {_bound(self.low)} to {_bound(self.high)}"


ANY = Between()


def _bound(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True)
class Matching:
    """Marks a text that must match `pattern` as a whole; `wanted` describes the pattern in words."""

    pattern: str
    wanted: str

    def matches(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True)
class Relative(Matching):
    """Marks a text that is relative to the channels of the input: `same`, `x2`, `x0.5`."""

    pattern: str = "same|x[0-9.]+"
    wanted: str = "'same' or a factor such as 'x2'"

    def matches(self, value: object) -> bool:
        return isinstance(value, str) and (value == "same" or _factor(value) is not None)


def _factor(text: str) -> float | None:
    if not text.startswith("x"):
        return None
    try:
        factor = float(text[1:])
    except ValueError:
        return None
    return factor if 1 / MOST_SIDES <= factor <= MOST_SIDES else None


@dataclass(frozen=True)
class FromData:
    """Marks an argument of an op that comes from the data and not from the spec: the fact `key`, such as the size of a
    vocabulary."""

    key: str


@dataclass(frozen=True)
class Parsed:
    """Marks an argument that may be written as a text, such as `4GB`, which `parse` converts. `parse` raises
    ValueError."""

    parse: Callable[[object], Any]


def relative_channels(value: int | str, incoming: int) -> int:
    """`same`, `x2` or a number, as a number of channels. At least 1."""
    if isinstance(value, int):
        return value
    factor = 1.0 if value == "same" else _factor(value)
    assert factor is not None, value
    return max(1, round(incoming * factor))


PositiveInt = Annotated[int, Between(1)]
NonNegativeInt = Annotated[int, Between(0)]
NonNegative = Annotated[float, Between(0)]
Fraction = Annotated[float, Between(0, 1)]
Side = Annotated[int, Between(1, MOST_SIDES)]
"""A number of channels, pixels, examples of a batch or epochs."""
Members = Annotated[int, Between(1, 10_000)]
"""The size of a strategy's population or tournament."""
Channels = Union[Side, Annotated[str, Relative()]]
"""A number of channels or units: an integer, or `same`, `x2`, `x0.5` relative to those of the input."""
Size = Union[Side, tuple[Side, Side]]
"""A side in pixels, or [height, width]."""


class Unfit(ValueError):
    """`value`, at `path` inside the checked value, does not fit its annotation; the message completes "… takes"."""

    def __init__(self, wanted: str, value: object, path: Path, hint: str = "") -> None:
        super().__init__(wanted + hint)
        self.wanted, self.hint = wanted, hint
        self.value = value
        self.path = path


def check(annotation: Any, value: Any, path: Path = ()) -> Any:
    """`value`, which stands at `path`, converted to `annotation`: a list to a tuple, an integer to a float.

    Raises Unfit.
    """
    if annotation is int or annotation is float:
        return _number(annotation, ANY, value, path)
    if type(annotation) is type:  # a fast path for most annotations: a third of the time
        return _plain(annotation, value, path)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(args[0], args[1:], value, path)
    if origin in UNIONS:
        return _one_of_several(args, value, path)
    if origin is Literal:
        return _literal(args, value, path)
    if origin in (tuple, list) and isinstance(value, list | tuple):
        return _items(annotation, value, path)
    if origin is dict and isinstance(value, dict):
        return {key: check(args[1], item, (*path, str(key))) for key, item in value.items()}
    return _plain(annotation, value, path)


def _number(kind: Any, bounds: Between, value: Any, path: Path) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = whole or (kind is float and isinstance(value, float))
    if fits and kind is float and not abs(value) <= sys.float_info.max:
        raise Unfit(f"a finite number {bounds}".rstrip(), value, path)
    if not fits or not bounds.hold(value):
        raise Unfit(f"{type_name(kind)} {bounds}".rstrip(), value, path)
    if kind is int and not -LARGEST <= value <= LARGEST and math.isinf(bounds.high):
        raise Unfit(f"a whole number {bounds.within(Between(-LARGEST, LARGEST))}", value, path)
    return kind(value)


def _parsed(parse: Callable[[Any], Any], value: object, path: Path) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise Unfit(str(error), value, path) from None


def _marked(base: Any, marks: tuple[Any, ...], value: Any, path: Path) -> Any:
    bounds = ANY
    for mark in marks:
        if isinstance(mark, Parsed):
            return _parsed(mark.parse, value, path)
        if isinstance(mark, Matching) and not mark.matches(value):
            raise Unfit(mark.wanted, value, path)
        if isinstance(mark, Between):
            bounds = mark if bounds is ANY else bounds.within(mark)
    if base is int or base is float:
        return _number(base, bounds, value, path)
    checked = check(base, value, path)
    if isinstance(checked, int | float) and not bounds.hold(checked):
        raise Unfit(f"{type_name(base)} {bounds}", value, path)
    return checked


def _one_of_several(annotations: tuple[Any, ...], value: Any, path: Path) -> Any:
    """`value`, converted to the first annotation that fits. The error lists the alternatives whose failure lies
    deepest, in an item of a list say: these came closest."""
    refusals = []
    for annotation in annotations:
        try:
            return check(annotation, value, path)
        except Unfit as refusal:
            if annotation is not type(None):
                refusals.append(refusal)
    closest = max(refusals, key=lambda refusal: len(refusal.path))
    refusals = [refusal for refusal in refusals if refusal.path == closest.path]
    wanted = dict.fromkeys(refusal.wanted for refusal in refusals)
    hint = "".join(dict.fromkeys(refusal.hint for refusal in refusals))
    raise Unfit(" or ".join(wanted), closest.value, closest.path, hint)


def _literal(allowed: tuple[Any, ...], value: Any, path: Path) -> Any:
    if any(type(value) is type(each) and value == each for each in allowed):
        return value
    hint = did_you_mean(value, allowed)
    raise Unfit(_listed(allowed), value, path, hint if "did you mean" in hint else "")


def _items(annotation: Any, value: list[Any] | tuple[Any, ...], path: Path) -> list[Any] | tuple[Any, ...]:
    origin, kinds = get_origin(annotation), get_args(annotation)
    if origin is list or kinds[1:] == (Ellipsis,):
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise Unfit(type_name(annotation), value, path)
    items = [check(kind, item, (*path, index)) for index, (kind, item) in enumerate(zip(kinds, value, strict=True))]
    return items if origin is list else tuple(items)


def _plain(annotation: Any, value: Any, path: Path) -> Any:
    if annotation is pathlib.Path and isinstance(value, str | pathlib.Path):
        return _parsed(path_of, value, path)
    if annotation is Any or (isinstance(annotation, type) and isinstance(value, annotation)):
        return value
    raise Unfit(type_name(annotation), value, path)


def type_name(annotation: Any) -> str:
    """The name of a type in messages: `int` is "a whole number"."""
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", pathlib.Path: "a path"}
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is tuple and args[1:] != (Ellipsis,):
        return f"a list of {len(args)} values"
    if origin in (tuple, list):
        return "a list"
    if origin is dict:
        return "a mapping"
    if origin is Annotated:
        bounds = [str(mark) for mark in args[1:] if isinstance(mark, Between)]
        matching = [mark.wanted for mark in args[1:] if isinstance(mark, Matching)]
        return " or ".join(matching) or " ".join([type_name(args[0]), *bounds])
    if origin in UNIONS:
        return " or ".join(type_name(arg) for arg in args if arg is not type(None))
    if origin is Literal:
        return _listed(args)
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _listed(allowed: tuple[Any, ...]) -> str:
    return f"one of {', '.join(map(str, allowed))}" if len(allowed) > 1 else str(allowed[0])
