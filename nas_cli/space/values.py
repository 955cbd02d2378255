"""Parses the values of arguments: plain values, decisions, components and `$name`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, get_args, get_origin

from nas_cli.arguments import LARGEST, UNIONS, check, type_name
from nas_cli.errors import Path, SpecError, did_you_mean
from nas_cli.registry import Component, Param, Registry, checked, name_arguments, show, split_component
from nas_cli.space.decisions import Choice, FloatRange, Grid, IntRange
from nas_cli.space.nodes import Items, Named, Ref, Value, unique_labels

NUMBERS: Mapping[str, type] = {"int": int, "float": float}
RANGES = tuple(NUMBERS)
MAX_DEPTH = 60


class ValueParser:
    """Parses values. `let` holds the definitions of `$name`; `used` collects the names that are used."""

    def __init__(self, let: Mapping[str, object]) -> None:
        self._let = let
        self._expanding: list[str] = []
        self._depth = 0
        self._known: dict[tuple[str, str], Any] = {}
        self.used: set[str] = set()

    def value(self, raw: object, annotation: Any, path: Path, name: str = "") -> Value:
        """A value that `annotation` allows, or a decision between such values."""
        name = name or str(path[-1])
        if isinstance(raw, str) and re.fullmatch(r"\$\w+", raw):
            return self.ref(raw, str(annotation), lambda given, at: self.value(given, annotation, at, name), path)
        if isinstance(raw, dict) and "choice" in raw:
            return self._value_choice(raw, annotation, path, name)
        if isinstance(raw, dict) and set(raw) & set(RANGES):
            return self._range(raw, annotation, path, name)
        registry = _component(annotation)
        if registry is not None and raw is not None:
            return self._named(raw, registry, path)
        if _list_of_components(annotation) is not None:
            return self._items(raw, annotation, path, name)
        return self.literal(raw, annotation, path, name)

    def literal(self, raw: object, annotation: Any, path: Path, name: str) -> Any:
        return checked(annotation, raw, path, name)

    def _value_choice(self, raw: dict[str, Any], annotation: Any, path: Path, name: str) -> Choice:
        listed = self.fields(raw, {"choice": True}, "choice", path)["choice"]
        at: Path = (*path, "choice")
        if not isinstance(listed, list) or not listed:
            raise SpecError(f"choice takes a list of values; got {show(listed)}", at)
        options = tuple(self.value(item, annotation, (*at, index), name) for index, item in enumerate(listed))
        return Choice(options, unique_labels(options))

    def _range(self, raw: dict[str, Any], annotation: Any, path: Path, name: str) -> IntRange | FloatRange:
        kind = "int" if "int" in raw else "float"
        fields = self.fields(raw, {kind: True, "log": False, "step": False}, kind, path)
        low, high = self._bounds(fields[kind], kind, (*path, kind))
        log = self.literal(fields.get("log", False), bool, (*path, "log"), "log")
        for bound in (low, high):
            self.literal(bound, annotation, (*path, kind), name)
        if low > high:
            raise SpecError(f"the range goes from {low} down to {high}; put the smaller number first", (*path, kind))
        if log and low <= 0:
            raise SpecError(f"a logarithmic range must start above 0; got {low}", (*path, kind))
        step = self._step(fields, kind, high - low, (*path, "step")) if "step" in fields else None
        if math.isinf(high - low):
            raise SpecError(f"the range from {low} to {high} is wider than any number", (*path, kind))
        if kind == "int":
            return IntRange(low, high, step or 1, log)
        if step is not None and Grid(low, high, step).length > LARGEST:
            raise SpecError(f"a range has at most {LARGEST:,} values; a step of {step} makes more", (*path, "step"))
        return FloatRange(low, high, log, step)

    def _bounds(self, raw: object, kind: str, path: Path) -> tuple[Any, Any]:
        number: Any = NUMBERS[kind]
        try:
            low, high = check(tuple[number, number], raw)
        except ValueError as error:
            what = "whole numbers" if kind == "int" else "numbers"
            beyond = isinstance(raw, list) and len(raw) == 2 and str(error) != type_name(number)
            what = f"{what}, [low, high], each {error}" if beyond else f"{what}, [low, high]"
            raise SpecError(f"{kind} takes two {what}; got {show(raw)}", path) from None
        return low, high

    def _step(self, fields: dict[str, Any], kind: str, width: float, path: Path) -> Any:
        step = self.literal(fields["step"], NUMBERS[kind], path, "step")
        if step <= 0 or step > max(width, 1):
            raise SpecError(f"step must be above 0 and within the range; got {step}", path)
        if fields.get("log", False):
            raise SpecError("step and log exclude each other", path, on_key=True)
        return step

    def _named(self, raw: object, registry: Registry[Any], path: Path) -> Named:
        try:
            name, given = split_component(raw, registry.kind)
            params = registry.params(name)
        except SpecError as error:
            raise error.under(path) from None
        arguments = self.arguments(given, params, f"{registry.kind} '{name}'", (*path, name))
        # All arguments in the order of the signature, so that equal recipes compare equal however they are written.
        return Named(name, {p.name: arguments.get(p.name, p.default) for p in params})

    def _items(self, raw: object, annotation: Any, path: Path, name: str) -> Items:
        inner = _list_of_components(annotation)
        if isinstance(raw, str | dict):
            raw = [raw]
        if raw is None:
            raw = []
        if not isinstance(raw, list | tuple):
            raise SpecError(f"{name} takes a list; got {show(raw)}", path)
        return Items(tuple(self.value(item, inner, (*path, index), name) for index, item in enumerate(raw)))

    def ref(self, raw: str, context: str, parse: Callable[[Any, Path], Any], path: Path) -> Ref:
        name = raw[1:]
        if name not in self._let:
            raise SpecError(f"let: defines no '{name}'{did_you_mean(name, self._let)}", path)
        if name in self._expanding:
            chain = " → ".join(f"${step}" for step in [*self._expanding, name])
            raise SpecError(f"'{name}' is defined by itself: {chain}", path)
        self.used.add(name)
        key = (name, context)
        if key not in self._known:
            self._expanding.append(name)
            with self.inside(path):
                self._known[key] = parse(self._let[name], ("let", name))
            self._expanding.pop()
        return Ref(name, self._known[key])

    @contextmanager
    def inside(self, path: Path) -> Iterator[None]:
        """Adds the depth of `path` to whatever is parsed inside the context. Raises SpecError beyond MAX_DEPTH."""
        if self._depth + len(path) > MAX_DEPTH:
            raise SpecError(f"the values are nested more than {MAX_DEPTH} deep", path)
        self._depth += len(path)
        yield
        self._depth -= len(path)

    def arguments(self, given: object, params: tuple[Param, ...], what: str, path: Path) -> dict[str, Value]:
        arguments = name_arguments(given, params, what, path)
        written = isinstance(given, dict) and given is arguments
        annotations = {p.name: p.annotation for p in params}
        values = {}
        for key, value in arguments.items():
            place = (*path, key) if written else path
            values[key] = self.value(value, annotations[key], place, key)
        return values

    def fields(self, raw: Any, allowed: dict[str, bool], what: str, path: Path) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise SpecError(f"{what} takes a mapping with {', '.join(allowed)}; got {show(raw)}", path)
        for key in raw:
            if key not in allowed:
                raise SpecError(f"{what} has no '{key}'{did_you_mean(key, allowed)}", (*path, str(key)), on_key=True)
        missing = [key for key, needed in allowed.items() if needed and key not in raw]
        if missing:
            raise SpecError(f"{what} needs {' and '.join(missing)}", path)
        return raw


def _component(annotation: Any) -> Registry[Any] | None:
    """The registry where `annotation` is a component, optional or not."""
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, Component):
                return mark.registry
    if get_origin(annotation) in UNIONS:
        return next((found for arg in get_args(annotation) if (found := _component(arg)) is not None), None)
    return None


def _list_of_components(annotation: Any) -> Any:
    if get_origin(annotation) is list and _component(get_args(annotation)[0]) is not None:
        return get_args(annotation)[0]
    return None
