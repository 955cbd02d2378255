"""Names to things: the one registry class, and what a registered function takes.

A component is written `name` or `{name: {argument: value}}` in a spec; `{name: value}` gives the first argument.
What a component takes is read from its signature, so there is no second description to keep in step:

    @OPS.register("conv")
    def conv(shape: Shape, channels: Channels, kernel: Size = 3) -> nn.Module: ...

`Registry.params` skips the positional-only or leading parameters that the caller supplies (`supplied`).
"""

from __future__ import annotations

import inspect
import math
import pathlib
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from nas_cli.errors import SpecError, did_you_mean

T = TypeVar("T")
REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Between:
    """A bound for a number: `Annotated[int, Between(1)]` is at least 1, `Between(0, 1)` includes both ends."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"of at least {self.low:g}"
        if math.isinf(self.low):
            return f"of at most {self.high:g}"
        return f"from {self.low:g} to {self.high:g}"


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
    return factor if math.isfinite(factor) and factor > 0 else None


@dataclass(frozen=True)
class Parsed:
    """Marks an argument that a person may write as a text, such as `4GB`, which `parse` makes a number of."""

    parse: Callable[[object], Any]


@dataclass(frozen=True)
class Component:
    """Marks an argument that is itself a component: `Annotated[Any, Component(OPTIMIZERS)]`."""

    registry: Registry[Any]


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
Channels = Union[PositiveInt, Annotated[str, Relative()]]
"""How many channels or units: a whole number, or `same`, `x2`, `x0.5` relative to what comes in."""
Size = Union[PositiveInt, tuple[PositiveInt, PositiveInt]]
"""A side in pixels, or [height, width]."""


@dataclass(frozen=True)
class Param:
    """One argument of a component: its name, its annotation, its default (`REQUIRED` where there is none)."""

    name: str
    annotation: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


class Registry(Generic[T]):
    """Maps a name to a component. `kind` is the word used in messages: "op", "strategy", "optimizer"."""

    def __init__(self, kind: str, supplied: int = 0) -> None:
        self.kind = kind
        self._supplied = supplied
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator. Raises SpecError where the name is taken: two components never share one."""

        def add(item: T) -> T:
            if name in self._items:
                raise SpecError(f"{self.kind} '{name}' is registered twice")
            self._items[name] = item
            return item

        return add

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            raise SpecError(f"unknown {self.kind} '{name}'{did_you_mean(name, self)}", on_key=True)
        return self._items[name]

    def params(self, name: str) -> tuple[Param, ...]:
        """The arguments that a spec may give to `name`, in order; those supplied by the caller are left out."""
        return signature(self[name], self._supplied)

    def describe(self, name: str) -> str:
        """The first line of the component's docstring."""
        return (inspect.getdoc(self[name]) or "").split("\n", 1)[0]

    def parse(self, raw: object) -> tuple[str, dict[str, Any]]:
        """`name`, `{name: {…}}` or `{name: value}` as (name, arguments with defaults filled in).

        Raises SpecError with a path relative to `raw`.
        """
        name, given = split_component(raw, self.kind)
        params = self.params(name)
        arguments = name_arguments(given, params, f"{self.kind} '{name}'", (name,))
        checked = {p.name: _checked(p, arguments[p.name], (name, p.name)) for p in params if p.name in arguments}
        return name, {p.name: checked.get(p.name, p.default) for p in params}


def _checked(param: Param, value: object, path: tuple[str | int, ...]) -> Any:
    try:
        return check(param.annotation, value)
    except ValueError as error:
        raise SpecError(f"{param.name} takes {error}; got {show(value)}", path) from None


