"""Maps the values of masks to classes: by a legend, or by the values and colours in the training masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.legends import Legend, as_colour, code, grey
from nas_cli.data.formats.mask_values import Held, look_at_masks, stored
from nas_cli.data.source import Array
from nas_cli.errors import DataError

IGNORED, UNKNOWN = 255, 254
"""Classes of pixels that are ignored, and of pixels whose value is unknown."""
NEAR, MOST_BETWEEN = 40, 0.05
"""A blurred mask of two classes is within NEAR of black or white, except for a share of MOST_BETWEEN of its pixels."""
FEW = 8
"""Up to this many values may be classes."""
GUESSED = 64
"""255 is taken for an ignored value where all other values are below this, as class numbers are."""
Ignore = Literal["auto", "none"] | int | tuple[int, int, int]
SAY = "say which colour is which class with classes: {name: [red, green, blue], …}"


@dataclass(frozen=True)
class Coding:
    """How masks become classes. `table` (values or colours,) maps each code to its class, IGNORED or UNKNOWN."""

    names: tuple[str, ...]
    colours: bool
    table: Array
    legend: bool
    """Whether the coding comes from the user rather than from the masks."""
    rest: bool = False
    """Whether one class takes all values that belong to no other."""
    settled: Mapping[str, Any] = field(default_factory=dict)
    """The guesses, as keys of the source, so that data to evaluate is read in the same way."""

    def encode(self, file: File) -> Array:
        """The classes of a mask, uint8 (H, W). Raises DataError where it has a value of no class."""
        found = stored(file, self.colours)
        if found.colours and not self.colours:
            others = "classes has values alone" if self.legend else "those to train on in grey values or indices"
            raise DataError(f"the mask {file} is in colours, and {others}: {SAY}")
        if found.lossy and self.rest:
            raise DataError(f"the mask {file} is a JPEG, which blurs values, and a class has the rest: name its values")
        classes: Array = self.table[found.values]
        unknown = classes == UNKNOWN
        if unknown.any():
            values, places = np.unique(found.values[unknown], return_inverse=True)
            if not found.lossy:
                raise self._unknown(file, int(values[0]), int((places == 0).sum()))
            classes[unknown] = self.table[self._nearest(values)][places.reshape(-1)]
        return classes

    def _nearest(self, values: Array) -> Array:
        """The known value nearest to each of `values`, (n,), by squared distance between channels."""
        known = np.flatnonzero(self.table != UNKNOWN)
        distances = ((_channels(values)[:, None] - _channels(known)[None]) ** 2).sum(axis=2)
        nearest: Array = known[distances.argmin(axis=1)]
        return nearest

    def _unknown(self, file: File, value: int, count: int) -> DataError:
        shown = f"{'colour' if self.colours else 'value'} {_plain(value, self.colours)}"
        nearest = int(self._nearest(np.array([value]))[0])
        kind = int(self.table[nearest])
        name = "ignored" if kind == IGNORED else f"'{self.names[kind]}'"
        near, said = _plain(nearest, self.colours), _plain(value, self.colours)
        whose = "classes does not have it" if self.legend else "no mask to train on has it"
        return DataError(
            f"the mask {file} holds the {shown} in {count:,} pixels, and {whose} (the nearest is {near}, {name}): name "
            f"it in classes, or say ignore: {said}"
        )


def _channels(values: Array) -> Array:
    return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.int64)


def find_coding(files: Sequence[File], legend: Legend | None, ignore: Ignore) -> tuple[Coding, list[str]]:
    """The coding by the `legend`, or by the training masks `files`; with notes on what was guessed. Raises
    DataError."""
    if legend is not None and legend.codes is not None:
        return _of_legend(legend, legend.codes, ignore), []
    held = look_at_masks(files)
    ignored = _ignored(ignore, held.colours)
    names = legend.names if legend is not None else None
    notes = []
    if ignore == "auto" and not held.colours and _looks_ignored(held.values, names):
        ignored = 255
        notes.append(
            "pixels of 255 in masks are ignored, as in those of Pascal VOC and Cityscapes: ignore says otherwise"
        )
    values = [value for value in held.values if value != ignored]
    if _is_blurred(held, values, names):
        pairs = [(value, int(value >= 128)) for value in range(256) if value != ignored]
        notes.append(
            f"masks hold {len(values)} values, nearly all of them near 0 and 255, as blurred ones do: those from 128 "
            "on are the second class"
        )
        return _coding(names or ("0", "255"), False, pairs, ignored, False), notes
    _require_classes(held, values)
    pairs, about = _by_value(held, values, names)
    coding = _coding(names or _named(held, values), held.colours, pairs, ignored, False)
    return replace(coding, settled=_settled(coding, pairs, ignored)), [*notes, *about]


def _settled(coding: Coding, pairs: Sequence[tuple[int, int]], ignored: int | None) -> dict[str, Any]:
    """The keys of a spec that say what was guessed."""
    classes = {coding.names[kind]: _plain(value, coding.colours) for value, kind in pairs}
    ignoring = "none" if ignored is None else _plain(ignored, coding.colours)
    return {"classes": classes, "ignore": ignoring}


def _of_legend(legend: Legend, codes: Sequence[Sequence[int]], ignore: Ignore) -> Coding:
    """The coding by the `codes` of each class. Raises DataError where one of them is also to be ignored."""
    pairs = [(value, kind) for kind, values in enumerate(codes) for value in values]
    ignored = _ignored(ignore, legend.colours)
    both = next((legend.names[kind] for value, kind in pairs if value == ignored), None)
    if both is not None:
        raise DataError(f"ignore is {_shown(ignore)}, which classes gives to '{both}'")
    return _coding(legend.names, legend.colours, pairs, ignored, True, legend.rest)


def _plain(value: int, colours: bool) -> int | list[int]:
    return as_colour(value) if colours else value


def _coding(
    names: Sequence[str],
    colours: bool,
    pairs: Sequence[tuple[int, int]],
    ignored: int | None,
    legend: bool,
    rest: int | None = None,
) -> Coding:
    table = np.full(1 << 24 if colours else 1 << 16, UNKNOWN if rest is None else rest, np.uint8)
    for value, kind in pairs:
        table[value] = kind
    if ignored is not None:
        table[ignored] = IGNORED
    return Coding(tuple(names), colours, table, legend, rest is not None)


def _ignored(ignore: Ignore, colours: bool) -> int | None:
    if isinstance(ignore, str):
        return None
    if isinstance(ignore, int):
        if not 0 <= ignore <= (255 if colours else 65535):
            raise DataError(f"ignore is {ignore}, and masks hold values of 0 to {255 if colours else 65535}")
        return grey(ignore) if colours else ignore
    if not all(0 <= channel <= 255 for channel in ignore):
        raise DataError(f"ignore is {list(ignore)}, and a colour has three values of 0 to 255")
    if not colours and len(set(ignore)) > 1:
        raise DataError(f"ignore is the colour {list(ignore)}, and masks hold values, not colours: say a value")
    return code(ignore) if colours else ignore[0]


def _shown(ignore: Ignore) -> str:
    return str(list(ignore) if isinstance(ignore, tuple) else ignore)


def _looks_ignored(values: Sequence[int], names: Sequence[str] | None) -> bool:
    """Whether 255 occurs beside class numbers and is no class itself."""
    others = [value for value in values if value != 255]
    if len(others) < 2 or len(others) == len(values) or others[-1] >= GUESSED:
        return False
    if names is not None and len(names) == len(values):  # every value has a name, 255 too
        return False
    return any(b - a == 1 for a, b in pairwise(others))


def _is_blurred(held: Held, values: Sequence[int], names: Sequence[str] | None) -> bool:
    """Whether nearly all pixels are close to black or white. A few values between may be rare classes, unless there are
    exactly two names."""
    if held.colours or len(values) < 3 or values[-1] > 255 or values[-1] < 255 - NEAR or values[0] > NEAR:
        return False
    two = len(names) == 2 if names is not None else held.lossy or len(values) > FEW
    if not two:
        return False
    total = sum(held.counts[value] for value in values)
    between = sum(held.counts[value] for value in values if NEAR < value < 255 - NEAR)
    return between <= MOST_BETWEEN * total


def _require_classes(held: Held, values: Sequence[int]) -> None:
    what = "colours" if held.colours else "values"
    if held.lossy and len(values) > 2:
        raise DataError(
            f"masks such as {held.firsts[values[-1]]} are JPEGs, which blur {what}: there are {len(values):,}; {SAY}, "
            "or a value, and the nearest is taken"
        )
    if len(values) > 254:
        raise DataError(
            f"masks hold {len(values):,} {what}, and 254 classes at most are learned: if each is an object of its own, "
            f"make them 0 and 1; else {SAY}"
        )
    if len(values) < 2:
        only = f"{'colour' if held.colours else 'value'} {held.shown(values)}" if values else "ignored value"
        raise DataError(f"all masks to train on hold the {only} alone: two classes are needed to tell apart")


def _by_value(
    held: Held, values: Sequence[int], names: Sequence[str] | None
) -> tuple[list[tuple[int, int]], list[str]]:
    """The class of each value: the value itself where all values index `names`, else its rank."""
    what = "colours" if held.colours else "values"
    if names is None:
        note = f"masks hold the {what} {held.shown(values)}, a class each: classes names them"
        return [(value, k) for k, value in enumerate(values)], [note]
    if held.colours and not all(map(_is_grey, values)):
        raise DataError(f"masks are in colours, and classes has names alone: {SAY}; there are {held.shown(values)}")
    if values[-1] < len(names) and not held.colours:
        return [(value, value) for value in range(len(names))], []
    if len(values) == len(names):
        shown = ", ".join(f"{held.shown([value])} is {name}" for value, name in zip(values, names, strict=True))
        return [(value, k) for k, value in enumerate(values)], [f"classes by the order of values in masks: {shown}"]
    beyond = [value for value in values if value >= len(names)]
    raise DataError(
        f"masks hold the {what} {held.shown(values)}, and classes has {len(names)} names: {held.shown(beyond[:1])} in "
        f"{held.firsts[beyond[0]]} is beyond them; name {len(values)}, say ignore: {beyond[-1]}, or give each class "
        "its value, {name: value}"
    )


def _is_grey(value: int) -> bool:
    return len(set(as_colour(value))) == 1


def _named(held: Held, values: Sequence[int]) -> list[str]:
    if held.colours:
        return [f"#{value:06x}" for value in values]
    return [str(value) for value in values]
