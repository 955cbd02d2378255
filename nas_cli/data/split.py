"""Holds out a part of the examples: shuffled and stratified, or, where that would be wrong, by group, by time, by the
newest of each group, or by position.

    Dataset(…, divide=by_group(speakers))
"""

from __future__ import annotations

import numpy as np

from nas_cli.data.source import Array, Dataset, Divide
from nas_cli.errors import DataError
from nas_cli.registry import short

STREAMS = {"test": 1, "validation": 2}
"""The random generator of a part's split is seeded with (seed, this number)."""
ONE_BY_ONE = 32
"""The last groups to be held out, which are chosen so that the sizes add up to the share."""


def hold_part_out(
    dataset: Dataset, strata: Array, among: Array, fraction: float, seed: int, part: str
) -> tuple[Array, Array]:
    """Divides `among`, indices of the dataset's training part, into those that stay and those of `part`, each shuffled.
    `strata` (N,) are those of all training examples. Raises DataError where one of the two is empty.
    """
    rng = np.random.default_rng([seed, STREAMS[part]])
    if dataset.divide is None:
        stay, held = (among[places] for places in hold_out(strata[among], fraction, rng))
    else:
        try:
            stay, held = map(rng.permutation, dataset.divide(among, fraction, rng))
        except DataError as error:
            raise DataError(f"no {part} part can be held out of {dataset.train.origin}: {error}") from None
    if not len(stay) or not len(held):
        raise DataError(f"{len(among)} examples are too few to hold {fraction:g} of them out as the {part} part")
    return stay, held


def hold_out(targets: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Indices of the examples that stay and of those held out, each shuffled: every example once.

    `targets` (N,) are class indices. Every class gives `fraction` of its examples, rounded so that about `fraction` of
    all are held out (largest remainders). A class of two or more has at least one on either side; a class of one stays.
    """
    counts = np.bincount(targets)
    held = _shares(counts, fraction)
    order = rng.permutation(len(targets))
    by_class = order[np.argsort(targets[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(targets)) - np.repeat(starts, counts)
    out = rank < np.repeat(held, counts)
    return rng.permutation(by_class[~out]), rng.permutation(by_class[out])


def _shares(counts: Array, fraction: float) -> Array:
    """How many of `counts` (C,) examples each class gives."""
    quotas = counts * fraction
    held: Array = np.floor(quotas).astype(np.int64)
    missing = round(int(counts.sum()) * fraction) - int(held.sum())
    held[np.argsort(held - quotas, kind="stable")[: max(missing, 0)]] += 1
    held = np.clip(held, np.minimum(1, counts - 1), counts - 1)
    held[counts == 0] = 0
    return held


# Where shuffling would be wrong ---------------------------------------------------------------------------------------


def by_group(groups: Array) -> Divide:
    """Holds out whole groups, drawn at random, whose examples come as near to the fraction as possible. At least two
    groups stay where there are more, so that another part can be held out of them.
    `groups` (N,) has the group of every training example: its patient, its speaker.
    """
    numbers = numbered(groups)

    def divide(among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
        own = numbers[among]
        counts = np.bincount(own)
        order = rng.permutation(np.flatnonzero(counts))
        if len(order) < 2:
            raise DataError(f"{_all(among)} of one group, '{short(str(groups[among[0]]))}'")
        chosen = order[_near(counts[order], _wanted(fraction, len(among)))]
        if len(chosen) > max(1, len(order) - 2):
            chosen = np.delete(chosen, np.argmin(counts[chosen]))
        out = np.isin(own, chosen)
        return among[~out], among[out]

    return divide


def by_order(moments: Array) -> Divide:
    """Holds out the newest examples. Examples of the same time stay together: the cut between times is the one nearest
    to the fraction. At least two times stay where there are more, as in `by_group`.
    `moments` (N,) has the time of every training example, as a number or anything else that can be sorted.
    """

    def divide(among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
        own = moments[among]
        values, counts = np.unique(own, return_counts=True)
        if len(values) < 2:
            raise DataError(f"{_all(among)} of one moment")
        newest = np.cumsum(counts[::-1])[: max(1, len(values) - 2)]
        first = len(values) - 1 - int(np.argmin(np.abs(newest - _wanted(fraction, len(among)))))
        out = own >= values[first]
        return among[~out], among[out]

    return divide


def latest_of_group(groups: Array, moments: Array) -> Divide:
    """Holds out the newest examples of every group: `fraction` of them, rounded so that about `fraction` of all are
    held out; at least one of a group of two or more, and none of a group of one. Examples of the same time keep the
    order of the file.
    """
    numbers = numbered(groups)

    def divide(among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
        among = np.sort(among)
        own = numbers[among]
        counts = np.bincount(own)
        shuffled = rng.permutation(len(counts))  # ties between equal groups are broken at random
        held = np.empty_like(counts)
        held[shuffled] = _shares(counts[shuffled], fraction)
        if not held.any():
            raise DataError("no group has two examples, the newest of which could be held out")
        newest_last = np.lexsort((moments[among], own))
        ends = np.cumsum(counts)
        rank = np.repeat(ends, counts) - np.arange(len(among))  # 1 is the newest
        out = np.zeros(len(among), bool)
        out[newest_last] = rank <= np.repeat(held, counts)
        return among[~out], among[out]

    return divide


def by_position(among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Holds out the last examples: the parts are contiguous, the training part first."""
    among = np.sort(among)
    if len(among) < 2:
        raise DataError("there is one example alone")
    held = min(max(1, _wanted(fraction, len(among))), len(among) - 1)
    return among[:-held], among[-held:]


def _wanted(fraction: float, count: int) -> int:
    return round(fraction * count)


def _all(among: Array) -> str:
    return f"all {len(among):,} examples are" if len(among) > 1 else "the only example is"


def numbered(groups: Array) -> Array:
    """The index of each example's group, (N,): 0, 1, … in the order of first occurrence."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups.tolist()], np.int64)


def _near(sizes: Array, wanted: int) -> Array:
    """Indices of some of `sizes` (G,), at least one and not all, whose sum is as near to `wanted` as possible. `sizes`
    are in random order.
    The first sizes are taken as they come while the remainder is much larger than a group; the last ones are an exact
    subset sum.
    """
    margin = ONE_BY_ONE * float(sizes.mean())
    sure = int(np.searchsorted(np.cumsum(sizes), wanted - margin, side="right"))
    rest = sizes[sure:]
    taken = _exactly(rest, wanted - int(sizes[:sure].sum()), not sure)
    return np.concatenate([np.arange(sure), sure + taken])


def _exactly(sizes: Array, wanted: int, needed: bool) -> Array:
    """Indices of the subset of `sizes`, not the whole, whose sum is the nearest to `wanted`; at least one where
    `needed`."""
    most = max(2 * wanted, 0)
    first = np.full(most + 1, -1)  # for every sum: the index of the last size in the first subset found
    reached = np.zeros(most + 1, bool)
    reached[0] = True
    for place, size in enumerate(sizes.tolist()):
        new = size + np.flatnonzero(reached[: max(0, most + 1 - size)] & ~reached[size:])
        first[new] = place
        reached[new] = True
        if wanted > 0 and reached[wanted] and wanted < sizes.sum():
            break
    sums = np.flatnonzero(reached)
    sums = sums[(sums < sizes.sum()) & (sums >= int(needed))]
    if not len(sums):
        return np.array([int(np.argmin(sizes))])
    left = int(sums[np.argmin(np.abs(sums - wanted))])
    taken = []
    while left:
        place = int(first[left])
        taken.append(place)
        left -= int(sizes[place])
    return np.array(taken, np.int64)
