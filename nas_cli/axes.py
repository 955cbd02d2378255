"""Type and shape of one example of a field, or of one value inside a network, without the batch axis; and columns of
encoded examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Shape = tuple[int, ...]
T = TypeVar("T", bound=Any)
DTYPES = ("uint8", "int32", "float32")
"""The types of a network's input fields."""


@dataclass(frozen=True)
class Axes:
    """`dtype` is a name of NumPy and torch, and `shape` that of one example. Where `ragged`, the length of the last
    axis differs between examples, and `shape` has a typical length there.

    Ragged integers are padded with 0, which never occurs in the first row of an example, so lengths can be read from a
    batch; ragged floats come with their lengths. uint8 are levels, 0 to 255, which a network normalises by channel;
    other types go into its layers unchanged.
    """

    dtype: str
    shape: Shape
    ragged: bool = False

    @property
    def size(self) -> int:
        """The number of values in one example."""
        return math.prod(self.shape)

    @property
    def levels(self) -> bool:
        """Whether these are levels, which a network normalises."""
        return self.dtype == "uint8"

    @property
    def sent_lengths(self) -> bool:
        """Whether batches come with the lengths of examples: padding cannot be told from floats."""
        return self.ragged and self.dtype == "float32"

    @classmethod
    def floats(cls, *shape: int) -> Axes:
        """float32 of one shape."""
        return cls("float32", shape)

    @property
    def entered(self) -> Axes:
        """The axes as layers see them: levels have become floats."""
        return Axes("float32", self.shape, self.ragged) if self.levels else self

    def fits(self, shape: Shape) -> bool:
        """Whether an example of `shape` fits; the ragged axis may have any length above 0."""
        if self.ragged:
            return len(shape) == len(self.shape) and tuple(shape[:-1]) == self.shape[:-1] and shape[-1] > 0
        return tuple(shape) == self.shape

    def of_length(self, length: int) -> Axes:
        """These axes with another length on the ragged axis."""
        assert self.ragged
        return Axes(self.dtype, (*self.shape[:-1], length), True)

    def to_data(self) -> dict[str, Any]:
        """JSON data; `from_data` reads it back."""
        return {"dtype": self.dtype, "shape": list(self.shape), "ragged": self.ragged}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Axes:
        """Raises KeyError or TypeError where something is missing."""
        return cls(str(data["dtype"]), tuple(data["shape"]), bool(data["ragged"]))


def only(inputs: Mapping[str, Axes]) -> Axes:
    """The axes of the only field."""
    (axes,) = inputs.values()
    return axes


@dataclass(frozen=True)
class Column(Generic[T]):
    """Encoded examples of one field, as arrays or as tensors.

    Example i is `values[i]`, or `values[rows[i]]` where `values` is a memory-mapped file with more examples: `rows`
    int64 (n,). `lengths` int64 (n,) are given for ragged floats, whose values are zero after their ends; the lengths of
    ragged integers can be read from their values.
    """

    values: T
    rows: T | None = None
    lengths: T | None = None

    def __len__(self) -> int:
        return len(self.values if self.rows is None else self.rows)

    def take(self, start: int, stop: int) -> Column[T]:
        """The examples from `start` to `stop`, in memory."""
        values = self.values[start:stop] if self.rows is None else self.values[self.rows[start:stop]]
        return Column(values, None, None if self.lengths is None else self.lengths[start:stop])


def write_inputs(inputs: Mapping[str, Axes]) -> dict[str, Any]:
    """The entry of architecture.yaml: `input`, or of several fields `inputs` by name."""
    written = {field: axes.to_data() for field, axes in inputs.items()}
    return {"input": next(iter(written.values()))} if len(written) == 1 else {"inputs": written}


def read_inputs(stored: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Axes]:
    """The stored axes of the input fields, by name. Raises ValueError where the names are not those in `fields`, and
    KeyError where an entry is missing."""
    wanted = list(fields)
    if "inputs" not in stored:
        (field,) = wanted
        return {field: _axes(stored["input"])}
    if set(stored["inputs"]) != set(wanted):
        raise ValueError(
            f"its inputs are {', '.join(map(str, stored['inputs']))}, and the task has {', '.join(wanted)}"
        )
    return {field: _axes(stored["inputs"][field]) for field in wanted}


def _axes(stored: Mapping[str, Any]) -> Axes:
    """The stored axes of a field. Runs of earlier versions have no `ragged`: there int32 means sequences."""
    dtype, shape = str(stored.get("dtype", "uint8")), tuple(stored["shape"])
    if dtype not in DTYPES:
        raise ValueError(f"its inputs are {dtype}")
    return Axes(dtype, shape, bool(stored.get("ragged", dtype == "int32")))
