"""Arrays in shared memory: several processes read them, and none of them has a copy.

They lie in a file without a name (a memfd where the system has these). The system frees it when the last process that
uses it ends, in whatever way.
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
"""Name → dtype, shape and offset in bytes, and the path of an array that has a file of its own. JSON data."""
ALIGNMENT = 64


class SharedArrays:
    """Copies `arrays` into a nameless file and maps them from there; memory-mapped arrays stay in their own files.

    `file` is the descriptor, for a child process to inherit; `layout` says where each array lies. Raises OSError where
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
        """A digest of all arrays. An array in its own file counts by its file name, which follows from its content."""
        digest = hashlib.blake2b(digest_size=12)
        for name, array in self.arrays.items():
            entry = self.layout[name]
            digest.update(json.dumps([name, entry["dtype"], entry["shape"]]).encode())
            path = entry.get("path")
            digest.update(os.path.basename(path).encode() if path is not None else np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def close(self) -> None:
        """Closes the file; mappings of it, in this and other processes, stay valid."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def attach(file: int, layout: Layout) -> dict[str, Array]:
    """Maps the arrays that `layout` describes. Writing to them changes this process's copy only (copy on write)."""
    size = os.fstat(file).st_size
    whole = mmap.mmap(file, size, access=mmap.ACCESS_COPY) if size else None
    arrays: dict[str, Array] = {}
    mapped: dict[str, Array] = {}
    for name, entry in layout.items():
        path = entry.get("path")
        if path is not None:  # two splits of one file share a mapping
            if path not in mapped:
                shape = tuple(entry["shape"])
                mapped[path] = np.memmap(path, np.dtype(entry["dtype"]), "c", entry["offset"], shape)
            arrays[name] = mapped[path]
        elif whole is not None and 0 not in entry["shape"]:
            arrays[name] = _view(whole, entry)
        else:
            arrays[name] = np.empty(entry["shape"], np.dtype(entry["dtype"]))
    return arrays


def _view(whole: mmap.mmap, entry: Mapping[str, Any]) -> Array:
    dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(whole, dtype, count, entry["offset"]).reshape(shape)


def _seal(file: int) -> None:
    """Makes the file read-only for good: a candidate could write to it otherwise, and all workers share the data."""
    if hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)


def _nameless_file() -> int:
    """The descriptor of a new file without a name; child processes inherit it only where it is passed to them."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("nas-data", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
