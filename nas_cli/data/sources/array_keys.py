"""Divides the examples of a NumPy archive by arrays of groups and times, with a value for each example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nas_cli.data.dividers import Dividers
from nas_cli.data.division import Division, Keys
from nas_cli.data.formats.moments import NoOrder, find_moments
from nas_cli.data.source import Array
from nas_cli.errors import DataError, did_you_mean

KINDS = "iufMUSb"
"""NumPy kinds of arrays of numbers, times or texts."""


def divide_arrays(
    path: Path, dividers: Dividers, names: Sequence[str], read: Callable[[str], Array], count: int
) -> Division:
    """The division of `count` training examples by arrays of `path`, whose arrays are `names`. Raises DataError where
    an array is missing or has no value for each example."""
    found: list[Array | None] = []
    for key, name in (("group", dividers.group), ("time", dividers.time)):
        if name is not None and name not in names:
            raise DataError(f"{path} has no array '{name}' to divide by ({key}){did_you_mean(name, names)}")
        found.append(None if name is None else _texts(path, name, read(name), count))
    groups, times = found
    if times is None:
        return Division(Keys(groups), dividers.group)
    try:
        moments = find_moments(times.tolist(), dividers.form)
    except NoOrder as error:
        raise DataError(f"{dividers.time}[{error.row}] of {path} is '{times[error.row]}' and {error.why}") from None
    return Division(Keys(groups, times), dividers.group, dividers.time, moments)


def own_keys(dividers: Dividers, part: str, names: Sequence[str], read: Callable[[str], Array], count: int) -> Keys:
    """The keys of `count` examples of another part: from the arrays of the same names, with "train" replaced by the
    part's name; None where an array is missing."""
    found: list[Array | None] = []
    for said in (dividers.group, dividers.time):
        name = None if said is None else said.replace("train", part)
        values = read(name) if name is not None and name in names else np.empty(0)
        found.append(_as_texts(values) if values.shape == (count,) and values.dtype.kind in KINDS else None)
    return Keys(*found)


def _texts(path: Path, name: str, values: Array, count: int) -> Array:
    if values.shape != (count,) or values.dtype.kind not in KINDS:
        raise DataError(
            f"{name} of {path} is {values.dtype} {values.shape}, and one number, time or text for each of {count:,} "
            "examples is wanted"
        )
    return _as_texts(values)


def _as_texts(values: Array) -> Array:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    return values.astype(str).astype(object)
