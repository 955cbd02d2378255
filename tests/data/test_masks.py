"""A class for every pixel: which classes there are, what is ignored, how examples are divided, and what is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nas_cli.data.kinds.masks import IGNORED, masks_of
from nas_cli.data.source import TARGETS, Dataset, Examples
from nas_cli.data.split import hold_out
from nas_cli.errors import DataError


def dataset(masks: np.ndarray[Any, Any], names: tuple[str, ...] | None = None) -> Dataset:
    return Dataset(Examples("the masks", masks, lambda rows: np.zeros((len(rows), 1, 4, 4), np.uint8)), names=names)


def some(count: int = 12, classes: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, classes, (count, 4, 4)).astype(np.uint8)


def test_masks_are_what_a_network_learns() -> None:
    masks = some()
    masks[0, 0] = IGNORED
    targets = TARGETS["mask"](dataset(masks, ("sky", "tree", "road")), None, None)
    assert targets.names == ("sky", "tree", "road")
    assert not targets.ragged
    encoded = targets.encode(dataset(masks).train)
    assert encoded.dtype == np.uint8
    np.testing.assert_array_equal(encoded, masks)


def test_without_names_classes_are_numbers() -> None:
    assert masks_of(dataset(some())).names == ("0", "1", "2")


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32, bool])
def test_whole_numbers_of_any_kind_are_classes(dtype: Any) -> None:
    masks = some(classes=2).astype(dtype)
    encoded = masks_of(dataset(masks)).encode(dataset(masks).train)
    assert encoded.dtype == np.uint8
    np.testing.assert_array_equal(encoded, masks)


def test_a_trained_networks_classes_are_taken_as_they_are() -> None:
    found = masks_of(dataset(np.zeros((2, 4, 4), np.uint8)), ("ground", "thing"))
    assert found.names == ("ground", "thing")
    assert found.encode(dataset(np.ones((2, 4, 4), np.uint8)).train).all()


@pytest.mark.parametrize(
    ("masks", "names", "words"),
    [
        (np.full((3, 4, 4), IGNORED), None, "every pixel in the masks of the masks is ignored"),
        (np.zeros((3, 4, 4)), None, "every pixel .* is of class 0: there is nothing to learn"),
        (np.ones((3, 4, 4)), ("ground", "thing"), "every pixel .* is of class thing"),
        (some(classes=2) * 254, None, "have the values 0, 254: classes are numbered 0, 1, 2"),
        (some()[:, 0], None, "labels of uint8, 12x4, and masks are wanted"),
        (some(0), None, "the masks has no examples"),
    ],
)
def test_masks_that_teach_nothing_are_refused(masks: Any, names: tuple[str, ...] | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        masks_of(dataset(masks.astype(np.uint8), names))


@pytest.mark.parametrize("value", [-1, 256, 70_000])
def test_numbers_that_are_no_classes_are_refused(value: int) -> None:
    masks = some().astype(np.int64)
    masks[1, 2, 3] = value
    with pytest.raises(DataError, match=f"have the value {value}: classes are numbered 0 to 254"):
        masks_of(dataset(masks))


def test_fractions_are_no_classes() -> None:
    with pytest.raises(DataError, match="labels of float64"):
        masks_of(dataset(some() / 2))


@pytest.mark.parametrize("classes", [("ground", "thing"), ("ground",)])
def test_a_class_beyond_the_names_is_refused(classes: tuple[str, ...]) -> None:
    targets = masks_of(dataset(some(classes=2)))
    wider = some()
    with pytest.raises(DataError, match=r"pixels of class 2, and there are 2 classes, 0 to 1: 0, 1"):
        targets.encode(dataset(wider).train)
    if len(classes) == 2:
        with pytest.raises(DataError, match="there are 2 classes, 0 to 1: ground, thing"):
            masks_of(dataset(wider, classes)).encode(dataset(wider).train)


def test_a_part_of_ignored_pixels_alone_is_refused() -> None:
    with pytest.raises(DataError, match="nothing is left to score"):
        masks_of(dataset(some())).encode(dataset(np.full((2, 4, 4), IGNORED, np.uint8)).train)


def test_what_is_odd_is_said() -> None:
    masks = np.zeros((20, 16, 16), np.uint8)
    masks[3, 4, 5] = 2
    found = masks_of(dataset(masks, ("ground", "mast", "bird")))
    assert "classes of which the training part has no pixel, and which cannot be learned: mast" in found.notes[0]
    assert "all but 0.02 % of the pixels to train on are ground" in found.notes[1]
    assert len(found.notes) == 2
    assert masks_of(dataset(some())).notes == ()
    assert "hardly differ" in masks_of(dataset(some(classes=2), ("Cell", "cell"))).notes[0]
    assert found.absent(masks[:3]) == ["mast", "bird"]
    assert found.absent(masks) == ["mast"]


def test_examples_are_divided_by_the_rarest_class() -> None:
    masks = np.zeros((40, 4, 4), np.uint8)
    masks[:, 0, 0] = 1  # in each
    masks[::2, 1, 1] = 2
    masks[::10, 2, 2] = 3
    masks[5, 3, 3] = IGNORED  # the rarest value, and no class
    targets = masks_of(dataset(masks, ("ground", "a", "b", "c")))
    strata = targets.strata(masks)
    assert strata.tolist() == [int(k % 10 == 0) for k in range(40)]
    stay, held = hold_out(strata, 0.25, np.random.default_rng(0))
    assert (masks[held] == 3).any()
    assert (masks[stay] == 3).any()


def test_examples_that_all_have_every_class_are_divided_at_random() -> None:
    masks = some(classes=2)
    masks[:, 0, 0], masks[:, 0, 1] = 0, 1
    assert masks_of(dataset(masks)).strata(masks).tolist() == [0] * 12
