"""What a source is: files in one format, as examples that are read when they are needed. A source is one file.

    @SOURCES.register("idx")
    def idx(path: Path, labels: list[str] | None = None) -> Dataset: ...

The function's arguments are the source's keys in the `data:` section; one that is named `path` says that the source
reads files, and lets `validation:` and `test:` be paths of the same format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.registry import Registry

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Part:
    """Examples to use. `inputs`: for images uint8 (N, C, H, W). `targets`: int64 (n,), indices of labels.

    Example i is `inputs[i]`, or `inputs[rows[i]]` where the inputs are a file of more, mapped and not in memory.
    """

    inputs: Array
    targets: Array
    rows: Array | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, start: int, stop: int) -> Array:
        """The inputs of the examples from `start` to `stop`."""
        return self.inputs[start:stop] if self.rows is None else self.inputs[self.rows[start:stop]]


@dataclass(frozen=True)
class Stream:
    """Another way to read all inputs of a part: in their order, in pieces, for data that does not fit into memory.

    `chunks` gives uint8 (n, C, H, W) pieces. Inputs that take more than `above` bytes are read this way, once, and are
    kept on disk for as long as `files` and `settings()`, which says how they are read, stay the same.
    """

    chunks: Callable[[], Iterator[Array]]
    files: Sequence[Path]
    settings: Callable[[], str]
    above: int


@dataclass(frozen=True)
class Examples:
    """Examples in files. `labels` (N,): integers or texts, as the files have them. `origin` names them in messages.

    `read` takes indices (n,) and returns these inputs in this order, for images uint8 (n, C, H, W); it raises
    DataError, and opens no more than it must.
    """

    origin: str
    labels: Array
    read: Callable[[Array], Array]
    stream: Stream | None = None


@dataclass(frozen=True)
class Dataset:
    """A source's parts. `train` is all there is, where the files come without a division.

    `validation` and `test` are the parts that the files have of their own; calling one opens its files, and not before.
    `elsewhere` reads a part ("validation" or "test") from another path; None where the source reads no files.
    `names` are the names of the classes 0, 1, … where labels are integers and the user says what they stand for.
    """

    train: Examples
    validation: Callable[[], Examples] | None = None
    test: Callable[[], Examples] | None = None
    elsewhere: Callable[[Path, str], Examples] | None = None
    names: tuple[str, ...] | None = None


SOURCES: Registry[Callable[..., Dataset]] = Registry("source")
