"""Pairs images with masks by their folders and names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path, PurePosixPath

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.encodings import decode
from nas_cli.data.formats.folders import PassedOver, Place
from nas_cli.data.formats.mask_places import Spot, by_kind, find_spots
from nas_cli.data.formats.named_files import plain
from nas_cli.data.formats.parts import is_only_a_part, part_of
from nas_cli.data.formats.trees import Tree, content
from nas_cli.errors import DataError

LISTS = ("segmentation", "imagesets", "splits", "split", "lists")
"""Folders with lists of the image names of each part."""


@dataclass(frozen=True)
class Pair:
    """An image and its mask, or its masks: one for each object."""

    image: File
    masks: tuple[File, ...]


@dataclass
class Pairs:
    """The pairs of each part, and sentences on what was guessed."""

    parts: dict[str, list[Pair]]
    notes: list[str] = field(default_factory=list)


def find_pairs(tree: Tree, images: str | None, masks: str | None, passed: PassedOver) -> Pairs:
    """The pairs below `tree`, all in the part "train" where it is not divided. `images` and `masks` are folders; None
    finds them by usual names. Raises DataError where there are no pairs.
    """
    spots = find_spots(tree, images, masks, passed)
    pictures, drawn = by_kind(tree, spots, images, masks)
    notes = _about_folders(pictures, drawn, images is None or masks is None)
    known = {spot.place for spot in (*pictures, *drawn)}
    for spot in spots:
        if spot.place not in known:
            passed.add("neither among the images nor among the masks", spot.place)
    pictures, drawn, about = _divided(tree, pictures, drawn, passed)
    matching = _Matching(pictures, drawn)
    parts: dict[str, list[Pair]] = {}
    used: set[Place] = set()
    for picture in pictures:
        found = matching.masks_of(picture)
        used.update(mask.place for mask in found)
        if found:
            parts.setdefault(picture.part or "train", []).append(Pair(picture.file, tuple(m.file for m in found)))
        else:
            passed.add("images without a mask", picture.place)
    for mask in drawn:
        if mask.place not in used:
            passed.add("masks without an image", mask.place)
    if not parts:
        raise DataError(
            f"no image in {tree.origin} has a mask of its name: there are images such as {pictures[0].file} and masks "
            f"such as {drawn[0].file}"
        )
    return Pairs(parts, [*notes, *about, *matching.notes()])


def _about_folders(pictures: Sequence[Spot], drawn: Sequence[Spot], guessed: bool) -> list[str]:
    if not guessed:
        return []
    names = [
        Counter("/".join(spot.place[:-1]) or "." for spot in spots).most_common(1)[0][0] for spots in (pictures, drawn)
    ]
    return [f"images are those in {names[0]}, and masks those in {names[1]} and the like: images and masks name others"]


# Parts ---------------------------------------------------------------------------------------------------------------


def _divided(
    tree: Tree, pictures: list[Spot], drawn: list[Spot], passed: PassedOver
) -> tuple[list[Spot], list[Spot], list[str]]:
    """Pictures and masks, each with its part (None for all where the data is not divided), and notes."""
    if any(spot.part == "train" for spot in pictures):
        are_in = [spot.part is not None for spot in pictures]
        return _within(pictures, are_in, "in no part of the data", passed), drawn, []
    pictures, drawn = ([replace(spot, part=None) for spot in spots] for spots in (pictures, drawn))
    lists = _lists(tree)
    if not any(spot.stem in lists.get("train", ()) for spot in pictures):
        return pictures, drawn, []
    parts = {stem: part for part, stems in lists.items() for stem in stems}
    known = _within(pictures, [spot.stem in parts for spot in pictures], "in no list of a part", passed)
    listed = [replace(spot, part=parts[spot.stem]) for spot in known]
    masks = [replace(spot, part=parts.get(spot.core, parts.get(spot.stem))) for spot in drawn]
    return listed, masks, [f"parts by the lists of their names: {', '.join(f'{name}.txt' for name in lists)}"]


def _within(spots: list[Spot], are_in: list[bool], otherwise: str, passed: PassedOver) -> list[Spot]:
    """The spots that `are_in`; the others are passed over for the reason `otherwise`."""
    for spot, is_in in zip(spots, are_in, strict=True):
        if not is_in:
            passed.add(otherwise, spot.place)
    return list(compress(spots, are_in))


def _lists(tree: Tree) -> dict[str, set[str]]:
    """part → the names of its images, by lists such as those of Pascal VOC."""
    places: dict[str, Place] = {}
    for place in tree.files:
        folders = set(map(plain, place[:-1]))
        if not place[-1].lower().endswith(".txt") or not is_only_a_part(place[-1]):
            continue
        part = part_of(place[-1].partition(".")[0])
        if part is not None and (not folders or folders & set(LISTS)) and (part not in places or LISTS[0] in folders):
            places[part] = place
    found = {}
    for part, place in places.items():
        lines = decode(content(tree.files[place]), "utf-8", Path(str(tree.files[place]))).splitlines()
        found[part] = {plain(PurePosixPath(line.split()[0]).stem) for line in lines if line.strip()}
    return found


# Which mask ----------------------------------------------------------------------------------------------------------


class _Matching:
    """Indices of the masks, by everything that may lead to them."""

    def __init__(self, pictures: Iterable[Spot], drawn: Iterable[Spot]) -> None:
        self.by_name: dict[object, list[Spot]] = defaultdict(list)
        self.by_core: dict[object, list[Spot]] = defaultdict(list)
        self.by_folder: dict[object, list[Spot]] = defaultdict(list)
        self.anywhere: dict[object, list[Spot]] = defaultdict(list)
        for mask in drawn:
            self.by_name[mask.part, mask.inner, mask.stem].append(mask)
            self.by_core[mask.part, mask.inner, mask.core].append(mask)
            self.by_folder[mask.part, mask.inner].append(mask)
            self.anywhere[mask.part, mask.core].append(mask)
        self.in_folder = Counter((picture.part, picture.inner) for picture in pictures)
        self.alike = Counter((picture.part, picture.core) for picture in pictures)
        self.united = 0
        self.examples: dict[str, list[tuple[Spot, Spot]]] = defaultdict(list)

    def masks_of(self, picture: Spot) -> list[Spot]:
        """The masks of a picture. In this order: the mask of the same name; a folder of that name with a mask for each
        object; a mask of nearly the same name; all masks in the folder beside, where the image is alone in its folder;
        a mask of nearly the same name anywhere.
        Raises DataError where two masks claim the picture.
        """
        part, inner = picture.part, picture.inner
        found = self.by_name.get((part, inner, picture.stem))
        if found:
            return self._one(picture, found)
        folder = self.by_folder.get((part, (*inner, picture.stem)))
        if folder:
            return self._all(folder)
        found = self.by_core.get((part, inner, picture.core))
        if found:
            self.examples["by a name that differs from their image's"].append((picture, found[0]))
            return self._one(picture, found)
        beside = self.by_folder.get((part, inner))
        if inner and beside and self.in_folder[part, inner] == 1:
            return self._all(beside)
        found = self.anywhere.get((part, picture.core))
        if found and len(found) == 1 and self.alike[part, picture.core] == 1:
            self.examples["in another folder than their image's"].append((picture, found[0]))
            return found
        return []

    def _one(self, picture: Spot, found: list[Spot]) -> list[Spot]:
        if len(found) > 1:
            raise DataError(
                f"{picture.file} has two masks, {found[0].file} and {found[1].file}: say masks: FOLDER, "
                "or take one away"
            )
        return found

    def _all(self, found: list[Spot]) -> list[Spot]:
        self.united += len(found) > 1
        return found

    def notes(self) -> list[str]:
        notes = []
        for how, pairs in self.examples.items():
            picture, mask = pairs[0]
            notes.append(f"masks found {how}: {len(pairs):,} ({mask.file} for {picture.file})")
        if self.united:
            notes.append(f"images with a mask for each object, which are united: {self.united:,}")
        return notes
