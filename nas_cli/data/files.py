"""What the sources that read files share."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from nas_cli.data.pixels import Layout, images
from nas_cli.data.source import Array, Examples
from nas_cli.errors import DataError


def require_folder(path: Path) -> None:
    """Raises DataError where `path` is no folder, or an empty one."""
    if not path.exists():
        raise DataError(f"there is no folder {path}")
    if not path.is_dir():
        raise DataError(f"{path} is a file; a folder is expected")
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
    if not path.is_file():
        raise DataError(f"{path} is a folder; a file is expected")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty")


def read_bytes(path: Path, gzipped: bool, limit: int | None = None) -> bytes:
    """The content of a file, unpacked; at most `limit` bytes. Raises DataError where it cannot be read."""
    require_file(path)
    try:
        with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
            return file.read() if limit is None else file.read(limit)
    except EOFError:
        raise DataError(f"{path} is cut short: the gzip stream does not end") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read: {error.strerror or error}")


def choose_part(path: Path, found: Sequence[str], wanted: str) -> str:
    """Which part of the files at `path` is meant where `wanted` (validation, test) is to be read from there.

    The part of that name, or the only one. Raises DataError where it cannot be told.
    """
    if wanted in found:
        return wanted
    if len(found) != 1:
        parts = f"the parts {', '.join(found)}" if found else "no part that can be read"
        raise DataError(f"{path} has {parts}: it cannot be told which is meant for {wanted}")
    return found[0]


def array_examples(inputs: Array, labels: Array, origin: str, layout: Layout = "auto") -> Examples:
    """Examples whose images are an array in memory. Raises DataError where there are not as many labels as images."""
    if inputs.ndim == 0 or len(inputs) != len(labels):
        count = len(inputs) if inputs.ndim else 1
        raise DataError(f"{origin} has {count:,} images and {len(labels):,} labels")

    def read(indices: Array) -> Array:
        return images(inputs, indices, origin, layout)

    return Examples(origin, labels, read)
