"""Holding a part of the examples out: shuffled and stratified; or, where that would be wrong, by group, by time, the
newest of each group, or by position.

    Dataset(…, divide=by_group(speakers))
"""

from __future__ import annotations

import numpy as np

from nas_cli.data.source import Array, Dataset, Divide
from nas_cli.errors import DataError
from nas_cli.registry import short

STREAMS = {"test": 1, "validation": 2}
"""The split of a part draws from (seed, its number)."""
ONE_BY_ONE = 32
"""Of what is held out, so many groups are chosen one by one, for their sizes to add up to the share."""


def hold_part_out(
    dataset: Dataset, strata: Array, among: Array, fraction: float, seed: int, part: str
) -> tuple[Array, Array]:
    """`among`, indices of the dataset's training part, in those that stay and those of `part`, each shuffled.

    `strata` (N,) are those of all its examples. Raises DataError where one of the two is empty.
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
    """Indices of the examples that stay and of those held out, each shuffled; together they are all, once each.

    `targets` (N,) are class indices. Every class gives its share: `fraction` of its examples, rounded so that about
    `fraction` of all are held out (largest remainders). A class of two or more has at least one on either side; a
    class of one stays.
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
    """Whole groups are held out, drawn at random, whose examples together come as near to the fraction as they can. Two
    at least stay where there are more, so that another part can be held out of them.

    `groups` (N,) say of every example of the training part to which group it belongs: whose it is, who speaks.
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
    """The newest are held out. Examples of one moment stay together: of the cuts between moments it is the one at which
    the share comes nearest to the fraction. Two moments at least stay where there are more, as `by_group` has it.

    `moments` (N,) are numbers or times of the examples of the training part, in an order of their own.
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
    """Of every group its newest are held out: `fraction` of them, rounded so that about `fraction` of all are; at least
    one of a group of two or more, and none of a group of one. Those of one moment are in the order of the file.
    """
    numbers = numbered(groups)

    def divide(among: Array, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
        among = np.sort(among)
        own = numbers[among]
        counts = np.bincount(own)
        shuffled = rng.permutation(len(counts))  # which of equal groups gives one more is left to chance
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
    """The last ones are held out: the parts are contiguous pieces, the training part first."""
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
    """0, 1, … for the groups in the order of their first examples."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(group, len(known)) for group in groups.tolist()], np.int64)


def _near(sizes: Array, wanted: int) -> Array:
    """Places of some of `sizes` (G,), which are in random order, one at least and not all, whose sum is as near to
    `wanted` as any.

    The first are taken as they come while the rest is much larger than a group. The last ones are those of which the
    sum is the nearest of all that can be reached.
    """
    margin = ONE_BY_ONE * float(sizes.mean())
    sure = int(np.searchsorted(np.cumsum(sizes), wanted - margin, side="right"))
    rest = sizes[sure:]
    taken = _exactly(rest, wanted - int(sizes[:sure].sum()), not sure)
    return np.concatenate([np.arange(sure), sure + taken])


def _exactly(sizes: Array, wanted: int, needed: bool) -> Array:
    """Places of those of `sizes` whose sum is the nearest to `wanted`, and not the sum of all; one at least where that
    is `needed`."""
    most = max(2 * wanted, 0)
    first = np.full(most + 1, -1)  # of every sum: the last size that the first way to it takes
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
