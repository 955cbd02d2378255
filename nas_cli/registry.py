"""The registry of components by name, and the arguments of a registered function.

A component is written `name` or `{name: {argument: value}}` in a spec; `{name: value}` gives the first argument.
The arguments of a component are read from its signature, so they are described in one place only:

    @OPS.register("conv")
    def conv(shape: Shape, channels: Channels, kernel: Size = 3) -> nn.Module: ...

`Registry.params` skips the leading parameters that the caller supplies (`supplied`). A plugin's component is used
through its registry's guard, which checks that it keeps its contract.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nas_cli.arguments import FromData, Unfit, check
from nas_cli.errors import Path, SpecError, did_you_mean
from nas_cli.plugins import Origin, origin_of, registered

T = TypeVar("T")
REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Component:
    """Marks an argument that is itself a component: `Annotated[Any, Component(OPTIMIZERS)]`."""

    registry: Registry[Any]


@dataclass(frozen=True)
class Param:
    """One argument of a component: its name, its annotation, its default (`REQUIRED` where there is none)."""

    name: str
    annotation: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


Guard = Callable[[T, Origin], T]
"""Wraps a plugin's component so that a breach of its contract raises PluginError."""
NAME = re.compile(r"[^\W\d][\w.-]*")


class Registry(Generic[T]):
    """Maps a name to a component. `kind` is the word used in messages: "op", "strategy", "optimizer"."""

    def __init__(self, kind: str, supplied: int = 0, guard: Guard[T] | None = None, of_instances: bool = False) -> None:
        self.kind = kind
        self._of_instances = of_instances
        self._supplied = supplied
        self._guard = guard
        self._items: dict[str, T] = {}
        self._guarded: dict[str, T] = {}
        self._origins: dict[str, Origin] = {}
        self._params: dict[str, tuple[T, tuple[Param, ...]]] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that registers a component. Raises SpecError where a plugin uses a name that is taken."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            given = f"'{name}'" if isinstance(name, str) else f"{show(name)} itself"
            raise SpecError(
                f"a decorator takes the name of the {self.kind}, letters, digits, '-', '_' and '.', as in "
                f"@…('my-name'); got {given}"
            )

        def add(item: T) -> T:
            self._add(name, item)
            return item

        return add

    def _add(self, name: str, item: T) -> None:
        origin = origin_of(item, self.kind, name)
        if name in self._items:
            assert origin is not None, f"{self.kind} '{name}' is registered twice"
            before = self._origins.get(name)
            by = f"by {before.file}" if before else "by nas itself"
            raise SpecError(f"{self.kind} '{name}' is registered twice: it is taken {by}, so take another name")
        if origin is not None:
            self._guarded[name] = self._guard(item, origin) if self._guard else item
            self._origins[name] = origin
            registered(lambda: self._remove(name), lambda: self._require_usable(name, origin))
        self._items[name] = item

    def _remove(self, name: str) -> None:
        for mapping in (self._items, self._origins, self._guarded, self._params):
            mapping.pop(name, None)

    def _require_usable(self, name: str, origin: Origin) -> None:
        """Raises SpecError where the component cannot be called, or a default does not fit its annotation."""
        item = self._items[name]
        if self._of_instances:
            return
        if not callable(item):
            raise SpecError(f"{self.kind} '{name}' is {show(item)}, and a function or a class is wanted")
        given = list(inspect.signature(item).parameters.values())
        positional = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if len(positional) < self._supplied and not any(p.kind == p.VAR_POSITIONAL for p in given):
            raise SpecError(
                f"{self.kind} '{name}' takes {len(positional)} arguments by place, and nas gives it {self._supplied}"
            )
        try:
            params = self.params(name)
        except NameError as error:
            raise SpecError(f"{self.kind} '{name}' has an annotation that is not defined: {error}") from None
        for param in params:
            self._require_default(name, param)

    def _require_default(self, name: str, param: Param) -> None:
        if not isinstance(param.default, bool | int | float | str):
            return
        try:
            check(param.annotation, param.default)
        except Unfit as unfit:
            raise SpecError(
                f"{self.kind} '{name}' says that {param.name} takes {unfit}, and its default is {show(param.default)}"
            ) from None

    def origin(self, name: str) -> Origin | None:
        """The origin of the component `name`; None for one of nas."""
        return self._origins.get(name)

    def origins(self) -> tuple[Origin, ...]:
        """The origins of all components of plugins."""
        return tuple(self._origins.values())

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            raise SpecError(f"unknown {self.kind} '{short(name)}'{did_you_mean(name, self)}", on_key=True)
        return self._guarded[name] if name in self._guarded else self._items[name]

    def params(self, name: str) -> tuple[Param, ...]:
        """The arguments that a spec may give to `name`, in order; those supplied by the caller are left out."""
        self[name]  # raises where there is none
        item = self._items[name]
        known = self._params.get(name)
        if known is None or known[0] is not item:
            known = self._params[name] = (item, signature(item, self._supplied))
        return known[1]

    def describe(self, name: str) -> str:
        """The first line of the component's docstring."""
        self[name]  # raises where there is none
        return (inspect.getdoc(self._items[name]) or "").split("\n", 1)[0]

    def parse(self, raw: object) -> tuple[str, dict[str, Any]]:
        """`name`, `{name: {…}}` or `{name: value}` as (name, arguments with defaults filled in).

        Raises SpecError with a path relative to `raw`.
        """
        name, given = split_component(raw, self.kind)
        params = self.params(name)
        arguments = name_arguments(given, params, f"{self.kind} '{name}'", (name,))
        values = {p.name: p.default for p in params}
        for param in params:
            if param.name in arguments:
                values[param.name] = checked(param.annotation, arguments[param.name], (name, param.name), param.name)
        return name, values


