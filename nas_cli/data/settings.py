"""The `data:` section of a spec, checked. No data is read here."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union

from nas_cli.arguments import Between, Unfit, check
from nas_cli.data.source import SOURCES, Dataset
from nas_cli.errors import Path as Place
from nas_cli.errors import SpecError, did_you_mean
from nas_cli.registry import Param, checked, short, show

HeldOut = Union[Literal["auto"], Annotated[float, Between(0.001, 0.9)], Path]
"""auto: the data's own part, else a share of the training part; a fraction: that share of the training part; a path."""
COMMON = (Param("validation", HeldOut, "auto"), Param("test", HeldOut, "auto"))
TEXTS = (str, str | None, list[str], list[str] | None, str | list[str] | None)
"""Types of text parameters, which also take a number as it is spelled: a column called 3, -999 for an empty cell."""
AUTO_FRACTION = 0.2
NOT_KNOWN: Mapping[Place, str] = MappingProxyType({})


@dataclass(frozen=True)
class DataSettings:
    """Which data, and how it is divided. `arguments` are those of the source, with defaults.

    A fraction for `test` is a share of the source's training part; one for `validation` is a share of the rest.
    """

    source: str
    arguments: Mapping[str, Any]
    validation: str | float | Path = "auto"
    test: str | float | Path = "auto"
    origin: float | tuple[float, ...] | None = None
    """The origin of numeric targets, where a network was trained with it."""

    def open(self) -> Dataset:
        """The source's dataset. Raises DataError where its files are missing or wrong."""
        return SOURCES[self.source](**self.arguments)

    def as_found(self, facts: Mapping[str, Any]) -> DataSettings:
        """These settings with the values that training found for `levels: auto`, the origin of targets and the source's
        guesses, from the `facts` kept with the network.
        Raises ValueError or TypeError where the facts are malformed.
        """
        origin = _origin(facts.get("target_origin", 0.0), facts.get("labels"))
        arguments = dict(self.arguments)
        if "levels" in facts and "levels" in arguments:
            low, high = (float(level) for level in facts["levels"])
            if not -math.inf < low <= high < math.inf:
                raise ValueError(f"levels are {low:g} and {high:g}")
            arguments["levels"] = (low, high)
        arguments |= _settled(self.source, facts.get("settled", {}))
        return replace(self, origin=origin, arguments=arguments)

    def written_out(self) -> dict[str, Any]:
        """The section with every default as plain data, paths absolute; `parse_data` reads it back."""
        content = {"source": self.source, **self.arguments, "validation": self.validation, "test": self.test}
        return {key: _plain(value) for key, value in content.items() if value is not None}


def _settled(source: str, found: Any) -> dict[str, Any]:
    """The values that a source found for arguments left to it, checked. Raises TypeError or ValueError."""
    if not isinstance(found, Mapping):
        raise TypeError(f"settled is {show(found)}")
    params = {param.name: param for param in SOURCES.params(source)}
    unknown = next((name for name in found if name not in params), None)
    if unknown is not None:
        raise ValueError(f"settled has {show(unknown)}, which source {source} does not take")
    return {name: check(params[name].annotation, value) for name, value in found.items()}


def _origin(stored: Any, columns: object) -> float | tuple[float, ...]:
    """The origin of one number, or of each of several `columns`. Raises ValueError or TypeError where it is no
    number."""
    if isinstance(stored, list) and len(stored) == columns:
        return tuple(_finite(value) for value in stored)
    return _finite(stored)


def _finite(stored: Any) -> float:
    origin = float(stored)
    if not math.isfinite(origin):
        raise ValueError(f"target_origin is {origin:g}")
    return origin


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return os.path.abspath(value)
    return list(value) if isinstance(value, tuple) else value


def source_params(name: str) -> tuple[Param, ...]:
    """Every key that the `data:` section takes beside `source`, for the source `name`."""
    return (*SOURCES.params(name), *COMMON)


def parse_data(raw: object, written: Mapping[Place, str] = NOT_KNOWN) -> DataSettings:
    """The `data:` section. Raises SpecError with a path relative to `raw`.

    `written` has the spelling of scalars by path: `missing: [007]` is the text 007.
    """
    if not isinstance(raw, Mapping):
        raise SpecError(f"data takes a mapping such as {{source: digits}}; got {show(raw)}")
    if "source" not in raw:
        raise SpecError(f"data needs source, the format of the data; allowed: {', '.join(SOURCES)}")
    source = raw["source"]
    if not isinstance(source, str) or source not in SOURCES:
        raise SpecError(f"unknown source {show(source)}{did_you_mean(source, SOURCES)}", ("source",))
    params = {p.name: p for p in source_params(source)}
    _require_known(raw, source, ["source", *params])
    values = {}
    for name, param in params.items():
        if name in raw:
            values[name] = _checked(param, raw[name], written)
        elif param.required:
            raise SpecError(f"source {source} needs {name}", ("source",))
        else:
            values[name] = param.default
    for part in ("validation", "test"):
        if isinstance(values[part], Path) and "path" not in params:
            raise SpecError(
                f"source {source} reads no files: {part} takes auto or a number from 0.001 to 0.9; "
                f"got {show(raw[part])}",
                (part,),
            )
    own = {name: values[name] for name in params if name not in ("validation", "test")}
    return DataSettings(source, own, values["validation"], values["test"])


def _require_known(raw: Mapping[Any, Any], source: str, keys: Sequence[str]) -> None:
    for key in raw:
        if key not in keys:
            hint = did_you_mean(key, keys)
            raise SpecError(f"data has no '{short(key)}' for source {source}{hint}", (str(key),), on_key=True)


def _checked(param: Param, value: object, written: Mapping[Place, str]) -> Any:
    try:
        return check(param.annotation, value)
    except Unfit:
        if param.annotation in TEXTS:
            value = _as_text(value, (param.name,), written)
    return checked(param.annotation, value, (param.name,), param.name)


def _as_text(value: Any, path: Place, written: Mapping[Place, str]) -> Any:
    """`value` with numbers replaced by their spelling."""
    if isinstance(value, list):
        return [_as_text(item, (*path, index), written) for index, item in enumerate(value)]
    if value is None or isinstance(value, int | float):
        return written.get(path, str(value))
    return value
