"""Finds images and masks by the names of folders, and the common part of a pair's names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.folders import PassedOver, Place
from nas_cli.data.formats.named_files import has_picture_ending, plain
from nas_cli.data.formats.parts import WORDS, part_of
from nas_cli.data.formats.pictures import is_picture
from nas_cli.data.formats.trees import Tree
from nas_cli.errors import DataError, did_you_mean

FOLDERS = {
    "images": (
        *("image", "images", "img", "imgs", "jpegimages", "leftimgbit", "input", "inputs", "photo", "photos"),
        *("picture", "pictures", "rgb", "frame", "frames", "original", "originals"),
    ),
    "masks": (
        *("mask", "masks", "gt", "gts", "gtfine", "groundtruth", "groundtruths", "annotation", "annotations"),
        *("annot", "annots", "label", "labels", "segmentationclass", "segmentationclassaug", "segmentationclassraw"),
        *("segmentation", "segmentations", "seg", "segs", "segmentationmask", "segmentationmasks", "target"),
        *("targets", "trimap", "trimaps", "maskimages", "manual", "stmanual", "labelids", "labelimages"),
    ),
}
"""Usual names of folders of images and masks, without words for parts, signs and digits."""
FORMATS = ("png", "jpg", "jpeg", "tif", "tiff", "gif", "bmp")
BEFORE = re.compile(r"(mask|masks|label|labels|gt|seg|segmentation|image|images|img)[ _.-]+(?=.)")
AFTER = {
    "masks": re.compile(
        r"(?<=.)[ _.-]+(masks?|gt|gtfine_labelids|labels?|labelids|segmentations?|seg|annotations?|groundtruth|l|"
        r"manual\d?|matte)$"
    ),
    "images": re.compile(r"(?<=.)[ _.-]+(images?|img|leftimg8bit|sat|rgb|train|training|test)$"),
}
"""Prefixes and suffixes around the name that an image and its mask share."""


@dataclass(frozen=True)
class Spot:
    """Where a picture lies. `kind` is "images" or "masks", by the folder named `folder`; None where no folder says.
    `inner` is its path below the folders of parts and kinds, without the name.
    """

    place: Place
    file: File
    kind: str | None
    folder: str
    part: str | None
    inner: Place

    @property
    def stem(self) -> str:
        return plain(PurePosixPath(self.place[-1]).stem)

    @property
    def core(self) -> str:
        """The name that an image and its mask share: `a` of `a_mask` and of `img_a`."""
        stem = BEFORE.sub("", self.stem, count=1) if BEFORE.match(self.stem) else self.stem
        for after in AFTER.values():
            stem = after.sub("", stem)
        return stem


def find_spots(tree: Tree, images: str | None, masks: str | None, passed: PassedOver) -> list[Spot]:
    said = {
        "images": None if images is None else tree.inside(images),
        "masks": None if masks is None else tree.inside(masks),
    }
    spots = []
    for place, file in tree.files.items():
        if has_picture_ending(place[-1]) or is_picture(file):
            spots.append(_spot(place, file, said))
        elif not place[-1].lower().endswith((".txt", ".csv", ".json", ".xml", ".md")):
            passed.add("no pictures", place)
    if not spots:
        raise DataError(f"{tree.origin} has no pictures")
    return spots


def _spot(place: Place, file: File, said: Mapping[str, Place | None]) -> Spot:
    folders = place[:-1]
    kind, first, last, name = _as_said(folders, said) or _as_called(folders, said) or (None, 0, 0, "")
    where = next((k for k, folder in enumerate(folders) if _part_of(folder)), None)
    part = None if where is None else _part_of(folders[where])
    inner = [plain(folder) for k, folder in enumerate(folders) if k != where and not first <= k < last]
    return Spot(place, file, kind, name, part, tuple(inner))


Named = tuple[str, int, int, str]
"""(kind, index of the first folder that says it, index after the last, name of the folder)."""


def _as_said(folders: Place, said: Mapping[str, Place | None]) -> Named | None:
    found = None
    for kind, wanted in said.items():
        if wanted:
            size = len(wanted)
            start = next((k for k in range(len(folders)) if folders[k : k + size] == wanted), None)
            if start is not None:
                found = kind, start, start + size, "/".join(wanted)
    return found


def _as_called(folders: Place, said: Mapping[str, Place | None]) -> Named | None:
    """By the first folder with a usual name of a kind that the spec names no folder for."""
    for place, folder in enumerate(folders):
        kind, common = _kind_of(folder)
        if kind is not None and said[kind] is None:
            return kind, place, place + 1, common
    return None


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _kind_of(folder: str) -> tuple[str | None, str]:
    """The kind of a folder's content, by the last words of its name, and the name without the part: `annot` of
    `trainannot`."""
    forms = [form for known in WORDS.values() for form in known]
    kept = [_without_part(word) for word in _words(folder) if word not in forms and word not in FORMATS]
    tails = {"".join(kept[k:]) for k in range(len(kept))}
    return next((kind for kind, names in FOLDERS.items() if tails & set(names)), None), "".join(kept)


def _without_part(word: str) -> str:
    for known in WORDS.values():
        for form in known:
            if word.startswith(form) and word[len(form) :] in FOLDERS["masks"]:
                return word[len(form) :]
    return word


def _part_of(folder: str) -> str | None:
    """The part that a folder's name says; `trainannot` is "train", too."""
    glued = [word for word in _words(folder) if _without_part(word) != word]
    return part_of(folder) or next((part_of(word.removesuffix(_without_part(word))) for word in glued), None)


