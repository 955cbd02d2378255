"""From labels, as files have them, to class indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.data.source import Array, Examples
from nas_cli.errors import DataError


@dataclass(frozen=True)
class Classes:
    """The classes of the training part. `values` (K,): labels as the files have them, sorted; `names`: as texts."""

    values: Array
    names: tuple[str, ...]

    @property
    def facts(self) -> Mapping[str, Any]:
        return {}

    def strata(self, targets: Array) -> Array:
        """Every class gives its share to each part."""
        return targets

    def encode(self, examples: Examples) -> Array:
        """Class indices, int64 (N,). Raises DataError where a label is none of the classes."""
        labels = examples.labels
        if len(labels) == 0:
            raise DataError(f"{examples.origin} has no examples")
        if (labels.dtype.kind == "U") != (self.values.dtype.kind == "U"):
            raise DataError(
                f"{examples.origin} has {_kind(labels)} as labels, and the training part {_kind(self.values)}"
            )
        found = np.minimum(np.searchsorted(self.values, labels), len(self.values) - 1)
        wrong = labels[self.values[found] != labels]
        if len(wrong):
            raise DataError(
                f"{examples.origin} has {np.count_nonzero(wrong == wrong[0])} with the label '{wrong[0]}', "
                "which the training part does not have"
            )
        return found.astype(np.int64)


def find_classes(examples: Examples, names: tuple[str, ...] | None = None) -> Classes:
    """The classes of the training part `examples`; `names` are those of the labels 0, 1, ….

    Raises DataError where there are no examples, where there are fewer than two classes, where a class has one example,
    and where `names` do not fit.
    """
    origin = examples.origin
    if len(examples.labels) == 0:
        raise DataError(f"{origin} has no examples")
    values, counts = np.unique(examples.labels, return_counts=True)
    if names is not None:
        if values.dtype.kind == "U":
            raise DataError(f"{origin} has its own names as labels: leave labels out")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"labels names two classes '{twice}'")
        if values[0] < 0 or values[-1] >= len(names):
            wrong = values[0] if values[0] < 0 else values[-1]
            raise DataError(f"{origin} has the label {wrong}, and labels names {len(names)}: 0 to {len(names) - 1}")
    shown = tuple(str(value) if names is None else names[int(value)] for value in values)
    if len(values) == 1:
        raise DataError(f"{origin} has only one class, '{shown[0]}': two are needed to tell apart")
    if counts.min() < 2:
        single = [shown[k] for k in np.flatnonzero(counts < 2)]
        more = f", and so have {len(single) - 1} others" if len(single) > 1 else ""
        many = len(single) > len(values) / 2 and any("." in name for name in single)
        hint = "; if it is a number that is to be predicted, take the task table-regression" if many else ""
        raise DataError(
            f"the class '{single[0]}' of {origin} has only one example{more}: "
            f"each needs at least two, one to train on and one to validate on{hint}"
        )
    return Classes(values, shown)


def as_labels(raw: Array, origin: str) -> Array:
    """An array of labels as integers or texts (N,). Raises DataError where it is neither."""
    labels = raw.reshape(len(raw)) if raw.ndim == 2 and raw.shape[1] == 1 else raw
    if labels.ndim != 1:
        shape = "x".join(map(str, raw.shape)) or "a single value"
        raise DataError(f"{origin} is {shape}: labels are a list with one label for each image")
    kind = labels.dtype.kind
    if kind == "S":
        try:
            return np.char.decode(labels, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{origin} has labels that are no UTF-8 text") from None
    if kind == "f" and np.isfinite(labels).all() and (labels == np.floor(labels)).all():
        return labels.astype(np.int64)
    if kind not in "biuU":
        what = "fractions" if kind == "f" else str(labels.dtype)
        raise DataError(f"{origin} has labels of type {what}; allowed: whole numbers and texts")
    return labels if kind == "U" else labels.astype(np.int64)


def _kind(labels: Array) -> str:
    return "texts" if labels.dtype.kind == "U" else "whole numbers"
