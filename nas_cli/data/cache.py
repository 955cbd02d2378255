"""Inputs that do not fit into memory are decoded once into a file, which every process memory-maps.

The file's name is a hash of the files that it was decoded from and of the settings, so it serves every run on the same
data. It may be deleted at any time: the next run decodes again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from nas_cli.data.formats.files import DAMAGED, unreadable
from nas_cli.data.formats.pictures import in_parallel
from nas_cli.data.source import Array, Examples, Stream
from nas_cli.errors import DataError
from nas_cli.files import draft, sweep

BLOCK = 1 << 20


@dataclass(frozen=True)
class Cache:
    """The files in `folder`, which is made when it is needed. `say` announces to a person a step that takes time."""

    folder: Path
    say: Callable[[str], None] = lambda text: None

    def inputs(self, examples: Examples) -> Array | None:
        """All inputs of `examples` in their order, memory-mapped from a file; None where they fit into memory.

        Raises DataError where the inputs cannot be read or the file cannot be written.
        """
        stream = examples.stream
        if stream is None:
            return None
        shape = (len(examples.labels), *next(stream.chunks()).shape[1:])
        size = math.prod(shape)
        if size <= stream.above:
            return None
        file = self.folder / f"{key(stream, shape)}.npy"
        mapped = _mapped(file, shape)
        if mapped is None:
            self.say(f"{examples.origin} is {size / 1e9:.3g} GB decoded: it is decoded once, into {file}")
            self._write(file, stream, shape)
            mapped = _mapped(file, shape)
        if mapped is None:
            raise DataError(f"{file} was written and cannot be read: delete it, and see whether the disk is sound")
        return mapped

    def _write(self, file: Path, stream: Stream, shape: tuple[int, ...]) -> None:
        """The file appears whole or not at all. It is not written through a mapping: a full disk would be a signal
        (SIGBUS) there, and is an error here."""
        temporary = draft(file)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep(self.folder)
            with temporary.open("xb") as out:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(out, header)
                for chunk in stream.chunks():
                    out.write(np.ascontiguousarray(chunk).data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)
        except OSError as error:
            size = f"{math.prod(shape) / 1e9:.3g} GB"
            raise DataError(
                f"{file} cannot be written ({error.strerror}); the decoded data takes {size} there"
            ) from None
        finally:
            if temporary.exists():
                temporary.unlink()


def _mapped(file: Path, shape: tuple[int, ...]) -> Array | None:
    """The array in `file`; None where the file is missing or damaged."""
    try:
        mapped: Array = np.load(file, mmap_mode="c", allow_pickle=False)
    except (OSError, *DAMAGED):
        return None
    return mapped if mapped.shape == shape and mapped.dtype == np.uint8 else None


def key(stream: Stream, shape: tuple[int, ...]) -> str:
    """A hash of the content of the files and of how they are read; it does not depend on where they lie."""
    content = blake2b(repr((shape, stream.settings())).encode(), digest_size=16)
    for digest in in_parallel(_digest, stream.files):
        content.update(digest)
    return content.hexdigest()


def _digest(file: Path) -> bytes:
    content = blake2b(digest_size=16)
    try:
        with file.open("rb") as handle:
            while block := handle.read(BLOCK):
                content.update(block)
    except OSError as error:
        raise unreadable(file, error) from None
    return content.digest()
