"""Holding a part of the examples out: shuffled, stratified, seeded."""

from __future__ import annotations

import numpy as np

from nas_cli.data.source import Array


def hold_out(targets: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Indices of the examples that stay and of those held out, each shuffled; together they are all, once each.

    `targets` (N,) are class indices. Every class gives its share: `fraction` of its examples, rounded so that about
    `fraction` of all are held out (largest remainders). A class of two or more has at least one on either side; a
    class of one stays.
    """
    counts = np.bincount(targets)
    quotas = counts * fraction
    held = np.floor(quotas).astype(np.int64)
    missing = round(len(targets) * fraction) - int(held.sum())
    held[np.argsort(held - quotas, kind="stable")[: max(missing, 0)]] += 1
    held = np.clip(held, np.minimum(1, counts - 1), counts - 1)
    held[counts == 0] = 0
    order = rng.permutation(len(targets))
    by_class = order[np.argsort(targets[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(targets)) - np.repeat(starts, counts)
    out = rank < np.repeat(held, counts)
    return rng.permutation(by_class[~out]), rng.permutation(by_class[out])
