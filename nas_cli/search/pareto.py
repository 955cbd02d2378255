"""Several rewards at once, all to be maximised: dominance, non-dominated sorting, crowding, hypervolume, the knee.

Deb, Pratap, Agarwal & Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE Transactions on
Evolutionary Computation 6(2), 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Point = tuple[float, ...]


def dominates(a: Point, b: Point) -> bool:
    """`a` is nowhere worse than `b` and better somewhere."""
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def non_dominated_sort(points: Sequence[Point]) -> list[list[int]]:
    """The indices of `points` in fronts: no point dominates the first front, only points of the first the second, …

    Deb et al. 2002, section III-A; O(m n²) for n points of m rewards.
    """
    if not points:
        return []
    values = np.asarray(points, dtype=np.float64)
    not_worse = np.asarray((values[:, None, :] >= values[None, :, :]).all(axis=2))
    above = not_worse & ~not_worse.T
    dominators = above.sum(axis=0)
    fronts: list[list[int]] = []
    left = np.ones(len(points), dtype=bool)
    while left.any():
        front = np.flatnonzero(left & (dominators == 0))
        fronts.append(front.tolist())
        left[front] = False
        dominators = dominators - above[front].sum(axis=0)
    return fronts


def crowding(points: Sequence[Point]) -> list[float]:
    """Crowding distances: how far apart a point's neighbours on its front are, summed over rewards, each as a share of
    the front's extent; infinite at the ends.
    """
    if len(points) <= 2:
        return [math.inf] * len(points)
    values = np.asarray(points, dtype=np.float64)
    distance = np.zeros(len(points))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        extent = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = math.inf
        if extent > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / extent
    return [float(each) for each in distance]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume between `reference` and the points that dominate it. Exact, by slicing along the last reward.

    Zitzler & Thiele, "Multiobjective Optimization Using Evolutionary Algorithms", PPSN 1998.
    """
    inside = [p for p in points if all(x > r for x, r in zip(p, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return max(p[0] for p in inside) - reference[0]
    if len(reference) > 2:  # dominated points add slices but no volume
        inside = [inside[index] for index in non_dominated_sort(inside)[0]]
    inside.sort(key=lambda p: p[-1], reverse=True)
    volume, widest = 0.0, 0.0
    for index, point in enumerate(inside):
        below = inside[index + 1][-1] if index + 1 < len(inside) else reference[-1]
        if len(reference) == 2:
            widest = max(widest, point[0] - reference[0])
        elif point[-1] > below:
            widest = hypervolume([p[:-1] for p in inside[: index + 1]], reference[:-1])
        volume += (point[-1] - below) * widest
    return volume


def knee(points: Sequence[Point]) -> int:
    """The index of a front's knee, where trading one reward for another stops paying; the first among equals.

    With the front's extent scaled to 1 in every reward, the knee is the point farthest from the plane through the ends
    (Das, "On Characterizing the 'Knee' of the Pareto Curve", Structural Optimization 18, 1999): that of largest sum.
    """
    values = np.asarray(points, dtype=np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)
    return int(np.argmax(((values - low) / extent).sum(axis=1).round(12)))
