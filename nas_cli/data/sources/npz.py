"""NumPy archives: images and labels as arrays in one .npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from nas_cli.data.dividers import Dividers
from nas_cli.data.formats.files import array_examples, choose_part, most_unpacked, reading_numpy, require_file
from nas_cli.data.formats.pixels import Layout
from nas_cli.data.kinds.classes import as_labels
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Examples, Stream
from nas_cli.data.sources.array_keys import divide_arrays, own_keys
from nas_cli.errors import DataError
from nas_cli.units import Bytes

NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("x", "y"), ("images", "labels")),
    "validation": (
        ("x_validation", "y_validation"),
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("x_dev", "y_dev"),
        ("val_images", "val_labels"),
        ("valid_images", "valid_labels"),
        ("validation_images", "validation_labels"),
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
"""What the arrays of a part may be called: images, labels."""
Pair = tuple[str | None, str | None]
CHUNK = 1024
KNOWN = ", ".join(dict.fromkeys(f"{x} and {y}" for pairs in (NAMES["train"], NAMES["test"][:1]) for x, y in pairs))


@SOURCES.register("npz")
def npz(
    path: Path,
    layout: Layout = "auto",
    labels: list[str] | None = None,
    cache_above: Bytes = 4_000_000_000,
    group: str | None = None,
    time: str | None = None,
    time_format: str | None = None,
) -> Dataset:
    """Arrays in a .npz file: x_train, y_train and, where there are any, x_test, y_test; or x, y; or images, labels.

    Images are (N, H, W), (N, H, W, C) or (N, C, H, W), of uint8, or floats from 0 to 1; `layout` says which where the
    shape leaves it open. Labels are whole numbers or texts; `labels` names the classes 0, 1, ….
    Images that take more than `cache_above` as uint8 are not held in memory, but read once into a file beside the runs.
    `group` and `time` are arrays with a value for each example to train on, and mean what they mean for csv.
    """
    dividers = Dividers.said(group, time, time_format)
    parts = find_arrays(path)
    if "train" not in parts:
        names = ", ".join(array_names(path)) or "none"
        raise DataError(f"{path} has no arrays for training: it has {names}; known are {KNOWN}")
    notes: list[str] = []

    def read(place: Path, pair: Pair) -> Examples:
        return examples(place, *both(place, pair), layout, cache_above)

    def own(place: Path, pair: Pair, part: str) -> Examples:
        found = read(place, pair)
        keys = own_keys(dividers, part, array_names(place), partial(read_array, place), len(found.labels))
        notes.extend(division.about_own(part, place, keys))
        return found

    def elsewhere(other: Path, wanted: str) -> Examples:
        found = find_arrays(other)
        notes.extend(_unread(other, found, dividers.columns))
        return own(other, found[choose_part(other, list(found), wanted, trained_on=path)], wanted)

    def check_test(place: Path | None) -> None:
        found = parts if place is None else find_arrays(place)
        name = "test" if place is None else choose_part(place, list(found), "test", trained_on=path)
        _check_test(place or path, found[name], train)

    train = read(path, parts["train"])
    division = divide_arrays(path, dividers, array_names(path), partial(read_array, path), len(train.labels))
    return Dataset(
        train=train,
        validation=(lambda: own(path, parts["validation"], "validation")) if "validation" in parts else None,
        test=(lambda: own(path, parts["test"], "test")) if "test" in parts else None,
        elsewhere=elsewhere,
        names=tuple(labels) if labels is not None else None,
        check_test=check_test,
        notes=lambda: [*_unread(path, parts, dividers.columns), *notes],
        divide=division.divide,
        about_division=division.about,
    )


@sniff("npz", inputs="images", targets=("class",), expects="an .npz file")
def arrays_at(path: Path) -> Found | None:
    """By the ending, of the only one in a folder too."""
    if path.is_file():
        return Found() if path.suffix.lower() == ".npz" else None
    archives = [file for file in path.iterdir() if file.suffix.lower() == ".npz"] if path.is_dir() else []
    return Found(0.95, keys={"path": str(archives[0])}) if len(archives) == 1 else None


def _check_test(file: Path, pair: Pair, train: Examples) -> None:
    """By the headers of the arrays alone. Raises DataError."""
    names = both(file, pair)
    (images, _), (labels, kind) = (header(file, name) for name in names)
    if not images or not labels or images[0] != labels[0] or not images[0]:
        raise DataError(f"{file} has {_count(images)} images to test on and {_count(labels)} labels")
    if train.labels.dtype.kind in "iu" and kind.kind in "US":
        raise DataError(f"{names[1]} of {file} are texts, and the labels to train on numbers")


def _count(shape: tuple[int, ...]) -> str:
    return f"{shape[0]:,}" if shape else "not a list of"


def array_names(path: Path) -> list[str]:
    """The names of the arrays in a .npz file. Raises DataError where it is none."""
    require_file(path)
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is no .npz file, or is cut short: save the arrays with numpy.savez_compressed")
    with reading_numpy(str(path), path), zipfile.ZipFile(path) as archive:
        names = dict.fromkeys(archive.namelist())
    return [name.removesuffix(".npy") for name in names if name.endswith(".npy")]


def find_arrays(path: Path) -> dict[str, Pair]:
    """part → the names of its images and labels, whatever their case; None where one of them is not there, which
    validation must have both of.

    Raises DataError where two arrays differ in case alone.
    """
    exact: dict[str, str] = {}
    for name in array_names(path):
        other = exact.setdefault(name.lower(), name)
        if other != name:
            raise DataError(f"{path} has the arrays {other} and {name}: rename one of them")
    found: dict[str, Pair] = {}
    for part, pairs in NAMES.items():
        there = [(exact.get(images), exact.get(labels)) for images, labels in pairs]
        whole = [pair for pair in there if all(pair)]
        half = [pair for pair in there if any(pair) and part != "validation"]
        if whole or half:
            found[part] = (whole or half)[0]
    return found


def both(path: Path, pair: Pair) -> tuple[str, str]:
    """Raises DataError where the images have no labels, or labels no images."""
    images, labels = pair
    if images is None or labels is None:
        here = images or labels
        partners = {x: y for pairs in NAMES.values() for one in pairs for x, y in (one, one[::-1])}
        raise DataError(f"{path} has the array {here} and no {partners[str(here).lower()]}")
    return images, labels


def _unread(path: Path, parts: Mapping[str, Pair], dividers: Sequence[str]) -> list[str]:
    """A note on the arrays that belong to no part; `dividers` are those that divide them."""
    read = {*dividers, *(name for pair in parts.values() for name in pair)}
    left = [name for name in array_names(path) if name not in read]
    return [f"arrays of {path} that are not read: {', '.join(left)}"] if left else []


def examples(path: Path, images: str, labels: str, layout: Layout, cache_above: int) -> Examples:
    """The examples of one part; the labels are read now, the images when they are needed."""
    origin = f"{images} of {path}"
    targets = as_labels(read_array(path, labels), f"{labels} of {path}")

    def read(indices: Array) -> Array:
        found: Array = array_examples(read_array(path, images), targets, origin, layout).read(indices)
        return found

    def chunks() -> Iterator[Array]:
        seen = 0
        for piece in stream_array(path, images):
            if not piece.ndim:
                raise DataError(f"{origin} is a single value, and no images")
            labels_of_piece = targets[seen : seen + len(piece)]
            yield array_examples(piece, labels_of_piece, origin, layout).read(np.arange(len(piece)))
            seen += len(piece)
        if seen != len(targets):
            raise DataError(f"{origin} has {seen:,} images and {len(targets):,} labels")

    stream = Stream(chunks, (path,), lambda: f"{images} {layout}", cache_above)
    return Examples(origin, targets, read, stream)


def read_array(path: Path, name: str) -> Array:
    """One array of a .npz file; nothing is unpickled, and no other array is read. Raises DataError."""
    _require_bounded(path, name)
    with reading_numpy(f"{name} of {path}", path), np.load(path, allow_pickle=False) as arrays:
        array: Array = arrays[name]
        return array


def _require_bounded(path: Path, name: str) -> None:
    """Raises DataError where an array is far larger than what it is packed into, as no data is."""
    with reading_numpy(f"{name} of {path}", path), zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{name}.npy")
    if entry.file_size > most_unpacked(entry.compress_size):
        raise DataError(
            f"{name} of {path} has {entry.compress_size:,} bytes and unpacks to {entry.file_size / 1e6:,.0f} MB, as no "
            "data does: it is damaged or made to fill the memory; if it is right, save it with numpy.savez"
        )


def header(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array of a .npz file, of which no more is read. Raises DataError."""
    with (
        reading_numpy(f"{name} of {path}", path),
        zipfile.ZipFile(path) as archive,
        archive.open(f"{name}.npy") as file,
    ):
        shape, _, dtype = _read_header(file)
        return shape, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def stream_array(path: Path, name: str) -> Iterator[Array]:
    """One array of a .npz file in pieces of its first axis, without holding it whole. Raises DataError."""
    with (
        reading_numpy(f"{name} of {path}", path),
        zipfile.ZipFile(path) as archive,
        archive.open(f"{name}.npy") as file,
    ):
        shape, fortran, dtype = _read_header(file)
        if dtype.hasobject or fortran or not shape:  # rare: read whole, with NumPy's own checks
            yield read_array(path, name)
            return
        row = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
        for start in range(0, shape[0], CHUNK):
            count = min(CHUNK, shape[0] - start)
            content = file.read(count * row)
            if len(content) != count * row:
                raise DataError(f"{name} of {path} is cut short")
            yield np.frombuffer(content, dtype).reshape(count, *shape[1:])
