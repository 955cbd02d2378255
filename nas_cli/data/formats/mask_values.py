"""Reads the values of stored masks: palette indices, grey values or colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.legends import MOST_VALUE, as_colour
from nas_cli.data.formats.pictures import DEEP, in_parallel, opened
from nas_cli.data.source import Array
from nas_cli.errors import DataError

MOST_VALUES = 4096
"""Most distinct values of a mask: a file with more is a picture."""
LOSSY = ("JPEG", "MPO")
"""Formats that blur values."""


@dataclass(frozen=True)
class Stored:
    """A mask (H, W) of values, or of colours as codes; `palette` maps each index that occurs to its colour."""

    values: Array
    colours: bool
    lossy: bool
    palette: Mapping[int, int] = field(default_factory=dict)


def stored(file: File, colours: bool = False) -> Stored:
    """Reads a mask. Palette indices and grey values stay as they are; with `colours` they become colours. Three equal
    channels are grey. Raises DataError."""
    with opened(file) as image:
        lossy = image.format in LOSSY
        if image.mode in DEEP:
            deep = np.asarray(image)
            if deep.min(initial=0) < 0 or deep.max(initial=0) > MOST_VALUE or (deep != np.floor(deep)).any():
                raise DataError(f"the mask {file} has values that are no whole numbers of 0 to {MOST_VALUE}")
            return Stored(
                _as_colours(deep.astype(np.int32), file) if colours else deep.astype(np.int32), colours, lossy
            )
        if image.mode == "P" and not colours:
            values = np.asarray(image).astype(np.int32)
            table = np.asarray(image.convert("RGB")).reshape(-1, 3)
            used, first = np.unique(values, return_index=True)
            palette = {int(k): _pack(table[place]) for k, place in zip(used, first, strict=True)}
            return Stored(values, False, lossy, palette)
        if image.mode in ("1", "L", "LA", "La"):
            values = np.asarray(image.convert("L") if image.mode != "LA" else image.getchannel(0)).astype(np.int32)
            return Stored(values * 0x010101 if colours else values, colours, lossy)
        channels = np.asarray(image.convert("RGB")).astype(np.int32)
        spread = int(np.ptp(channels, axis=2).max(initial=0))
        if not colours and spread <= (16 if lossy else 0):
            return Stored(channels[..., 1], False, lossy)
        return Stored(channels @ np.array([1 << 16, 1 << 8, 1], np.int32), True, lossy)


def _pack(colour: Array) -> int:
    return int(colour[0]) << 16 | int(colour[1]) << 8 | int(colour[2])


def _as_colours(values: Array, file: File) -> Array:
    if values.max(initial=0) > 255:
        raise DataError(f"the mask {file} has the grey value {values.max()}, and the legend has colours of 0 to 255")
    packed: Array = values * 0x010101
    return packed


# What masks hold -----------------------------------------------------------------------------------------------------


@dataclass
class Held:
    """How many pixels of the masks have each value or colour, and the first file with it."""

    colours: bool = False
    lossy: bool = False
    counts: dict[int, int] = field(default_factory=dict)
    firsts: dict[int, File] = field(default_factory=dict)

    @property
    def values(self) -> list[int]:
        return sorted(self.counts)

    def shown(self, values: Iterable[int]) -> str:
        as_named = map(as_colour, values) if self.colours else values
        each = list(map(str, as_named))
        return ", ".join(each[:20]) + (f", … ({len(each) - 20:,} more)" if len(each) > 20 else "")


def look_at_masks(files: Sequence[File], colours: bool = False) -> Held:
    """Counts the values of all masks; as colours where one mask is in colours, or where palettes differ in an index.
    Raises DataError where a file is a picture rather than a mask."""
    colours = colours or stored(files[0]).colours
    held = Held(colours)
    palette: dict[int, int] = {}
    for file, (found, values, counts) in zip(
        files, in_parallel(lambda each: _count(each, colours), files), strict=True
    ):
        differ = any(palette.setdefault(index, colour) != colour for index, colour in found.palette.items())
        if not colours and (found.colours or differ):
            return look_at_masks(files, colours=True)
        held.lossy |= found.lossy
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            held.counts[value] = held.counts.get(value, 0) + count
            held.firsts.setdefault(value, file)
        if len(held.counts) > MOST_VALUES:
            raise DataError(
                f"masks such as {file} have more than {MOST_VALUES:,} {'colours' if held.colours else 'values'} "
                "together, as pictures have and masks have not"
            )
    return held


def _distinct(found: Stored) -> tuple[Array, Array]:
    """The distinct values (n,), and the number of pixels with each."""
    if found.colours:
        values, counts = np.unique(found.values, return_counts=True)
        return values, counts
    held = np.bincount(found.values.reshape(-1))
    present = np.flatnonzero(held)
    return present, held[present]


def _count(file: File, colours: bool) -> tuple[Stored, Array, Array]:
    found = stored(file, colours)
    values, counts = _distinct(found)
    if len(values) > MOST_VALUES and not found.lossy:
        raise DataError(
            f"{file} has {len(values):,} {'colours' if found.colours else 'values'}: it is a picture, and no mask of "
            "classes"
        )
    return Stored(np.empty(0), found.colours, found.lossy, found.palette), values, counts