def signature(function: object, supplied: int = 0) -> tuple[Param, ...]:
    assert callable(function)
    target = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(target, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[supplied:]
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return tuple(Param(p.name, hints.get(p.name, Any), p.default) for p in parameters if p.kind not in kinds)


def split_component(raw: object, kind: str) -> tuple[str, object]:
    """(name, what is given to it) of `name` or `{name: …}`; nothing given is `None`."""
    if isinstance(raw, str):
        return raw, None
    if isinstance(raw, dict) and len(raw) == 1:
        name, given = next(iter(raw.items()))
        if isinstance(name, str):
            return name, given
    if isinstance(raw, dict) and len(raw) > 1:
        keys = ", ".join(str(key) for key in raw)
        raise SpecError(f"one {kind} is expected here, and {len(raw)} keys are given: {keys}")
    raise SpecError(f"a {kind} is expected here: a name, or {{name: {{argument: value}}}}; got {show(raw)}")


def name_arguments(given: object, params: tuple[Param, ...], what: str, path: tuple[str | int, ...]) -> dict[str, Any]:
    """What is given to a component as a mapping by argument name; unknown and missing arguments are refused."""
    names = [p.name for p in params]
    if given is None:
        arguments: dict[str, Any] = {}
    elif isinstance(given, dict) and (not given or not _is_value(given, names)):
        arguments = given
    elif not params:
        raise SpecError(f"{what} takes no arguments; got {show(given)}", path)
    else:
        arguments = {names[0]: given}
    for key in arguments:
        if key not in names:
            hint = did_you_mean(key, names) if names else "; it takes none"
            raise SpecError(f"{what} has no argument '{key}'{hint}", (*path, str(key)), on_key=True)
    missing = [p.name for p in params if p.required and p.name not in arguments]
    if missing:
        raise SpecError(f"{what} needs {' and '.join(missing)}", path)
    return arguments


def _is_value(given: dict[Any, Any], names: list[str]) -> bool:
    """Is it `{choice: …}`, `{int: …}` or `{float: …}`, a value for the first argument, and no mapping of arguments?"""
    return bool({"choice", "int", "float"} & set(given)) and not set(given) & set(names)


def show(value: object, limit: int = 60) -> str:
    """A value as a person would recognise it in a message, cut at `limit` characters."""
    if isinstance(value, dict):
        text = "a mapping {" + ", ".join(str(key) for key in value) + "}"
    elif isinstance(value, str):
        text = repr(value)
    elif value is None:
        text = "nothing"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


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
        if value in args and any(type(value) is type(a) and value == a for a in args):
            return value
        raise ValueError(f"one of {', '.join(map(str, args))}{_near(value, args)}")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(type_name(annotation))
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(check(args[0], item) for item in value)
        if len(value) != len(args):
            raise ValueError(type_name(annotation))
        return tuple(check(arg, item) for arg, item in zip(args, value, strict=True))
    if origin is list:
        if not isinstance(value, list | tuple):
            raise ValueError(type_name(annotation))
        return [check(args[0], item) for item in value]
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(type_name(annotation))
        return {key: check(args[1], item) for key, item in value.items()}
    return _check_plain(annotation, value)


def _near(value: object, allowed: tuple[object, ...]) -> str:
    hint = did_you_mean(value, allowed)
    return hint if "did you mean" in hint else ""


def _check_plain(annotation: Any, value: Any) -> Any:
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if annotation is float and isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a finite number")
    if annotation is pathlib.Path and isinstance(value, str | pathlib.Path):
        return pathlib.Path(value)
    if annotation in (None, type(None)) and value is None:
        return None
    if isinstance(annotation, type) and isinstance(value, annotation):
        if isinstance(value, bool) and annotation is not bool:
            raise ValueError(type_name(annotation))
        return value
    raise ValueError(type_name(annotation))


def _check_annotated(base: Any, marks: tuple[Any, ...], value: Any) -> Any:
    bounds = [mark for mark in marks if isinstance(mark, Between)]
    checked: Any = value
    for mark in marks:
        if isinstance(mark, Parsed):
            return mark.parse(value)
    try:
        checked = check(base, value)
    except ValueError as error:
        raise ValueError(" ".join([str(error), *map(str, bounds)])) from None
    for mark in marks:
        if isinstance(mark, Between) and not mark.low <= checked <= mark.high:
            raise ValueError(f"{type_name(base)} {mark}")
        if isinstance(mark, Relative) and not mark.matches(checked):
            raise ValueError("'same' or a factor such as 'x2'")
    return checked


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
        return " ".join([type_name(args[0]), *(str(a) for a in args[1:] if isinstance(a, Between))])
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(arg) for arg in args if arg is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(map(str, args))
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))
