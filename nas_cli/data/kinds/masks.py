"""A class for every pixel: masks as targets, uint8 (N, H, W), 255 where a pixel counts nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.data.kinds.classes import about_alike
from nas_cli.data.source import Array, Dataset, Examples, target
from nas_cli.errors import DataError

IGNORED = 255
"""The class of a pixel that is neither learned from nor scored."""
MOST = 0.99
"""The share of the largest class above which it is said: a network that always answers it seems right."""
SHOWN = 10


@dataclass(frozen=True)
class Masks:
    """The classes of the training part: value 0 in a mask is the class `names[0]`."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ragged: bool = False

    @property
    def facts(self) -> Mapping[str, Any]:
        return {}

    def encode(self, examples: Examples) -> Array:
        """uint8 (N, H, W). Raises DataError where a pixel is of no class, or none counts."""
        masks = as_masks(examples)
        present = np.flatnonzero(count_pixels(masks).sum(axis=0)[:IGNORED])
        if not len(present):
            raise DataError(f"every pixel in the masks of {examples.origin} is ignored: nothing is left to score")
        if present[-1] >= len(self.names):
            raise DataError(
                f"the masks of {examples.origin} have pixels of class {present[-1]}, and there are {len(self.names)} "
                f"classes, 0 to {len(self.names) - 1}: {_listed(self.names)}"
            )
        return masks

    def strata(self, targets: Array) -> Array:
        """1 for examples with the rarest class, else 0; 0 for all where every example has every class."""
        having = (count_pixels(targets)[:, :IGNORED] > 0).sum(axis=0)
        some = np.flatnonzero((having > 0) & (having < len(targets)))
        if not len(some):
            return np.zeros(len(targets), np.int64)
        rarest = some[having[some].argmin()]
        having_it: Array = (targets == rarest).any(axis=(1, 2)).astype(np.int64)
        return having_it

    def others(self, examples: Examples) -> tuple[str, ...]:
        return ()

    def absent(self, targets: Array) -> list[str]:
        counts = count_pixels(targets).sum(axis=0)
        return [name for name, count in zip(self.names, counts, strict=False) if not count]


@target("mask", called="classes", outside=IGNORED)
def masks_of(dataset: Dataset, labels: Sequence[str] | None = None, origin: float | None = None) -> Masks:
    """Masks with the dataset's class names, else with the values in the training part as names. Raises DataError where
    there is nothing to learn.
    """
    train = dataset.train
    if labels is not None:
        return Masks(tuple(labels))
    counts = count_pixels(as_masks(train)).sum(axis=0)[:IGNORED]
    present = np.flatnonzero(counts)
    if not len(present):
        raise DataError(f"every pixel in the masks of {train.origin} is ignored: there is nothing to learn")
    names = dataset.names or _numbered(train, present)
    if len(present) == 1 or len(names) < 2:
        name = names[present[0]] if present[0] < len(names) else present[0]
        raise DataError(f"every pixel in the masks of {train.origin} is of class {name}: there is nothing to learn")
    return Masks(tuple(names), (*about_alike(names, "classes"), *_about_pixels(names, counts)))


def _numbered(train: Examples, present: Array) -> tuple[str, ...]:
    """Class names from values. Raises DataError where the values look like grey levels rather than classes."""
    last = int(present[-1])
    if 2 * len(present) <= last:
        raise DataError(
            f"the masks of {train.origin} have the values {_listed([str(value) for value in present])}: classes are "
            "numbered 0, 1, 2, …, or named where the source takes names for values"
        )
    return tuple(str(number) for number in range(last + 1))


def _about_pixels(names: Sequence[str], counts: Array) -> list[str]:
    notes = []
    absent = [name for name, count in zip(names, counts, strict=False) if not count]
    if absent:
        notes.append(f"classes of which the training part has no pixel, and which cannot be learned: {_listed(absent)}")
    largest, total = int(counts.argmax()), int(counts.sum())
    if counts[largest] > MOST * total:
        share = 100 * (1 - counts[largest] / total)
        notes.append(
            f"all but {share:.2g} % of the pixels to train on are {names[largest]}: the answer {names[largest]} "
            "everywhere seems right; mean IoU and Dice tell, and the loss dice, or weights, help"
        )
    return notes


def count_pixels(masks: Array) -> Array:
    """How many pixels of each example have each value, int64 (N, 256)."""
    counts = np.zeros((len(masks), 256), np.int64)
    for row, mask in zip(counts, masks, strict=True):
        row += np.bincount(mask.reshape(-1), minlength=256)
    return counts


def as_masks(examples: Examples) -> Array:
    """The labels as uint8 (N, H, W). Raises DataError where they are no masks."""
    labels = examples.labels
    if len(labels) == 0:
        raise DataError(f"{examples.origin} has no examples")
    if labels.ndim != 3 or labels.dtype.kind not in "bui":
        shape = "x".join(map(str, labels.shape))
        raise DataError(
            f"{examples.origin} has labels of {labels.dtype}, {shape}, and masks are wanted: a whole number for every "
            "pixel, (N, H, W)"
        )
    if labels.dtype != np.uint8 and (labels.min() < 0 or labels.max() > IGNORED):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(
            f"the masks of {examples.origin} have the value {wrong}: classes are numbered 0 to {IGNORED - 1}, and "
            f"{IGNORED} is ignored"
        )
    return labels.astype(np.uint8, copy=False)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
