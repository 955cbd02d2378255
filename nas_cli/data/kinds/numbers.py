"""Targets that are numbers: one an example, or several, each in a column of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.data.kinds.classes import LabelsError
from nas_cli.data.portable import LARGEST, as_number, is_number
from nas_cli.data.source import Array, Dataset, Examples, Targets, target
from nas_cli.errors import DataError

COARSE = 1e-4
"""The share of the targets' deviation that they may be rounded by."""
USUAL, FAR = 0.95, 1000
"""The share of targets, and how many times as far from the middle as all of those a target may lie without a word."""
NEARLY = re.compile(r"[^\w]*\d[\d.,' \u00a0]*[^\w]*")
"""A number with something around it, or between its digits."""
CLASSES = "classes are learned by the tasks table-classification and image-classification"

Origin = float | tuple[float, ...]
"""What targets are counted from: of one number, or of each column of several."""


@target("number", called="numbers")
def numbers_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: Origin | None = None) -> Targets:
    """A number an example, or several, whose columns the dataset names. Raises DataError where the part cannot be
    learned from, or has other columns than a network learned."""
    if dataset.train.labels.ndim > 2:
        shape = dataset.train.labels.shape
        raise LabelsError(f"{dataset.train.origin} has labels {shape}, and an array (N,) or (N, numbers) is wanted")
    if labels is None:
        return find_numbers(dataset.train, origin, dataset.names or ())
    origins = origin if isinstance(origin, tuple) else (origin or 0.0,) * max(1, len(labels))
    return Numbers(tuple(Column(0.0, 1.0, each) for each in origins), tuple(labels))


@dataclass(frozen=True)
class Column:
    """`mean` and `deviation` are of the training part.

    A network learns how far numbers are from `origin`, which is 0 unless they lie so far from there that 32 bits hold
    too little of what they differ by, as times in seconds do.
    """

    mean: float
    deviation: float
    origin: float = 0.0


@dataclass(frozen=True)
class Numbers:
    """Regression. `names` are those of the columns where there are several numbers an example, () for one number."""

    columns: tuple[Column, ...]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ragged = False

    @property
    def facts(self) -> Mapping[str, Any]:
        """Each fact is a number; for several targets, a list in the order of their columns."""
        facts = {
            "target_mean": self._of_each([column.mean - column.origin for column in self.columns]),
            "target_deviation": self._of_each([column.deviation for column in self.columns]),
        }
        origins = [column.origin for column in self.columns]
        return {**facts, "target_origin": self._of_each(origins)} if any(origins) else facts

    def encode(self, examples: Examples) -> Array:
        """float32 (N,), or (N, K) for several numbers."""
        origins = tuple(column.origin for column in self.columns)
        return encode_numbers(examples, origins if self.names else origins[0], self.names)

    def strata(self, targets: Array) -> Array:
        return np.zeros(len(targets), np.int64)

    def others(self, examples: Examples) -> tuple[str, ...]:
        return ()

    def absent(self, targets: Array) -> Sequence[str]:
        return ()

    def _of_each(self, values: list[float]) -> float | list[float]:
        return values if self.names else values[0]


def encode_numbers(examples: Examples, origin: Origin, names: Sequence[str] = ()) -> Array:
    """The numbers minus `origin`, float32 (N,), or (N, K) for several columns `names`. Raises DataError."""
    values = as_numbers(examples, names)
    wanted = max(1, len(names))
    if values.shape[1] != wanted:
        raise DataError(
            f"{examples.origin} has {_count(values.shape[1])} an example, and the network learned {_count(wanted)}"
        )
    encoded: Array = (values - np.asarray(origin)).astype(np.float32)
    return encoded if names else encoded[:, 0]


def find_numbers(examples: Examples, origin: Origin | None = None, names: Sequence[str] = ()) -> Numbers:
    """Fitted on `examples`; `origin` is that of a trained network, and `names` are those of the columns of several
    numbers. Raises DataError where there is nothing to learn, or where 64 bits do not hold what numbers differ by."""
    several = _columns_of(examples) > 1
    named = _names(examples, names) if several else ()
    values = as_numbers(examples, named)
    if isinstance(origin, tuple) and len(origin) != values.shape[1]:
        raise DataError(
            f"{examples.origin} has {_count(values.shape[1])} an example, and the network learned {_count(len(origin))}"
        )
    origins = np.broadcast_to(np.nan if origin is None else origin, values.shape[1])
    columns: list[Column] = []
    notes: list[str] = []
    for place, each in enumerate(values.T):
        what = f"of {examples.origin} in column '{named[place]}'" if several else f"of {examples.origin}"
        columns.append(_fit(each, what, origins[place]))
        notes += _about_outlier(each, f" of column '{named[place]}'" if several else "")
    return Numbers(tuple(columns), named, tuple(notes))


