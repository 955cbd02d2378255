"""Finds target leaks: each column is tried alone, on a few thousand rows of the training part."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nas_cli.data.source import Array

LOOKED_AT = 4000
LEAST = 60
NEARLY_ALL = 0.98
"""Accuracy of one column from which on it explains a class nearly whole, if it leaves a tenth of the errors."""
EXPLAINED = 0.99
"""The share of a number's variance, likewise."""
FEW = 0.25
"""Values that are fewer than this share of the rows are groups."""


def rows_to_try(count: int) -> Array:
    """A few thousand of `count` rows, in random order."""
    return np.random.default_rng(0).permutation(count)[:LOOKED_AT]


def find_leaks(columns: Mapping[str, Array], target: Array) -> list[str]:
    """Sentences on those of `columns` (n,), numbers or numbers of categories, that alone explain `target` (n,), float64
    or the numbers of classes as int64.

    The rows are in random order. One half predicts the other: a row gets the mean or the majority class of the rows
    with the same value, or the target of its nearest neighbours.
    """
    if len(target) < LEAST:
        return []
    known, asked = np.array_split(np.arange(len(target)), 2)
    notes = []
    for name, values in columns.items():
        found = _explained(values[known], target[known], values[asked], target[asked])
        if found is not None:
            notes.append(
                f"the column '{name}' alone explains the target nearly whole ({found}): make sure that it is known "
                f"before the target is, or leave it out by data.ignore"
            )
    return notes


def _explained(values: Array, target: Array, asked: Array, truth: Array) -> str | None:
    answers = _answers(np.nan_to_num(values), target, np.nan_to_num(asked))
    if target.dtype.kind == "i":
        accuracy = float((answers == truth).mean())
        base = float((truth == np.bincount(target).argmax()).mean())
        return f"accuracy {accuracy:.4f}" if accuracy >= NEARLY_ALL and 1 - accuracy <= 0.1 * (1 - base) < 1 else None
    spread = float(((truth - truth.mean()) ** 2).sum())
    share = 1 - float(((answers - truth) ** 2).sum()) / spread if spread > 0 else 0.0
    return f"R² {share:.4f}" if share >= EXPLAINED else None


def _answers(values: Array, target: Array, asked: Array) -> Array:
    """The predictions (m,) for `asked` (m,), from rows with `values` (n,) and `target` (n,)."""
    distinct, group = np.unique(values, return_inverse=True)
    if len(distinct) <= FEW * len(values):
        found = _by_group(group, target, len(distinct))
        place = np.searchsorted(distinct, asked).clip(0, len(distinct) - 1)
        rest = np.bincount(target).argmax() if target.dtype.kind == "i" else target.mean()
        return np.where(distinct[place] == asked, found[place], rest)
    order = np.argsort(values, kind="stable")
    values, target = values[order], target[order]
    after = np.searchsorted(values, asked).clip(0, len(values) - 1)
    before = (after - 1).clip(0)
    nearer = np.where(np.abs(values[after] - asked) < np.abs(values[before] - asked), after, before)
    if target.dtype.kind == "i":
        return target[nearer]
    between = (values[before] <= asked) & (asked <= values[after])
    gap = values[after] - values[before]
    share = np.where(gap > 0, (asked - values[before]) / np.where(gap > 0, gap, 1), 0.5)
    line = target[before] + share * (target[after] - target[before])
    return np.where(between, line, target[nearer])


def _by_group(group: Array, target: Array, count: int) -> Array:
    """The majority class of each group, or the mean of its numbers, (count,)."""
    if target.dtype.kind == "i":
        classes = int(target.max()) + 1
        votes = np.bincount(group * classes + target, minlength=count * classes).reshape(count, classes)
        majority: Array = votes.argmax(axis=1)
        return majority
    means: Array = np.bincount(group, target, count) / np.bincount(group, minlength=count)
    return means
