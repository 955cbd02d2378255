"""Counts of pixels against scikit-learn, Otsu's threshold against its definition, and how masks are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from nas_cli.task.pixels import colours, count_pairs, overlaps, overlay, resized

Numbers = np.ndarray[Any, Any]


def masks(classes: int = 4) -> tuple[Numbers, Numbers]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, (3, 7, 5)).astype(np.uint8)
    found = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, classes, truth.shape))
    truth[rng.random(truth.shape) < 0.2] = 255
    return truth, found


def test_counts_and_overlaps_are_scikit_learns() -> None:
    truth, found = masks()
    pairs = count_pairs(truth, found, 4)
    counted = truth != 255
    assert pairs.tolist() == confusion_matrix(truth[counted], found[counted], labels=range(4)).tolist()
    iou, dice = overlaps(pairs)
    assert iou.tolist() == pytest.approx(jaccard_score(truth[counted], found[counted], average=None).tolist())
    assert dice.tolist() == pytest.approx(f1_score(truth[counted], found[counted], average=None).tolist())


def test_a_class_that_is_nowhere_has_no_overlap() -> None:
    iou, dice = overlaps(count_pairs(np.array([[0, 2]], np.uint8), np.array([[0, 0]]), 3))
    assert iou[:1].tolist() + iou[2:].tolist() == [0.5, 0.0]
    assert dice[0] == pytest.approx(2 / 3)
    assert np.isnan(iou[1])
    assert np.isnan(dice[1])


@pytest.mark.parametrize(("height", "width"), [(4, 6), (8, 12), (2, 3), (5, 7), (1, 1)])
def test_a_mask_is_resized_by_the_nearest_pixel(height: int, width: int) -> None:
    mask = np.arange(24).reshape(4, 6)
    found = resized(mask, height, width)
    for row in range(height):
        for column in range(width):
            assert found[row, column] == mask[int((row + 0.5) * 4 / height), int((column + 0.5) * 6 / width)]


def test_colours_differ() -> None:
    assert colours(256).shape == (256, 3)
    assert colours(3)[0].tolist() == [0, 0, 0]
    first = colours(13).astype(int)
    apart = [np.abs(a - b).sum() for k, a in enumerate(first) for b in first[:k]]
    assert min(apart) > 60


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_overlay_leaves_what_is_not_shown(channels: int) -> None:
    image = np.full((channels, 2, 2), 100, np.uint8)
    shown = np.zeros(256, bool)
    shown[1] = True
    picture = overlay(image, np.array([[0, 1], [0, 255]], np.uint8), shown)
    assert picture.shape == (2, 2, 3)
    assert picture[0, 0].tolist() == picture[1, 0].tolist() == picture[1, 1].tolist() == [100, 100, 100]
    assert picture[0, 1].tolist() == np.rint(0.5 * 100 + 0.5 * colours(2)[1]).tolist()
    assert (image == 100).all()
