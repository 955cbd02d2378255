"""Images and their masks: a class for every pixel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas_cli.arguments import Size
from nas_cli.data.dividers import by_names, names_own
from nas_cli.data.formats.encodings import Say
from nas_cli.data.formats.files import choose_part
from nas_cli.data.formats.folders import PassedOver, Place
from nas_cli.data.formats.legends import Legend, known_legend, legend_file, legend_of
from nas_cli.data.formats.mask_classes import IGNORED, Coding, Ignore, find_coding
from nas_cli.data.formats.mask_pairs import Pair, Pairs, find_pairs
from nas_cli.data.formats.mask_places import find_spots
from nas_cli.data.formats.mask_values import stored
from nas_cli.data.formats.name_groups import place_of
from nas_cli.data.formats.pictures import TURNED, Fit, fit_classes, in_parallel, require_pillow, stands, turn
from nas_cli.data.formats.pixels import shape_text
from nas_cli.data.formats.trees import Tree, open_tree
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Examples
from nas_cli.data.sources.picture_reading import Pictures, Reading, examples
from nas_cli.errors import DataError
from nas_cli.units import Bytes

LOOKED_AT = 3
"""Pairs whose masks are looked at before they are taken for masks."""
LOPSIDED = 0.02
"""How far the proportions of a mask may be from those of its image, where it is of another size."""


@SOURCES.register("image-masks")
def image_masks(
    path: Path,
    images: str | None = None,
    masks: str | None = None,
    classes: list[str] | dict[str, Any] | str | None = None,
    ignore: Ignore = "auto",
    size: Size | None = None,
    color: Literal["auto", "grey", "rgb"] = "auto",
    fit: Fit = "stretch",
    levels: Literal["auto"] | tuple[float, float] = "auto",
    cache_above: Bytes = 4_000_000_000,
    group: str | None = None,
) -> Dataset:
    """A folder or .zip of images and masks of the same names, in the folders `images` and `masks` below it.

    Masks hold a class for each pixel: as the index of a palette, as a grey value, or as a colour. `classes` names them
    in their order, or is a legend: a mapping from name to value or [red, green, blue], or the name of a file with lines
    of both. Pixels of the value or colour `ignore` count for nothing; with `auto`, 255 beside numbers of classes.
    Masks are resized as images are, to the nearest pixel; what `fit: pad` adds is ignored. They lie in memory, a byte
    for each pixel. `size`, `color`, `fit`, `levels`, `cache_above` and `group`, by the names of images, are those of
    image-folder.
    """
    require_pillow("the source image-masks")
    passed = PassedOver()
    tree = open_tree(path, passed)
    pairs = find_pairs(tree, images, masks, passed)
    if "train" not in pairs.parts:
        raise DataError(f"{path} has images with masks for {', '.join(pairs.parts)} alone, and none to train on")
    legend, notes = find_legend(tree, classes, pairs)
    coding, about = find_coding([mask for pair in pairs.parts["train"] for mask in pair.masks], legend, ignore)
    notes += about
    reading = Reading.as_said(_pictures(pairs.parts["train"], tree.origin), size, color, fit, levels)
    division = by_names(group, _places(pairs.parts["train"]))

    def part(found: Sequence[Pair], origin: Path, wanted: str) -> Examples:
        notes.extend(division.about_own(wanted, origin, names_own(group, _places(found))))
        reading.require_known(_pictures(found, origin))
        labels = masks_of(found, coding, reading, notes.append)
        return examples(_pictures(found, origin, labels), reading, cache_above)

    def own(wanted: str) -> Callable[[], Examples] | None:
        return partial(part, pairs.parts[wanted], tree.origin, wanted) if wanted in pairs.parts else None

    def at(place: Path, wanted: str) -> tuple[list[Pair], Path]:
        if place.resolve() == path.resolve() and wanted not in pairs.parts:
            raise DataError(f"{wanted} is {place}, which is trained on: a share such as 0.2 holds images out")
        other = open_tree(place, PassedOver())
        parts = find_pairs(other, images, masks, PassedOver()).parts
        return parts[choose_part(place, list(parts), wanted, path)], other.origin

    def check_test(place: Path | None) -> None:
        found = pairs.parts["test"] if place is None else at(place, "test")[0]
        masks_of(found[:1], coding, reading, lambda note: None)

    labels = masks_of(pairs.parts["train"], coding, reading, notes.append)
    return Dataset(
        examples(_pictures(pairs.parts["train"], tree.origin, labels), reading, cache_above),
        own("validation"),
        own("test"),
        elsewhere=lambda place, wanted: part(*at(place, wanted), wanted),
        names=coding.names,
        facts=lambda: {**reading.facts, "settled": coding.settled},
        notes=lambda: [*pairs.notes, *passed.notes(path), *notes, *reading.notes],
        check_test=check_test,
        divide=division.divide,
        about_division=division.about,
    )


def _places(pairs: Sequence[Pair]) -> list[Place]:
    return [place_of(pair.image) for pair in pairs]


@sniff("image-masks", inputs="images", targets=("mask",), expects="a folder or .zip of images and masks")
def masks_at(path: Path, images: str | None = None, masks: str | None = None) -> Found | None:
    """By the names of folders and files; where only one of them says what it is, by what the first masks hold."""
    if not path.is_dir() and path.suffix.lower() != ".zip":
        return None
    tree = open_tree(path, PassedOver())
    spots = find_spots(tree, images, masks, PassedOver())
    pairs = find_pairs(tree, images, masks, PassedOver())
    found = pairs.parts.get("train", [])
    if not {"images", "masks"} <= {spot.kind for spot in spots}:
        find_coding([mask for pair in found[:LOOKED_AT] for mask in pair.masks], None, "auto")
    return Found(0.9)


def _pictures(pairs: Sequence[Pair], origin: Path, labels: Array | None = None) -> Pictures:
    return Pictures(origin, [pair.image for pair in pairs], () if labels is None else labels)


def find_legend(
    tree: Tree, classes: list[str] | dict[str, Any] | str | None, pairs: Pairs
) -> tuple[Legend | None, list[str]]:
    """The legend in `classes`, or in a file beside masks in colours, with a note on it. Raises DataError."""
    if isinstance(classes, str):
        return legend_file(tree, classes)[0], []
    if classes is not None:
        return legend_of(classes, "classes"), []
    beside = known_legend(tree)
    if beside is None or not stored(pairs.parts["train"][0].masks[0]).colours:
        return None, []
    legend, origin = legend_file(tree, beside)
    return legend, [f"the colours of masks are those of {origin}: classes takes others"]


# Masks ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Drawn:
    """The classes (H, W) of the pixels of one image, and what was done to have them upright, "" for nothing."""

    classes: Array
    done: str = ""


TURN = "masks that lie as their image is stored are turned upright with it, as its EXIF data says"
STAY = "masks of images that EXIF data turns are taken to be upright, since no size tells"
RESIZE = "masks of another size than their image are brought to it"


def masks_of(pairs: Sequence[Pair], coding: Coding, reading: Reading, say: Say) -> Array:
    """Classes of the pixels of each image, uint8 (N, H, W), IGNORED where they count for nothing.

    Raises DataError where a mask is damaged, holds what is of no class, or is not of the proportions of its image, and
    where they are more than memory holds.
    """
    size: tuple[int, int] = reading.decode.keywords["size"]
    needed, there = len(pairs) * size[0] * size[1], os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there // 2:
        raise DataError(
            f"{len(pairs):,} masks of {shape_text(size)} take {needed / 1e9:,.1f} GB, and may take half of the memory, "
            f"{there / 2e9:,.1f} GB: say a smaller size"
        )
    labels = np.empty((len(pairs), *size), np.uint8)
    done: Counter[str] = Counter()
    firsts: dict[str, Pair] = {}
    for k, drawn in enumerate(in_parallel(partial(_resized, coding=coding, size=size, fit=reading.fit), pairs)):
        labels[k] = drawn.classes
        done[drawn.done] += 1
        firsts.setdefault(drawn.done, pairs[k])
    for what, count in done.items():
        if what:
            say(f"{what}: {count:,} ({firsts[what].masks[0]} say)")
    return labels


def _resized(pair: Pair, coding: Coding, size: tuple[int, int], fit: Fit) -> _Drawn:
    drawn = _upright(pair, coding)
    return replace(drawn, classes=fit_classes(drawn.classes, size, fit, IGNORED))


def _upright(pair: Pair, coding: Coding) -> _Drawn:
    """The classes, turned like the image, in the mask's original size."""
    upright, orientation = stands(pair.image)
    classes = coding.encode(pair.masks[0])
    for mask in pair.masks[1:]:
        other = coding.encode(mask)
        if other.shape != classes.shape:
            raise DataError(
                f"{pair.image} has masks of two sizes: {pair.masks[0]} is {shape_text(classes.shape)}, and {mask} "
                f"{shape_text(other.shape)}"
            )
        classes = _united(classes, other)
    if classes.shape == upright:
        return _Drawn(classes, STAY if orientation != 1 else "")
    if orientation in TURNED and classes.shape == upright[::-1]:
        return _Drawn(turn(classes, orientation), TURN)
    if _is_like(classes.shape, upright):
        return _Drawn(classes, RESIZE)
    if orientation in TURNED and _is_like(classes.shape, upright[::-1]):
        return _Drawn(turn(classes, orientation), TURN)
    raise DataError(
        f"the mask {pair.masks[0]} is {shape_text(classes.shape)}, and its image {pair.image} {shape_text(upright)}: "
        "they are of other proportions"
    )


def _united(first: Array, second: Array) -> Array:
    """Merges two masks: the higher class wins, and ignored pixels take the class of the other mask."""
    one = np.where(first == IGNORED, second, first)
    other = np.where(second == IGNORED, first, second)
    united: Array = np.maximum(one, other)
    return united


def _is_like(shape: tuple[int, ...], other: tuple[int, int]) -> bool:
    """Whether the proportions are the same, up to rounding."""
    exact, found = shape[0] * other[1], shape[1] * other[0]
    return abs(exact - found) <= max(LOPSIDED * max(exact, found), *shape, *other)
