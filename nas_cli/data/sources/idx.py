"""IDX files, the format of MNIST and its relatives: images and labels in two files for each part, plain or gzipped."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.formats.files import (
    GZIP,
    array_examples,
    choose_part,
    most_unpacked,
    read_bytes,
    require_file,
    require_folder,
)
from nas_cli.data.formats.folders import PassedOver, is_junk
from nas_cli.data.formats.parts import part_of
from nas_cli.data.formats.pixels import shape_text
from nas_cli.data.kinds.classes import as_labels
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Examples
from nas_cli.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
NAME = re.compile(r"(?P<part>[a-z0-9]+)[-_](?P<kind>images|labels)[-._]idx\d[-._]ubyte(\.gz)?$", re.IGNORECASE)


@SOURCES.register("idx")
def idx(path: Path, labels: list[str] | None = None) -> Dataset:
    """IDX files as of MNIST: a folder with train-images, train-labels and, as a test part, t10k-images and t10k-labels.

    Files are named like `train-images-idx3-ubyte` or `train-images.idx3-ubyte`, gzipped or not; a prefix such as
    `emnist-letters-` may stand before, and the part in any usual spelling. `labels` names the classes 0, 1, ….
    """
    passed = PassedOver()
    files = find_files(path, passed)
    if "train" not in files:
        parts = f"only files of the part {', '.join(files)}" if files else "no IDX files"
        raise DataError(f"{path} has {parts}: train-images-idx3-ubyte and train-labels-idx1-ubyte are needed")

    def part(name: str) -> Examples:
        return examples(path, files[name], name)

    def elsewhere(other: Path, wanted: str) -> Examples:
        found = find_files(other, passed)
        name = choose_part(other, list(found), wanted, trained_on=path)
        return examples(other, found[name], name)

    def check_test(place: Path | None) -> None:
        found = files if place is None else find_files(place, PassedOver())
        name = "test" if place is None else choose_part(place, list(found), "test", trained_on=path)
        pair = both(place or path, found[name], name)
        shapes = [read_header(file)[1] for file in pair]
        if shapes[0][0] != shapes[1][0] or not shapes[0][0]:
            raise DataError(f"{pair[0]} has {shapes[0][0]:,} images and {pair[1]} {shapes[1][0]:,} labels")

    return Dataset(
        train=part("train"),
        validation=(lambda: part("validation")) if "validation" in files else None,
        test=(lambda: part("test")) if "test" in files else None,
        elsewhere=elsewhere,
        names=tuple(labels) if labels is not None else None,
        check_test=check_test,
        notes=lambda: passed.notes(path),
    )


@sniff("idx", inputs="images", targets=("class",), expects="a folder with idx files")
def idx_files_at(path: Path) -> Found | None:
    """By the names of files."""
    return Found() if path.is_dir() and any(NAME.search(file.name) for file in path.iterdir()) else None


def find_files(folder: Path, passed: PassedOver) -> dict[str, dict[str, Path]]:
    """part → kind (images, labels) → file; the others go to `passed`. Raises DataError where two claim one place."""
    require_folder(folder)
    found: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.iterdir()):
        if is_junk(file.name):
            continue
        match = NAME.search(file.name)
        part = _part(match["part"]) if match else None
        if match is None or part is None:
            passed.add("no IDX files by their names", (file.name,))
            continue
        kind = match["kind"].lower()
        others = found.setdefault(part, {})
        if kind in others:
            raise DataError(f"{folder} has two files of {part} {kind}: {others[kind].name}, {file.name}")
        others[kind] = file
    return dict(sorted(found.items(), key=lambda item: ["train", "validation", "test"].index(item[0])))


def _part(word: str) -> str | None:
    return "test" if word.lower() == "t10k" else part_of(word)


def both(folder: Path, files: dict[str, Path], part: str) -> tuple[Path, Path]:
    """The files of images and of labels. Raises DataError where one is not there."""
    for kind in ("images", "labels"):
        if kind not in files:
            (other,) = files.values()
            raise DataError(f"{folder} has {other.name} and no file with the {part} {kind}")
    return files["images"], files["labels"]


def examples(folder: Path, files: dict[str, Path], part: str) -> Examples:
    """The examples of one part; the labels are read now, the images when they are needed."""
    file, of_labels = both(folder, files, part)
    labels = as_labels(read_idx(of_labels), str(of_labels))

    def read(indices: Array) -> Array:
        found: Array = array_examples(read_idx(file), labels, str(file)).read(indices)
        return found

    return Examples(str(file), labels, read)


def read_header(path: Path) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Type and shape of the array in an IDX file, and whether it is gzipped. Raises DataError where it is none."""
    require_file(path)
    gzipped = read_bytes(path, False, len(GZIP)) == GZIP
    start = read_bytes(path, gzipped, 4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not 1 <= start[3] <= 4:
        raise DataError(f"{path} is no IDX file: it begins with the bytes {start.hex(' ') or 'of nothing'}")
    header = read_bytes(path, gzipped, 4 + 4 * start[3])
    if len(header) < 4 + 4 * start[3]:
        raise DataError(f"{path} is cut short within its header")
    return np.dtype(TYPES[start[2]]), struct.unpack(f">{start[3]}I", header[4:]), gzipped


def read_idx(path: Path) -> Array:
    """The array in an IDX file, plain or gzipped. Raises DataError where it is none, damaged or cut short."""
    dtype, shape, gzipped = read_header(path)
    header_size = 4 + 4 * len(shape)
    size = header_size + int(np.prod(shape, dtype=object)) * dtype.itemsize
    packed = path.stat().st_size
    if size > (most_unpacked(packed) if gzipped else packed):
        raise DataError(f"{path} is cut short: its header says {shape_text(shape)}, {size:,} bytes")
    content = read_bytes(path, gzipped, size + 1)
    if len(content) != size:
        fault = "is cut short" if len(content) < size else "is longer than it should be"
        raise DataError(f"{path} {fault}: its header says {shape_text(shape)}, {size:,} bytes")
    values = np.frombuffer(content, dtype, offset=header_size).reshape(shape)
    return values if dtype.itemsize == 1 else values.astype(dtype.newbyteorder("="))