def _fit(values: Array, what: str, origin: float) -> Column:
    """Mean and deviation of one column (N,); an `origin` of NaN is chosen here."""
    if len(values) < 2 or values.min() == values.max():
        raise DataError(f"every target {what} is {values[0]:g}: there is nothing to learn")
    mean, deviation = float(values.mean()), float(values.std())
    largest = np.abs(values).max()
    apart = float(np.spacing(largest))
    if apart > COARSE * deviation:
        raise DataError(
            f"the targets {what} lie around {mean:.17g} and differ by about {deviation:.3g}, and numbers "
            f"of 64 bits are {apart:.3g} apart there: subtract what they have in common"
        )
    if np.isnan(origin):
        origin = mean if np.spacing(np.float32(largest)) > COARSE * deviation else 0.0
    return Column(mean, deviation, float(origin))


def _about_outlier(values: Array, where: str) -> tuple[str, ...]:
    away = np.abs(values - np.median(values))
    usual, place = float(np.quantile(away, USUAL)), int(away.argmax())
    if not 0 < usual < away[place] / FAR:
        return ()
    return (
        f"the target {values[place]:.6g}{where} in row {place + 1:,} lies {away[place] / usual:,.0f} times as far from "
        f"the middle as {USUAL:.0%} of them, and decides scores alone: if it stands for a missing value, take that row "
        "out",
    )


def as_numbers(examples: Examples, names: Sequence[str] = ()) -> Array:
    """Labels as float64 (N, K); `names` are of the columns, where there are several. Raises DataError where one is no
    finite number."""
    if len(examples.labels) == 0:
        raise DataError(f"{examples.origin} has no examples")
    labels = examples.labels.reshape(len(examples.labels), -1)
    if labels.dtype.kind in "biuf":
        values = labels.astype(np.float64)
    else:
        for row, column in _wrong(labels, [not is_number(label) for label in labels.ravel().tolist()]):
            raise _no_number(examples.origin, str(labels[row, column]), names[column] if names else "")
        flat = map(as_number, map(str, labels.ravel().tolist()))
        values = np.fromiter(flat, np.float64, labels.size).reshape(labels.shape)
    for row, column in _wrong(labels, ~(np.abs(values) <= LARGEST)):
        where = f" in column '{names[column]}'" if names else ""
        if np.isnan(values[row, column]):
            raise DataError(f"{examples.origin} has the target nan{where}, which is no number: take that example out")
        raise DataError(
            f"{examples.origin} has the target {labels[row, column]}{where}, which is beyond the numbers of 32 bits "
            f"that networks compute with, {LARGEST:.2g}: divide the targets by a power of ten, or learn their logarithm"
        )
    return values


def _wrong(labels: Array, refused: Any) -> Sequence[tuple[int, int]]:
    """The row and column of the first label that is `refused` (N, K), row by row; none where all are right."""
    places = np.flatnonzero(np.asarray(refused).reshape(labels.shape))[:1]
    return [divmod(int(place), labels.shape[1]) for place in places]


def _no_number(origin: str, label: str, column: str) -> DataError:
    remedy = decimals_after_comma(label)
    hint = "say decimal: ','" if remedy else CLASSES
    if not remedy and NEARLY.fullmatch(label):
        hint = "write targets without signs and without marks between thousands"
    where = f" in column '{column}'" if column else ""
    return DataError(f"{origin} has the target '{label}'{where}, which is no number; {hint}", remedy)


def _columns_of(examples: Examples) -> int:
    return int(np.prod(examples.labels.shape[1:], dtype=np.int64))


def _names(examples: Examples, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; numbers where the source names none."""
    count = _columns_of(examples)
    if not names:
        return tuple(f"number {place}" for place in range(1, count + 1))
    if len(names) != count:
        raise DataError(f"{examples.origin} has {count} numbers an example, and {len(names)} names for them")
    return tuple(names)


def _count(columns: int) -> str:
    return "one number" if columns == 1 else f"{columns} numbers"


def decimals_after_comma(text: str) -> dict[str, str]:
    """The key of `data:` by which `text` is a number; none where its comma may also divide thousands."""
    return {"decimal": ","} if "," in text and not re.search(r",\d{3}$", text) else {}
