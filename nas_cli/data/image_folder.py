"""Folders of PNG and JPEG images, a folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from nas_cli.arguments import Size
from nas_cli.data.files import require_folder, unreadable
from nas_cli.data.pictures import SUFFIXES, Fit, Look, decode, in_parallel, look, require_pillow
from nas_cli.data.source import SOURCES, Array, Dataset, Examples, Stream
from nas_cli.errors import DataError
from nas_cli.units import Bytes

PARTS = {"validation": ("validation", "valid", "val"), "test": ("test",)}
CHUNK = 256
OTHER_IMAGES = (".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".avif", ".ppm", ".pgm", ".jp2")


@SOURCES.register("image-folder")
def image_folder(
    path: Path,
    size: Size | None = None,
    color: Literal["auto", "grey", "rgb"] = "auto",
    fit: Fit = "stretch",
    cache_above: Bytes = 4_000_000_000,
) -> Dataset:
    """PNG and JPEG images, a folder for each class; above them train, validation and test folders, or none.

    `size` in pixels is a side or [height, width], and needed where images differ in size; `fit` says what happens to
    other proportions. `color: auto` is grey where every image to train on is stored as grey, and colour otherwise.
    A part of more than `cache_above` decoded is not held in memory, but decoded once into a file beside the runs.
    """
    require_pillow("the source image-folder")
    require_folder(path)
    divided = (path / "train").is_dir() and bool(subfolders(path / "train"))
    top = path / "train" if divided else path
    files, labels = find_images(top)
    target = (size, size) if isinstance(size, int) else size
    settled: list[partial[Array]] = []

    def to_pixels() -> partial[Array]:
        # Settled once, by the headers of the images to train on: other parts are read in the same way.
        if not settled:
            looks = list(in_parallel(look, files)) if color == "auto" or target is None else []
            grey = all(each.grey for each in looks) if color == "auto" else color == "grey"
            settled.append(partial(decode, grey=grey, size=target or _one_size(files, looks), fit=fit))
        return settled[0]

    def part(folder: Path) -> Examples:
        return examples(folder, *find_images(folder), to_pixels, cache_above)

    def own(name: str) -> Callable[[], Examples] | None:
        folders = [path / word for word in PARTS[name] if (path / word).is_dir()] if divided else []
        return partial(part, folders[0]) if folders else None

    def elsewhere(folder: Path, wanted: str) -> Examples:
        if folder.resolve() == top.resolve():
            raise DataError(
                f"{wanted} is {folder}, the folder that is trained on: a share such as 0.2 holds images out"
            )
        return part(folder)

    return Dataset(examples(top, files, labels, to_pixels, cache_above), own("validation"), own("test"), elsewhere)


def examples(
    folder: Path, files: list[Path], labels: Array, to_pixels: Callable[[], partial[Array]], cache_above: int
) -> Examples:
    """The images of one part; a file is opened when it is needed."""

    def read(indices: Array) -> Array:
        chosen = [files[k] for k in indices]
        pixels: Array | None = None
        for k, image in enumerate(in_parallel(to_pixels(), chosen)):
            if pixels is None:
                pixels = np.empty((len(chosen), *image.shape), np.uint8)
            pixels[k] = image
        assert pixels is not None
        return pixels

    def chunks() -> Iterator[Array]:
        yield read(np.arange(1))  # by which the others' size is known
        for start in range(1, len(files), CHUNK):
            yield read(np.arange(start, min(start + CHUNK, len(files))))

    stream = Stream(chunks, files, lambda: repr(sorted(to_pixels().keywords.items())), cache_above)
    return Examples(str(folder), labels, read, stream)


def subfolders(folder: Path) -> list[Path]:
    """The classes of a folder in alphabetical order; hidden folders are none."""
    try:
        return sorted(f for f in folder.iterdir() if f.is_dir() and f.name[0] != "." and f.name != "__MACOSX")
    except OSError as error:
        raise unreadable(folder, error) from None


def find_images(folder: Path) -> tuple[list[Path], Array]:
    """Image files and the class of each, by class and name. Raises DataError where there are none."""
    require_folder(folder)
    classes = subfolders(folder)
    if not classes:
        raise DataError(f"{folder} has no folders: images lie in a folder for each class, such as {folder / 'cat'}")
    files: list[Path] = []
    labels: list[str] = []
    for place in classes:
        found = [file for file in sorted(place.iterdir()) if file.name[0] != "." and file.is_file()]
        other = next((file for file in found if file.suffix.lower() in OTHER_IMAGES), None)
        if other is not None:
            raise DataError(f"{other} is neither PNG nor JPEG: convert it, or take it away")
        pictures = [file for file in found if file.suffix.lower() in SUFFIXES]
        if not pictures:
            raise DataError(f"the class folder {place} has no PNG or JPEG images")
        files += pictures
        labels += [place.name] * len(pictures)
    return files, np.array(labels)


def _one_size(files: list[Path], looks: list[Look]) -> tuple[int, int]:
    first = looks[0].size
    for file, each in zip(files, looks, strict=True):
        if each.size != first:
            sizes = [f"{h}x{w}" for h, w in (first, each.size)]
            raise DataError(
                f"images differ in size: {files[0]} is {sizes[0]} and {file} {sizes[1]}; say size: [height, width]"
            )
    return first
