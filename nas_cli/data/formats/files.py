"""Reading of files, shared by the sources."""

from __future__ import annotations

import gzip
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from nas_cli.data.formats.pixels import Layout, images
from nas_cli.data.source import Array, Examples
from nas_cli.errors import DataError

DAMAGED = (
    ArithmeticError,
    EOFError,
    LookupError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""Exceptions of NumPy and Pillow over damaged files, beside OSError: found by fuzzing."""
GZIP = b"\x1f\x8b"
"""First bytes of every gzipped file."""
PIECE = 1 << 20
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def require_folder(path: Path) -> None:
    """Raises DataError where `path` is no folder, or an empty one."""
    if not path.exists():
        raise DataError(f"there is no folder {path}")
    if not path.is_dir():
        packed = path.name.lower().endswith(PACKED)
        raise DataError(
            f"{path} is {'an archive: unpack it, and name the folder' if packed else 'a file; a folder is expected'}"
        )
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise unreadable(path, error) from None
    if empty:
        raise DataError(f"the folder {path} is empty")


def require_file(path: Path) -> None:
    """Raises DataError where `path` is no file, or an empty one."""
    if not path.exists():
        raise DataError(f"there is no file {path}")
    if path.is_dir():
        raise DataError(f"{path} is a folder; a file is expected")
    if not path.is_file():
        raise DataError(f"{path} is a pipe or a device, and no file")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")


def read_bytes(path: Path, gzipped: bool, limit: int | None = None) -> bytes:
    """The content of a file, unpacked; at most `limit` bytes. Raises DataError where it cannot be read, and where it
    unpacks to an implausible size."""
    require_file(path)
    size = path.stat().st_size
    most = most_unpacked(size) if gzipped else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if not gzipped and limit is None and size > most:
        raise DataError(f"{path} has {size / 1e9:,.1f} GB, more than the memory of this machine, {most / 1e9:,.1f} GB")
    with reading_bytes(path, gzipped) as file:
        if limit is not None:
            return file.read(limit)
        if not gzipped:
            return file.read()
        pieces: list[bytes] = []
        total = 0
        while piece := file.read(PIECE):
            pieces.append(piece)
            total += len(piece)
            if total > most:
                raise DataError(
                    f"{path} has {size:,} bytes and unpacks to more than {most / 1e6:,.0f} MB, as no data does: it is "
                    "damaged or made to fill the memory; if it is right, unpack it yourself"
                )
        return b"".join(pieces)


def most_unpacked(size: int) -> int:
    """The most bytes that `size` packed bytes may unpack to; tables and images shrink to a tenth, seldom to a
    hundredth."""
    return max(64_000_000, 60 * size)


@contextmanager
def reading_bytes(path: Path, gzipped: bool) -> Iterator[BinaryIO]:
    """A stream of the file's bytes, unpacked. Errors of reading, also inside the `with` block, become DataError."""
    try:
        with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except EOFError:
        raise DataError(f"{path} is cut short: the gzip stream does not end") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {first_line(error)}") from None
    except OSError as error:
        raise unreadable(path, error) from None


def as_objects(items: Sequence[object]) -> Array:
    """A list as an array of objects (N,), even where its items are sequences."""
    array = np.empty(len(items), object)
    for place, item in enumerate(items):
        array[place] = item
    return array


def unreadable(path: object, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror or first_line(error)}")


def first_line(error: BaseException) -> str:
    """The first line of another library's error message."""
    text = str(error).strip() or type(error).__name__
    return text.split("\n", 1)[0]


@contextmanager
def reading_numpy(origin: str, path: Path) -> Iterator[None]:
    """Turns NumPy's errors over `origin`, an array in `path`, into a DataError that names it."""
    try:
        yield
    except MemoryError:
        raise DataError(f"{origin} does not fit into memory") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (*DAMAGED, zipfile.BadZipFile, tokenize.TokenError) as error:
        if "allow_pickle" in str(error):
            raise DataError(f"{origin} holds Python objects, which are not read: save numbers or texts") from None
        raise DataError(f"{origin} is no array that can be read, or is damaged: {first_line(error)}") from None


def choose_part(path: Path, found: Sequence[str], wanted: str, trained_on: Path) -> str:
    """Chooses the part of the files at `path` to read as `wanted` (validation, test): the part of that name, or the
    only one.
    Raises DataError where that is ambiguous, and where it is the training part of the files at `trained_on`.
    """
    if wanted in found:
        return wanted
    if path.resolve() == trained_on.resolve():
        raise DataError(f"{wanted} is {path}, which is trained on and has no {wanted} part of its own")
    if len(found) != 1:
        parts = f"the parts {', '.join(found)}" if found else "no part that can be read"
        raise DataError(f"{path} has {parts}: it cannot be told which is meant for {wanted}")
    return found[0]


def array_examples(inputs: Array, labels: Array, origin: str, layout: Layout = "auto") -> Examples:
    """Examples whose images are an array in memory. Raises DataError where the numbers of labels and images differ."""
    if inputs.ndim == 0 or len(inputs) != len(labels):
        count = len(inputs) if inputs.ndim else 1
        raise DataError(f"{origin} has {count:,} images and {len(labels):,} labels")

    def read(indices: Array) -> Array:
        return images(inputs, indices, origin, layout)

    return Examples(origin, labels, read)