def checked(annotation: Any, value: object, path: Path, name: str) -> Any:
    """`value`, converted to `annotation`. Raises SpecError with the place of the value, or of the wrong item in it."""
    try:
        return check(annotation, value)
    except Unfit as unfit:
        for step in unfit.path:
            name += f"[{step}]" if isinstance(step, int) else f".{step}"
        raise SpecError(f"{name} takes {unfit}; got {show(unfit.value)}", (*path, *unfit.path)) from None


def signature(function: object, supplied: int = 0) -> tuple[Param, ...]:
    assert callable(function)
    target = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(target, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[supplied:]
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = (Param(p.name, hints.get(p.name, Any), p.default) for p in parameters if p.kind not in kinds)
    return tuple(param for param in found if fact_of(param.annotation) is None)


def facts_wanted(function: object) -> dict[str, str]:
    """The arguments of an op that come from the data, each with the name of its fact."""
    hints = getattr(function, "__annotations__", {})
    if not hints:
        return {}
    hints = typing.get_type_hints(function, include_extras=True)
    found = {name: fact_of(hint) for name, hint in hints.items()}
    return {name: key for name, key in found.items() if key is not None}


def fact_of(annotation: Any) -> str | None:
    """The name of the fact that an argument takes from the data; None where the spec gives the argument."""
    return next((mark.key for mark in typing.get_args(annotation)[1:] if isinstance(mark, FromData)), None)


def split_component(raw: object, kind: str) -> tuple[str, object]:
    """(name, arguments as written) of `name` or `{name: …}`; `None` for no arguments."""
    if isinstance(raw, str):
        return raw, None
    if isinstance(raw, dict) and len(raw) == 1:
        name, given = next(iter(raw.items()))
        if isinstance(name, str):
            return name, given
    if isinstance(raw, dict) and len(raw) > 1:
        keys = ", ".join(str(key) for key in raw)
        raise SpecError(f"one {kind} is expected here, and {len(raw)} keys are given: {short(keys)}")
    article = "an" if kind[0] in "aeiou" else "a"
    raise SpecError(f"{article} {kind} is expected here: a name, or {{name: {{argument: value}}}}; got {show(raw)}")


def name_arguments(given: object, params: tuple[Param, ...], what: str, path: Path) -> dict[str, Any]:
    """The arguments given to a component, by name. Raises SpecError for unknown and missing arguments."""
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
            raise SpecError(f"{what} has no argument '{short(key)}'{hint}", (*path, str(key)), on_key=True)
    missing = [p.name for p in params if p.required and p.name not in arguments]
    if missing:
        raise SpecError(f"{what} needs {' and '.join(missing)}", path)
    return arguments


def _is_value(given: dict[Any, Any], names: list[str]) -> bool:
    """Whether `given` is a value for the first argument (`{choice: …}`, `{int: …}`, `{float: …}`), not a mapping of
    arguments."""
    return bool({"choice", "int", "float"} & set(given)) and not set(given) & set(names)


def show(value: object, limit: int = 60) -> str:
    """A value as text for a message, cut at `limit` characters."""
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
    return short(text, limit)


def short(text: object, limit: int = 60) -> str:
    """`text`, cut at `limit` characters."""
    text = str(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
