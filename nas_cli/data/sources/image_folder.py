"""Folders of pictures, a folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from nas_cli.arguments import Size
from nas_cli.data.dividers import by_names, names_own
from nas_cli.data.formats.files import require_folder
from nas_cli.data.formats.folders import (
    PassedOver,
    Place,
    class_name,
    find_parts,
    merged_classes,
    only_folder,
    require_classes,
    subfolders,
    walk,
)
from nas_cli.data.formats.parts import part_of
from nas_cli.data.formats.pictures import READ, SUFFIXES, Fit, is_picture, require_pillow
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Dataset, Examples
from nas_cli.data.sources.picture_reading import Pictures, Reading, examples, usual_size
from nas_cli.errors import DataError
from nas_cli.units import Bytes

SIDES = (16, 24, 32, 48, 64)
"""Of images in a starter spec."""
OTHER_IMAGES = (
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".j2k",
    ".jxl",
    ".svg",
    ".psd",
    ".tga",
    ".dcm",
    ".raw",
    ".dng",
    ".nef",
)


@SOURCES.register("image-folder")
def image_folder(
    path: Path,
    size: Size | None = None,
    color: Literal["auto", "grey", "rgb"] = "auto",
    fit: Fit = "stretch",
    levels: Literal["auto"] | tuple[float, float] = "auto",
    cache_above: Bytes = 4_000_000_000,
    group: str | None = None,
) -> Dataset:
    """Pictures, a folder for each class; above them folders for train, validation and test, or none.

    `size` in pixels is a side or [height, width], and needed where images differ in size; `fit` says what happens to
    other proportions. `color: auto` is grey where every image to train on is stored as grey, and colour otherwise.
    Of grey pictures with more than 8 bits the values from the lower of `levels` to the upper become 0 to 255; `auto`
    takes the least and the largest of those to train on.
    A part of more than `cache_above` decoded is not held in memory, but decoded once into a file beside the runs.
    Pictures of one `group` are held out together: `{group}_*` is what stands before the first _ of their names, and
    `{group}/*` the folder that they are in within the class folder.
    """
    require_pillow("the source image-folder")
    root = only_folder(path)
    parts = parts_of(root)
    top = root / parts.get("train", "")
    passed = PassedOver()
    train = find_pictures(top, root, passed, whole=True)
    reading = Reading.as_said(train, size, color, fit, levels)
    division = by_names(group, within_classes(train))
    notes: list[str] = []

    def part(folder: Path, name: str) -> Examples:
        found = find_pictures(folder, root, passed)
        missing = [each for each in train.classes if each not in found.classes]
        if missing:
            notes.append(f"the {name} part {folder} has no pictures of {', '.join(missing)}, and the training part has")
        notes.extend(division.about_own(name, folder, names_own(group, within_classes(found))))
        reading.require_known(found)
        return examples(found, reading, cache_above)

    def own(name: str) -> Callable[[], Examples] | None:
        return partial(part, root / parts[name], name) if name in parts else None

    def elsewhere(folder: Path, wanted: str) -> Examples:
        place = _part_at(folder, wanted)
        if place.resolve() == top.resolve():
            raise DataError(
                f"{wanted} is {folder}, the folder that is trained on: a share such as 0.2 holds images out"
            )
        return part(place, wanted)

    def check_test(folder: Path | None) -> None:
        place = root / parts["test"] if folder is None else _part_at(folder, "test")
        _require_known(place, top, train.classes)

    return Dataset(
        examples(train, reading, cache_above),
        own("validation"),
        own("test"),
        elsewhere,
        facts=lambda: reading.facts,
        notes=lambda: [*_layout_notes(path, root, parts, train), *notes, *passed.notes(root), *reading.notes],
        check_test=check_test,
        divide=division.divide,
        about_division=division.about,
    )


@sniff("image-folder", inputs="images", targets=("class",), expects="a folder with a folder of images for each class")
def pictures_at(path: Path) -> Found | None:
    """By the folders, and by the headers of some pictures, to which `size` is fitted. Raises DataError where one of
    them is damaged, and where there is one class alone."""
    if not path.is_dir():
        return None
    root = only_folder(path)
    train = find_pictures(root / parts_of(root).get("train", ""), root, PassedOver(), whole=True)
    if len(train.classes) < 2:
        raise DataError(
            f"{train.folder} has only one class, '{', '.join(train.classes)}': two are needed to tell apart"
        )
    (height, width), notes = usual_size(train.files)
    side = max([s for s in SIDES if s <= min(height, width)], default=SIDES[0])
    return Found(
        0.85,
        keys={"size": [side, side]},
        comments={"size": f"what every image is resized to; most here are {height}×{width}"},
        notes=notes,
        shape=(3, side, side),
    )


@dataclass(frozen=True)
class ByClass(Pictures):
    """The pictures of one part by class and name."""

    files: Sequence[Path]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The names of the folders of each class: more than one where they differ in their Unicode form alone."""


