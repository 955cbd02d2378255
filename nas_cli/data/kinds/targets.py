"""From labels, as files have them, to what a network learns: class indices, numbers, or a tag for each word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.data.kinds.classes import about_alike, find_classes, known_classes, require_one_each
from nas_cli.data.portable import LARGEST, as_number, is_number
from nas_cli.data.source import TARGETS, Array, Dataset, Examples, Targets
from nas_cli.errors import DataError

COARSE = 1e-4
"""The share of the targets' deviation that they may be rounded by."""
USUAL, FAR = 0.95, 1000
"""The share of targets, and how many times as far from the middle as all of those a target may lie without a word."""
NEARLY = re.compile(r"[^\w]*\d[\d.,' \u00a0]*[^\w]*")
"""A number with something around it, or between its digits."""
IGNORED = -100
"""The target of a place after a sentence's last word; torch's cross-entropy passes over it."""


@TARGETS.register("class")
def classes_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: float | None = None) -> Targets:
    """A class an example. Raises DataError where the part cannot be learned from."""
    require_one_each(dataset.train)
    if labels is not None:
        return known_classes(dataset.train, labels, dataset.names)
    given = dataset.train.labels
    if given.dtype.kind == "f" and len(given):
        raise DataError(f"{dataset.train.origin} has the label {given[0]:g}, and a class is a whole number or a text")
    return find_classes(dataset.train, dataset.names)


@TARGETS.register("number")
def numbers_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: float | None = None) -> Targets:
    """A number an example. Raises DataError where the part cannot be learned from."""
    require_one_each(dataset.train)
    return find_numbers(dataset.train, origin) if labels is None else Numbers(0.0, 1.0, origin or 0.0)


@TARGETS.register("tags")
def tags_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: float | None = None) -> Targets:
    """A tag a word. Raises DataError where the part cannot be learned from."""
    require_one_each(dataset.train)
    return find_tags(dataset.train) if labels is None else Tags(tuple(labels))


@dataclass(frozen=True)
class Numbers:
    """Regression: `mean` and `deviation` are of the training part.

    A network learns how far numbers are from `origin`, which is 0 unless they lie so far from there that 32 bits hold
    too little of what they differ by, as times in seconds do.
    """

    mean: float
    deviation: float
    origin: float = 0.0
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ragged = False

    @property
    def facts(self) -> Mapping[str, Any]:
        facts = {"target_mean": self.mean - self.origin, "target_deviation": self.deviation}
        return {**facts, "target_origin": self.origin} if self.origin else facts

    def encode(self, examples: Examples) -> Array:
        return encode_numbers(examples, self.origin)

    def strata(self, targets: Array) -> Array:
        return np.zeros(len(targets), np.int64)

    def others(self, examples: Examples) -> tuple[str, ...]:
        return ()


def encode_numbers(examples: Examples, origin: float) -> Array:
    """How far they are from `origin`, float32 (N,). Raises DataError."""
    return (as_numbers(examples) - origin).astype(np.float32)


def find_numbers(examples: Examples, origin: float | None = None) -> Numbers:
    values = as_numbers(examples)
    if len(values) < 2 or values.min() == values.max():
        raise DataError(f"every target of {examples.origin} is {values[0]:g}: there is nothing to learn")
    mean, deviation = float(values.mean()), float(values.std())
    largest = np.abs(values).max()
    apart = float(np.spacing(largest))
    if apart > COARSE * deviation:
        raise DataError(
            f"the targets of {examples.origin} lie around {mean:.17g} and differ by about {deviation:.3g}, and numbers "
            f"of 64 bits are {apart:.3g} apart there: subtract what they have in common"
        )
    if origin is None:
        origin = mean if np.spacing(np.float32(largest)) > COARSE * deviation else 0.0
    return Numbers(mean, deviation, float(origin), notes=_about_outlier(values))


def _about_outlier(values: Array) -> tuple[str, ...]:
    away = np.abs(values - np.median(values))
    usual, place = float(np.quantile(away, USUAL)), int(away.argmax())
    if not 0 < usual < away[place] / FAR:
        return ()
    return (
        f"the target {values[place]:.6g} in row {place + 1:,} lies {away[place] / usual:,.0f} times as far from the "
        f"middle as {USUAL:.0%} of them, and decides scores alone: if it stands for a missing value, take that row out",
    )


def as_numbers(examples: Examples) -> Array:
    """Labels as float64 (N,). Raises DataError where one is no finite number."""
    if len(examples.labels) == 0:
        raise DataError(f"{examples.origin} has no examples")
    if examples.labels.dtype.kind in "biuf":
        values = examples.labels.astype(np.float64)
    else:
        wrong = next((label for label in examples.labels.tolist() if not is_number(label)), None)
        if wrong is not None:
            remedy = decimals_after_comma(wrong)
            hint = "say decimal: ','" if remedy else "classes are learned by the task table-classification"
            if not remedy and NEARLY.fullmatch(wrong):
                hint = "write targets without signs and without marks between thousands"
            raise DataError(f"{examples.origin} has the target '{wrong}', which is no number; {hint}", remedy)
        values = np.fromiter(map(as_number, map(str, examples.labels.tolist())), np.float64, len(examples.labels))
    if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
        wrong = examples.labels[np.flatnonzero(~(np.abs(values) <= LARGEST))[0]]
        raise DataError(
            f"{examples.origin} has the target {wrong}, which is beyond the numbers of 32 bits that networks compute "
            f"with, {LARGEST:.2g}: divide the targets by a power of ten, or learn their logarithm"
        )
    return values


def decimals_after_comma(text: str) -> dict[str, str]:
    """The key of `data:` by which `text` is a number; none where its comma may also divide thousands."""
    return {"decimal": ","} if "," in text and not re.search(r",\d{3}$", text) else {}


@dataclass(frozen=True)
class Tags:
    """The tags of the training part, sorted. One that only another part has gets a number after them."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ragged = True

    @property
    def facts(self) -> Mapping[str, Any]:
        return {}

    def encode(self, examples: Examples) -> Array:
        """(N, L) of the longest sentence, IGNORED after a sentence's end."""
        known = {name: k for k, name in enumerate((*self.names, *self.others(examples)))}
        return pad([[known[tag] for tag in sentence] for sentence in examples.labels], IGNORED)

    def others(self, examples: Examples) -> tuple[str, ...]:
        """Tags of `examples` that the training part does not have."""
        return tuple(sorted({tag for sentence in examples.labels for tag in sentence} - set(self.names)))

    def strata(self, targets: Array) -> Array:
        """Sentences without any tag but one (O, mostly), and the others."""
        tags = np.where(targets == IGNORED, targets[:, :1], targets)
        several: Array = (tags != tags[:, :1]).any(axis=1)
        return several.astype(np.int64)


def find_tags(examples: Examples) -> Tags:
    if len(examples.labels) == 0:
        raise DataError(f"{examples.origin} has no sentences")
    names = tuple(sorted({tag for sentence in examples.labels for tag in sentence}))
    if len(names) < 2:
        raise DataError(f"{examples.origin} has only one tag, '{names[0]}': two are needed to tell apart")
    return Tags(names, tuple(about_alike(names, "tags")))


def pad(rows: Sequence[Sequence[int]], filling: int) -> Array:
    """Rows of different lengths as int64 (N, longest)."""
    padded = np.full((len(rows), max(map(len, rows))), filling, np.int64)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return padded
