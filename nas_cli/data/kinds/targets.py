"""From labels, as files have them, to what a network learns: class indices, or a tag for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.data.kinds.classes import about_alike, find_classes, known_classes, require_one_each
from nas_cli.data.kinds.numbers import Origin
from nas_cli.data.source import Array, Dataset, Examples, Targets, target
from nas_cli.errors import DataError

IGNORED = -100
"""The target of padding after a sentence's last word; torch's cross-entropy ignores it."""


@target("class", called="classes", classes=True)
def classes_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: Origin | None = None) -> Targets:
    """A class an example. Raises DataError where the part cannot be learned from."""
    require_one_each(dataset.train)
    if labels is not None:
        return known_classes(dataset.train, labels, dataset.names)
    given = dataset.train.labels
    if given.dtype.kind == "f" and len(given):
        fraction = next((label for label in given.tolist() if label != np.floor(label)), given[0])
        raise DataError(f"{dataset.train.origin} has the label {fraction:g}, and a class is a whole number or a text")
    return find_classes(dataset.train, dataset.names)


@target("tags", called="tags")
def tags_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: Origin | None = None) -> Targets:
    """A tag a word. Raises DataError where the part cannot be learned from."""
    require_one_each(dataset.train)
    return find_tags(dataset.train) if labels is None else Tags(tuple(labels))


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

    def absent(self, targets: Array) -> Sequence[str]:
        return ()

    def strata(self, targets: Array) -> Array:
        """0 for sentences with a single distinct tag (mostly O), 1 for the others."""
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
