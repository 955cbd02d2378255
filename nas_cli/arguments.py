"""What the arguments of components may be: marks for their annotations, and how a value is checked against one."""

from __future__ import annotations

import math
import os
import pathlib
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nas_cli.errors import did_you_mean

LARGEST = 10**12
"""The largest whole number of a spec, and the smallest below zero: what is counted in a spec is never more."""
MOST_SIDES = 10**6
"""Channels, units, pixels of a side, epochs, examples of a batch: more of them is a slip of the pen."""
MAX_PATH, MAX_PATH_PART = 4096, 255
"""Bytes of a path, and of a name in it, that file systems take."""


@dataclass(frozen=True)
class Between:
    """A bound for a number: `Annotated[int, Between(1)]` is at least 1, `Between(0, 1)` includes both ends."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"of at least {_bound(self.low)}"
        if math.isinf(self.low):
            return f"of at most {_bound(self.high)}"
        return f"from {_bound(self.low)} to {_bound(self.high)}"


def _bound(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True)
class Relative:
    """Marks a string that is relative to what comes in: `same`, `x2`, `x0.5`."""

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
    """Marks an argument of an op that no spec gives: the fact `key` of the data, such as the size of a vocabulary."""

    key: str


@dataclass(frozen=True)
class Parsed:
    """Marks an argument that a person may write as a text, such as `4GB`, which `parse` makes a number of."""

    parse: Callable[[object], Any]


def relative_channels(value: int | str, incoming: int) -> int:
    """`same`, `x2` or a number, as a number of channels. At least 1."""
    if isinstance(value, int):
        return value
    factor = 1.0 if value == "same" else _factor(value)
    assert factor is not None, value
    return max(1, round(incoming * factor))


RELATIVE = "'same' or a factor such as 'x2'"
PositiveInt = Annotated[int, Between(1)]
NonNegativeInt = Annotated[int, Between(0)]
NonNegative = Annotated[float, Between(0)]
Fraction = Annotated[float, Between(0, 1)]
Side = Annotated[int, Between(1, MOST_SIDES)]
"""How many of what a network, a batch or a training is made of."""
Members = Annotated[int, Between(1, 10_000)]
"""How many trials a strategy looks at together."""
Channels = Union[Side, Annotated[str, Relative()]]
"""How many channels or units: a whole number, or `same`, `x2`, `x0.5` relative to what comes in."""
Size = Union[Side, tuple[Side, Side]]
"""A side in pixels, or [height, width]."""


def check(annotation: Any, value: Any) -> Any:
    """`value` as `annotation` wants it (a list becomes a tuple, a whole number a float).

    Raises ValueError whose text completes "<argument> takes …".
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return value
    if origin is Annotated:
        return _check_annotated(args[0], args[1:], value)
    if origin in (Union, types.UnionType):
        return _check_union(annotation, args, value)
    if origin is Literal:
        return _check_literal(args, value)
    if origin in (tuple, list):
        if not isinstance(value, list | tuple):
            raise ValueError(type_name(annotation))
        return _check_tuple(annotation, args, value) if origin is tuple else [check(args[0], item) for item in value]
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(type_name(annotation))
        return {key: check(args[1], item) for key, item in value.items()}
    return _check_plain(annotation, value)


def _check_literal(args: tuple[Any, ...], value: Any) -> Any:
    if value in args and any(type(value) is type(a) and value == a for a in args):
        return value
    raise ValueError(f"one of {', '.join(map(str, args))}{_near(value, args)}")


def _check_tuple(annotation: Any, args: tuple[Any, ...], value: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(check(args[0], item) for item in value)
    if len(value) != len(args):
        raise ValueError(type_name(annotation))
    return tuple(check(arg, item) for arg, item in zip(args, value, strict=True))


def _near(value: object, allowed: tuple[object, ...]) -> str:
    hint = did_you_mean(value, allowed)
    return hint if "did you mean" in hint else ""


def _check_plain(annotation: Any, value: Any) -> Any:
    if annotation is float and isinstance(value, int | float) and not isinstance(value, bool):
        return finite(value)
    if annotation is int and isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise ValueError(f"a whole number of at most {LARGEST:,}")
    if annotation is pathlib.Path and isinstance(value, str | pathlib.Path):
        return path_of(value)
    if annotation in (None, type(None)) and value is None:
        return None
    if isinstance(annotation, type) and isinstance(value, annotation):
        if isinstance(value, bool) and annotation is not bool:
            raise ValueError(type_name(annotation))
        return value
    raise ValueError(type_name(annotation))


def finite(value: float) -> float:
    """A number as a float. Raises ValueError where it is none that a float holds: infinite, no number, too large."""
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError("a finite number")
    return float(value)


def path_of(value: str | pathlib.Path) -> pathlib.Path:
    """A path that a file system takes, `~` and `~name` as the folder of that user. Raises ValueError."""
    text = os.fspath(value)
    if not text:
        raise ValueError("a path, not an empty text")
    if "\0" in text:
        raise ValueError("a path without a NUL character")
    try:
        length = max(map(len, os.fsencode(text).split(b"/")))
    except UnicodeEncodeError:
        raise ValueError("a path in characters that a file name may have") from None
    if length > MAX_PATH_PART or len(text) > MAX_PATH:
        raise ValueError(f"a path of at most {MAX_PATH:,} bytes, and {MAX_PATH_PART} in a name")
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError:
        user = text.split("/", 1)[0]
        raise ValueError(f"a path; {user} is a user's folder, and there is no such user (a file: ./{user})") from None


def _check_annotated(base: Any, marks: tuple[Any, ...], value: Any) -> Any:
    bounds = [mark for mark in marks if isinstance(mark, Between)]
    checked: Any = value
    for mark in marks:
        if isinstance(mark, Parsed):
            return mark.parse(value)
    if any(isinstance(mark, Relative) for mark in marks) and not isinstance(value, str):
        raise ValueError(RELATIVE)
    try:
        checked = check(base, value)
    except ValueError as error:
        closest = bounds and not math.isinf(bounds[-1].high)
        rule = type_name(base) if closest else str(error)  # a bound of its own says more than the one for all numbers
        raise ValueError(" ".join([rule, *map(str, bounds)])) from None
    for mark in marks:
        _require(mark, base, checked)
    return checked


def _require(mark: Any, base: Any, checked: Any) -> None:
    if isinstance(mark, Between) and not mark.low <= checked <= mark.high:
        raise ValueError(f"{type_name(base)} {mark}")
    if isinstance(mark, Relative) and not mark.matches(checked):
        raise ValueError(RELATIVE)


def _check_union(annotation: Any, args: tuple[Any, ...], value: Any) -> Any:
    problems = []
    for arg in args:
        try:
            return check(arg, value)
        except ValueError as error:
            problems.append(str(error))
    wanted = [text for arg, text in zip(args, problems, strict=True) if arg is not type(None)]
    raise ValueError(" or ".join(dict.fromkeys(wanted)))


def type_name(annotation: Any) -> str:
    """What a person calls a type: `int` is "a whole number"."""
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", pathlib.Path: "a path"}
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return f"a list of {len(args)} values"
    if origin in (tuple, list):
        return "a list"
    if origin is dict:
        return "a mapping"
    if origin is Annotated:
        bounds = [str(mark) for mark in args[1:] if isinstance(mark, Between)]
        return RELATIVE if Relative in map(type, args[1:]) else " ".join([type_name(args[0]), *bounds])
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(arg) for arg in args if arg is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(map(str, args))
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))
