"""Augmentations that move pixels: against SciPy, against moves by hand, and images against masks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from nas_cli.data.kinds.masks import IGNORED
from nas_cli.data.source import target
from nas_cli.plugins import taking_back
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.augment.geometry import rotation, warp
from nas_cli.train.batch import Batch

CLASSES = 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(count: int = 12, height: int = 41, width: int = 33) -> Tensor:
    """Masks uint8 (n, H, W) of large areas of each class."""
    noise = np.random.default_rng(0).normal(size=(count, CLASSES, height, width))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 5, 5))
    return torch.from_numpy(smooth.argmax(1).astype(np.uint8))


def picture_of(masks: Tensor) -> Tensor:
    """An image with a channel for each class, 1 where a pixel is of it."""
    return torch.nn.functional.one_hot(masks.long(), CLASSES).permute(0, 3, 1, 2).float()


def of_masks(masks: Tensor | None = None) -> Batch:
    masks = blobs() if masks is None else masks
    return Batch.of(picture_of(masks), masks, "mask", CLASSES)


def warped(images: Tensor, matrix: Tensor) -> Tensor:
    return warp(Batch.of(images, torch.zeros(len(images)), "class", 2), matrix.expand(len(images), 2, 2)).inputs


# Against references ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [-1, 0, 1, 2])
def test_quarter_turns_are_rot90(turns: int) -> None:
    images = torch.randn(5, 3, 16, 16, generator=generator())
    turned = warped(images, rotation(torch.tensor([90.0 * turns])))
    torch.testing.assert_close(turned, torch.rot90(images, turns, (2, 3)), rtol=0, atol=1e-4)
    masks = blobs(5, 17, 17)
    batch = warp(of_masks(masks), rotation(torch.full((5,), 90.0 * turns)))
    assert torch.equal(batch.targets, torch.rot90(masks, turns, (1, 2)))


@pytest.mark.parametrize("sides", [(16, 16), (15, 9), (8, 21), (1, 5)])
@pytest.mark.parametrize("degrees", [-170.0, -33.0, 5.0, 71.0])
def test_rotations_are_scipys(sides: tuple[int, int], degrees: float) -> None:
    """SciPy takes a pixel at (y, x) from matrix @ (y, x), about the middle."""
    images = torch.randn(2, 2, *sides, generator=generator())
    turned = warped(images, rotation(torch.tensor([degrees])))
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    require_scipys(images, turned, matrix)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 3.0])
def test_zooms_are_scipys(factor: float) -> None:
    images = torch.randn(2, 2, 14, 19, generator=generator())
    require_scipys(images, warped(images, torch.eye(2)[None] / factor), np.eye(2) / factor)


def require_scipys(images: Tensor, ours: Tensor, matrix: np.ndarray[Any, Any]) -> None:
    middle = (np.array(images.shape[2:]) - 1) / 2
    for image, got in zip(images.flatten(0, 1).numpy(), ours.flatten(0, 1).numpy(), strict=True):
        offset = middle - matrix @ middle
        theirs = ndimage.affine_transform(image, matrix, offset, order=1, mode="grid-constant", cval=0.0)
        np.testing.assert_allclose(got, theirs, atol=2e-4)


def test_a_zoom_by_two_doubles_every_pixel_of_the_middle() -> None:
    masks = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4) % CLASSES
    batch = warp(of_masks(masks), torch.eye(2)[None] / 2)
    middle = masks[:, 1:3, 1:3]
    assert torch.equal(batch.targets, middle.repeat_interleave(2, 1).repeat_interleave(2, 2))


def test_what_comes_in_from_outside_is_the_mean_and_ignored() -> None:
    masks = torch.full((1, 8, 8), 2, dtype=torch.uint8)
    batch = warp(Batch.of(torch.full((1, 1, 8, 8), 5.0), masks, "mask", CLASSES), torch.eye(2)[None] * 2)
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[2:6, 2:6] = True
    assert torch.equal(batch.targets[0] == 2, inside)
    assert torch.equal(batch.targets[0] == IGNORED, ~inside)
    assert torch.equal(batch.inputs[0, 0], torch.where(inside, 5.0, 0.0))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_shift_cuts_a_window_by_whole_pixels(share: float) -> None:
    masks = blobs(24, 20, 10)
    shifted = AUGMENTS["shift"](share=share)(of_masks(masks), generator()).targets.numpy()
    high, wide = round(share * 20), round(share * 10)
    places = []
    for before, after in zip(masks.numpy(), shifted, strict=True):
        padded = np.pad(before, ((high, high), (wide, wide)), constant_values=IGNORED)
        windows = {(i, j): padded[i : i + 20, j : j + 10] for i in range(2 * high + 1) for j in range(2 * wide + 1)}
        places.append([place for place, window in windows.items() if np.array_equal(window, after)])
    assert all(places)
    assert len({found[0] for found in places}) >= min(10, (2 * high + 1) * (2 * wide + 1) // 2)


# Images and masks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("crop", {"padding": 6}),
        ("shift", {"share": 0.3}),
        ("flip", {"axis": "horizontal"}),
        ("flip", {"axis": "vertical", "rate": 1.0}),
        ("rotate", {"degrees": 180}),
        ("rotate", {"degrees": 15}),
        ("scale", {}),
        ("scale", {"low": 0.4, "high": 3.0}),
    ],
)
def test_a_mask_moves_as_the_picture_made_of_it(name: str, arguments: dict[str, Any]) -> None:
    batch = of_masks()
    moved = AUGMENTS[name](**arguments)(batch, generator())
    assert moved.targets.dtype == torch.uint8
    assert not torch.equal(moved.targets, batch.targets)
    assert set(moved.targets.unique().tolist()) <= {0, 1, 2, IGNORED}
    there = moved.targets != IGNORED
    shown = moved.inputs.argmax(1) == moved.targets
    assert shown[there].float().mean() > 0.985  # at the edges of areas the nearest pixel may be another class's
    away = moved.inputs.sum(1) < 0.25
    assert (moved.targets[away] == IGNORED).all()
    assert (moved.inputs.sum(1)[there] > 0.24).all()


def test_ignored_pixels_stay_ignored() -> None:
    masks = blobs()
    masks[:, 10:20, 8:20] = IGNORED
    for name in ("crop", "shift", "flip", "rotate", "scale"):
        moved = AUGMENTS[name]()(Batch.of(torch.zeros(12, 1, 41, 33), masks, "mask", CLASSES), generator())
        assert (moved.targets == IGNORED).flatten(1).sum(1).min() > 60, name


@pytest.mark.parametrize("name", ["crop", "shift", "flip", "rotate", "scale"])
@pytest.mark.parametrize("numbers", [torch.uint8, torch.int64, torch.float32])
def test_a_plugins_pixels_move_as_masks_do(name: str, numbers: torch.dtype) -> None:
    batch = of_masks()
    own = batch.with_(targets=batch.targets.to(numbers))
    moved, expected = (AUGMENTS[name]()(each, generator()) for each in (own, batch))
    assert moved.targets.dtype == numbers
    assert torch.equal(moved.targets, expected.targets.to(numbers))


@pytest.mark.parametrize("name", ["brightness", "contrast", "cutout"])
def test_what_moves_nothing_leaves_masks_as_they_are(name: str) -> None:
    batch = of_masks()
    assert torch.equal(AUGMENTS[name]()(batch, generator()).targets, batch.targets)


@pytest.mark.parametrize("name", [name for name in AUGMENTS if "mask" in AUGMENTS.fit(name).targets])
def test_images_move_alike_whatever_is_learned_of_them(name: str) -> None:
    batch = of_masks()
    of_images = Batch.of(batch.inputs, torch.zeros(12, dtype=torch.int64), "class", CLASSES)
    one, other = (AUGMENTS[name]()(each, generator()) for each in (batch, of_images))
    assert torch.equal(one.inputs, other.inputs)
    assert torch.equal(other.targets, of_images.targets)


@pytest.mark.parametrize("name", list(AUGMENTS))
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 3, 1, 1), (3, 4, 5, 2), (1, 2, 1, 7)])
def test_small_and_oblong_images_are_taken(name: str, shape: tuple[int, ...]) -> None:
    batch = Batch.of(torch.randn(shape, generator=generator()), torch.zeros(shape[0], dtype=torch.int64), "class", 2)
    given = AUGMENTS[name]()(batch, generator(3))
    assert given.inputs.shape == shape
    assert given.inputs.dtype == torch.float32
    assert bool(torch.isfinite(given.inputs).all())


# Light --------------------------------------------------------------------------------------------------------------


def test_brightness_adds_one_number_to_each_image() -> None:
    images = torch.randn(400, 3, 5, 4, generator=generator())
    added = (
        AUGMENTS["brightness"](amount=0.5)(Batch.of(images, torch.zeros(400), "number", 1), generator()).inputs - images
    )
    each = added.flatten(1)
    torch.testing.assert_close(each, each.mean(1, keepdim=True).expand_as(each), rtol=0, atol=1e-5)
    assert each.abs().max() <= 0.5 + 1e-5
    # An even draw from -a to a has deviation a / sqrt(3).
    assert each[:, 0].std().item() == pytest.approx(0.5 / 3**0.5, rel=0.1)
    assert abs(each[:, 0].mean().item()) < 0.05


def test_contrast_keeps_means_and_multiplies_deviations() -> None:
    images = torch.randn(400, 3, 6, 5, generator=generator()) + torch.tensor([1.0, -2.0, 0.0])[None, :, None, None]
    given = AUGMENTS["contrast"](amount=0.4)(Batch.of(images, torch.zeros(400), "number", 1), generator()).inputs
    torch.testing.assert_close(given.mean((2, 3)), images.mean((2, 3)), rtol=0, atol=1e-5)
    factors = given.std((2, 3)) / images.std((2, 3))
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors), rtol=1e-4, atol=0)
    assert 0.6 - 1e-4 <= factors.min() < 0.65
    assert 1.35 < factors.max() <= 1.4 + 1e-4


def test_zooms_are_drawn_evenly_in_their_logarithm() -> None:
    """Seen from how much of a white image is left; the bounds may come in either order."""
    white = Batch.of(torch.ones(500, 1, 40, 40), torch.zeros(500, dtype=torch.int64), "class", 2)
    for low, high in ((0.25, 1.0), (1.0, 0.25)):
        sides = AUGMENTS["scale"](low=low, high=high)(white, generator()).inputs.sum((1, 2, 3)).sqrt() / 40
        logs = sides.log2()
        assert -2.1 < logs.min() < -1.9
        assert -0.1 < logs.max() < 0.1
        assert logs.mean().item() == pytest.approx(-1.0, abs=0.1)


@pytest.mark.parametrize("name", [name for name in AUGMENTS if AUGMENTS.fit(name).moves])
def test_targets_of_a_plugin_that_lie_on_pixels_move_too(name: str) -> None:
    """As a mask does, but for what comes in from outside; what lies on no pixel has no such augmentation."""
    with taking_back():
        target("depth", outside=7)(lambda dataset, labels=None, origin=None: None)
        target("length")(lambda dataset, labels=None, origin=None: None)
        assert "depth" in AUGMENTS.fit(name).targets
        assert "length" not in AUGMENTS.fit(name).targets
        lying = torch.arange(2 * 12 * 10).view(2, 12, 10).remainder(5).to(torch.uint8)
        mask = Batch.of(torch.randn(2, 3, 12, 10), lying, "mask", 5)
        depth = replace(mask, target="depth")
        augment = AUGMENTS[name](**AUGMENTS.parse(name)[1])
        moved, other = (augment(batch, torch.Generator().manual_seed(3)).targets for batch in (mask, depth))
        assert torch.equal(other, torch.where(moved == IGNORED, 7, moved))
        assert not torch.equal(other, lying)
    assert "depth" not in AUGMENTS.fit(name).targets