def by_kind(tree: Tree, spots: Sequence[Spot], images: str | None, masks: str | None) -> tuple[list[Spot], list[Spot]]:
    """The images and the masks. Where no folder says which are the masks, file names may; where none says which are the
    images, all other pictures are. Raises DataError where images or masks cannot be found."""
    pictures, drawn = _of_kind("images", spots), _of_kind("masks", spots)
    folders = sorted({"/".join(spot.place[:-1]) for spot in spots} - {""})
    _require_one_folder(tree, "images", images, pictures, folders)
    _require_one_folder(tree, "masks", masks, drawn, folders)
    drawn = drawn or _called_masks(spots)
    taken = {spot.place for spot in drawn}
    pictures = [spot for spot in pictures if spot.place not in taken]
    if not pictures:
        pictures = [spot for spot in _of_kind(None, spots) if spot.place not in taken]
    missing = [kind for kind, found in (("masks", drawn), ("images", pictures)) if not found]
    if missing:
        there = ", ".join(folders[:20]) or "no folder"
        raise DataError(
            f"{tree.origin} has no folder of {missing[0]} by its name; there is {there}: "
            "say images: FOLDER and masks: FOLDER"
        )
    return pictures, drawn


def _of_kind(kind: str | None, spots: Sequence[Spot]) -> list[Spot]:
    return [spot for spot in spots if spot.kind == kind]


def _require_one_folder(tree: Tree, kind: str, said: str | None, found: Sequence[Spot], folders: Sequence[str]) -> None:
    """Raises DataError where the folder `said` is empty, or where several folders may be meant."""
    if said is not None and not found:
        raise DataError(f"{tree.origin} has no pictures in a folder '{said}' of {kind}{did_you_mean(said, folders)}")
    names = sorted({spot.folder for spot in found})
    if said is None and len(names) > 1:
        raise DataError(
            f"{tree.origin} has several folders that may hold the {kind}: {' and '.join(names)}; say {kind}: FOLDER"
        )


def _called_masks(spots: Sequence[Spot]) -> list[Spot]:
    """The masks by their file names: those with a mask's suffix and an image of the same core beside them."""
    masks = [spot for spot in spots if AFTER["masks"].search(spot.stem)]
    cores = {(spot.inner, spot.part, spot.core) for spot in spots if not AFTER["masks"].search(spot.stem)}
    return [mask for mask in masks if (mask.inner, mask.part, mask.core) in cores]
