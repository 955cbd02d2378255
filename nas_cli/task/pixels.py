"""Scores from pixel counts, and pictures of masks, for tasks that give every pixel a class."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, Any]
GOLDEN = 0.618034
"""Step of hue from class to class, in turns: the first dozen are distinct."""
SCORES = ("iou", "dice", "precision", "recall")
"""The scores of each class in a report."""
LOWEST = 10
"""Examples with the lowest scores that a report names."""
STRENGTH = 0.5
"""How much of a class's colour lies over a picture."""


def count_pairs(truth: Numbers, found: Numbers, classes: int) -> Numbers:
    """int64 (classes, classes): pixels by true class (rows) and predicted class. Pixels of no class, such as ignored
    ones, are not counted."""
    counted = truth < classes
    pairs = truth[counted].astype(np.int64) * classes + found[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def overlaps(pairs: Numbers) -> tuple[Numbers, Numbers]:
    """IoU (classes,) and Dice (classes,) by counts of pairs; NaN for classes neither true nor predicted anywhere."""
    hits = np.diagonal(pairs).astype(np.float64)
    both = (pairs.sum(axis=0) + pairs.sum(axis=1)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return hits / (both - hits), 2 * hits / both


def mean_iou(pairs: Numbers) -> float:
    """Mean IoU over the classes that are true or predicted somewhere; NaN where no pixel counts."""
    return float(np.nanmean(overlaps(pairs)[0])) if pairs.any() else float("nan")


def worst(scores: Sequence[float]) -> list[dict[str, Any]]:
    """`number`, which begins with 1, and `mean_iou` of the examples with the lowest one."""
    order = np.argsort(scores, kind="stable")[: np.isfinite(scores).sum()]
    return [{"number": int(k) + 1, "mean_iou": scores[k]} for k in order[:LOWEST]]


def class_scores(pairs: Numbers, labels: Sequence[str]) -> list[dict[str, Any]]:
    """For each class its `label`, `iou`, `dice`, `precision` and `recall` (None where undefined), and `pixels`, the
    number of its true pixels."""
    (iou, dice), hits = overlaps(pairs), np.diagonal(pairs)
    with np.errstate(invalid="ignore"):
        columns = (iou, dice, hits / pairs.sum(axis=0), hits / pairs.sum(axis=1))
    rows = []
    for k, label in enumerate(labels):
        scores = {name: _defined(column[k]) for name, column in zip(SCORES, columns, strict=True)}
        rows.append({"label": label, **scores, "pixels": int(pairs[k].sum())})
    return rows


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else float(score)


def colours(count: int) -> Numbers:
    """uint8 (count, 3): black for class 0, then bright ones."""
    hues = [colorsys.hsv_to_rgb(GOLDEN * (number - 1) % 1, 0.8, 1.0) for number in range(1, count)]
    shown: Numbers = np.rint(255 * np.array([(0.0, 0.0, 0.0), *hues])).astype(np.uint8)
    return shown[:count]


def resized(mask: Numbers, height: int, width: int) -> Numbers:
    """(H, W) → (height, width), each pixel the nearest one."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * given / wanted).astype(np.int64)
        for wanted, given in zip((height, width), mask.shape, strict=True)
    )
    nearest: Numbers = mask[rows[:, None], columns]
    return nearest


def overlay(image: Numbers, mask: Numbers, shown: Numbers) -> Numbers:
    """uint8 (H, W, 3): an image (C, H, W) with the colours of a mask (H, W) over it, where `shown` (256,) has them."""
    channels = image if len(image) == 3 else np.broadcast_to(image.mean(axis=0).astype(np.uint8), (3, *mask.shape))
    picture = np.ascontiguousarray(channels.transpose(1, 2, 0))
    covered = shown[mask]
    mixed = (1 - STRENGTH) * picture[covered] + STRENGTH * colours(256)[mask[covered]]
    picture[covered] = np.rint(mixed).astype(np.uint8)
    return picture
