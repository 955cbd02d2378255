"""Arrays that several processes read and none of them copies.

They lie in a file without a name, in memory where the system has such files: whatever way the processes end, the system
takes it back with the last of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Layout = dict[str, dict[str, Any]]
"""Name → dtype, shape and offset in bytes, and the path where it lies in a file of its own. JSON data."""
ALIGNMENT = 64


class SharedArrays:
    """`arrays` copied into a nameless file and mapped from there; those that a file holds already stay there.

    `file` is its descriptor, for a child process to inherit; `layout` says what lies where. Raises OSError where
    memory or disk do not suffice.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.layout: Layout = {}
        self.file = _nameless_file()
        size = 0
        for name, array in arrays.items():
            self.layout[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": size}
            if isinstance(array, np.memmap):
                self.layout[name] |= {"offset": array.offset, "path": str(array.filename)}
                continue
            size += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        os.ftruncate(self.file, size)
        if size:
            with mmap.mmap(self.file, size) as whole:
                for name, entry in self.layout.items():
                    if arrays[name].size and "path" not in entry:
                        _view(whole, entry)[...] = arrays[name]
        _seal(self.file)
        self.arrays = attach(self.file, self.layout)

    def digest(self) -> str:
        """Differs where any of the arrays does. A file of its own goes by its name, which follows from its content."""
        found = hashlib.blake2b(digest_size=12)
        for name, array in self.arrays.items():
            entry = self.layout[name]
            found.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
            path = entry.get("path")
            found.update(os.path.basename(path).encode() if path is not None else np.ascontiguousarray(array).data)
        return found.hexdigest()

    def close(self) -> None:
        """Lets go of the file; what this or another process has mapped stays until it is let go of too."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def attach(file: int, layout: Layout) -> dict[str, Array]:
    """The arrays that `layout` describes, mapped. What is written to them stays in this process (copy on write)."""
    size = os.fstat(file).st_size
    whole = mmap.mmap(file, size, access=mmap.ACCESS_COPY) if size else None
    found: dict[str, Array] = {}
    mapped: dict[str, Array] = {}
    for name, entry in layout.items():
        path = entry.get("path")
        if path is not None:  # two parts of one file are one mapping
            if path not in mapped:
                shape = tuple(entry["shape"])
                mapped[path] = np.memmap(path, np.dtype(entry["dtype"]), "c", entry["offset"], shape)
            found[name] = mapped[path]
        elif whole is not None and 0 not in entry["shape"]:
            found[name] = _view(whole, entry)
        else:
            found[name] = np.empty(entry["shape"], np.dtype(entry["dtype"]))
    return found


def _view(whole: mmap.mmap, entry: Mapping[str, Any]) -> Array:
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(whole, dtype, count, entry["offset"]).reshape(shape)


def _seal(file: int) -> None:
    """From now on nobody changes it: a candidate can write to whatever its process has open, and all share the data."""
    if hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)


def _nameless_file() -> int:
    """A descriptor that child processes inherit only where they are told to."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("nas-data", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
