"""The importance of each decision: the share of the reward's variance that it explains by itself.

This is omega squared: the variance between the groups of equal values over the whole variance (eta squared), less the
share that as many random groups would explain. It ignores interactions, and a strategy that favours good values leaves
few bad ones to compare with, so it is no more than a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from nas_cli.trial import Genotype, Scalar

MIN_TRIALS = 8
BINS = 4


def importance(genotypes: Sequence[Genotype], rewards: Sequence[float]) -> list[tuple[str, float]]:
    """(path, share of variance explained in 0..1) for each decision that varied, most important first.

    Empty where fewer than 8 trials were measured. Numbers from a range are grouped in quartiles; trials without the
    decision are a group of their own.
    """
    if len(rewards) < MIN_TRIALS or float(np.var(rewards)) == 0.0:
        return []
    paths = dict.fromkeys(path for genotype in genotypes for path in genotype)
    values = np.asarray(rewards, dtype=np.float64)
    found = []
    for path in paths:
        groups = _groups([genotype.get(path, "not made") for genotype in genotypes])
        share = omega_squared(values, groups)
        if share is not None and share > 0:
            found.append((path, share))
    return sorted(found, key=lambda item: -item[1])


def omega_squared(values: np.ndarray[Any, Any], groups: Sequence[int]) -> float | None:
    """Omega squared of `groups`, 0..1; None where there is one group only, or as many groups as values."""
    labels = np.asarray(groups)
    names = np.unique(labels)
    if len(names) < 2 or len(names) >= len(values):
        return None
    total = float(((values - values.mean()) ** 2).sum())
    members = [values[labels == name] for name in names]
    within = float(sum(((group - group.mean()) ** 2).sum() for group in members))
    noise = within / (len(values) - len(names))
    explained = (total - within - (len(names) - 1) * noise) / (total + noise)
    return max(0.0, min(1.0, explained))


def _groups(column: list[Scalar]) -> list[int]:
    numbers = [float(value) for value in column if _is_number(value)]
    if len(set(numbers)) > BINS:
        edges = np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1])
        return [_bin(value, edges) for value in column]
    names = {text: index for index, text in enumerate(dict.fromkeys(map(repr, column)))}
    return [names[repr(value)] for value in column]


def _bin(value: Scalar, edges: np.ndarray[Any, Any]) -> int:
    """The index of the bin of a number between the `edges`; -1 for other values."""
    return int(np.searchsorted(edges, float(value))) if _is_number(value) else -1


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