def within_classes(found: ByClass) -> list[Place]:
    """Where the pictures lie below the folders of their classes."""
    return [file.relative_to(found.folder).parts[1:] for file in found.files]


# Which pictures -------------------------------------------------------------------------------------------------------


def find_pictures(folder: Path, root: Path, passed: PassedOver, whole: bool = False) -> ByClass:
    """All below the class folders of `folder`, by ending or else by content. What is none goes to `passed`.

    Raises DataError where there are none, where one is of a format that is not read and, with `whole`, where a class
    has none.
    """
    require_folder(folder)
    names = subfolders(folder)
    if not names:
        raise DataError(f"{folder} has no folders: images lie in a folder for each class, such as {folder / 'cat'}")
    if whole:
        require_classes(folder, names)
    files = _pictures_in(folder, root, names, passed)
    empty = next((name for name in names if not files.get(name)), None)
    if empty is not None and whole:
        raise DataError(f"the class folder {folder / empty} has no pictures ({READ})")
    filled = [name for name in names if files[name]]
    if not filled:
        raise DataError(f"{folder} has no pictures ({READ})")
    classes: dict[str, list[str]] = {}
    for name in filled:
        classes.setdefault(class_name(name, folder), []).append(name)
    labels: list[str] = []
    pictures: list[Path] = []
    for label, folders in classes.items():
        own = [file for name in folders for file in files[name]]
        labels += [label] * len(own)
        pictures += own
    return ByClass(folder, pictures, labels, classes)


def _pictures_in(folder: Path, root: Path, names: Sequence[str], passed: PassedOver) -> dict[str, list[Path]]:
    """The pictures of each of the folders `names`."""
    files: dict[str, list[Path]] = {name: [] for name in names}
    for place, file in walk(folder, root, passed):
        if len(place) == 1:
            passed.add("beside the folders of classes", place)
        elif file.suffix.lower() in OTHER_IMAGES:
            raise DataError(f"{file} is none of {READ}: convert it, or take it away")
        elif file.suffix.lower() in SUFFIXES or is_picture(file):
            files[place[0]].append(file)
        else:
            passed.add("no pictures", place)
    return files


def parts_of(root: Path) -> dict[str, str]:
    """part → its folder in `root`; none where classes lie there."""
    found = find_parts(root, {name: subfolders(root / name) for name in subfolders(root)})
    return found if found and subfolders(root / found["train"]) else {}


def _part_at(folder: Path, wanted: str) -> Path:
    """The part `wanted` of what lies at `folder`, where that is divided, else all of it."""
    require_folder(folder)
    return folder / parts_of(folder).get(wanted, "")


def _require_known(folder: Path, top: Path, classes: Mapping[str, Any]) -> None:
    """By the names of folders alone. Raises DataError where networks that learn `classes` cannot be tested there."""
    require_folder(folder)
    names = subfolders(folder)
    if not names:
        raise DataError(f"{folder} has no folders, and a test needs images in a folder for each class")
    unknown = [name for name in names if class_name(name, folder) not in classes]
    filled = {place[0] for place, _ in walk(folder, folder, PassedOver())} if unknown else set()
    new = next((name for name in unknown if name in filled), None)
    if new is not None:
        raise DataError(f"{folder} has the class folder '{new}', which {top} does not have")


def _layout_notes(path: Path, root: Path, parts: Mapping[str, str], train: ByClass) -> Iterator[str]:
    if root != path:
        yield f"the data lies in {root}, the only folder there"
    beside = sorted(set(subfolders(root)) - set(parts.values())) if parts else []
    if beside:
        yield f"not read, since they are no part of {root}: {', '.join(beside)}"
    named = [name for name in train.classes if part_of(name)] if not parts else []
    if named:
        yield f"taken for classes, by what lies beside: {', '.join(named)}"
    deeper = [file for file in train.files if len(file.relative_to(train.folder).parts) > 2]
    if deeper:
        yield (
            f"{len(deeper):,} pictures lie in folders within the class folders, {deeper[0].relative_to(train.folder)} "
            "say, and are of the class of the outer folder"
        )
    yield from merged_classes(train.folder, train.classes)
