"""Augmentations against slow references, and against what they gave in version 0.1."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.testing import check_augmentation
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.batch import Batch


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 16, channels: int = 2, side: int = 9) -> Tensor:
    return torch.randn(count, channels, side, side, generator=generator(1)) + 3.0


def of_classes(x: Tensor, y: Tensor | None = None, classes: int = 3) -> Batch:
    return Batch.of(x, torch.arange(len(x)) % classes if y is None else y, "class", classes)


@pytest.mark.parametrize("name", list(AUGMENTS))
def test_augmentation_repeats_and_keeps_shapes(name: str) -> None:
    batch = of_classes(images())
    augment = AUGMENTS[name]()
    before = batch.inputs.clone()
    first, second = augment(batch, generator(5)), augment(batch, generator(5))
    assert torch.equal(batch.inputs, before)
    assert torch.equal(first.inputs, second.inputs)
    assert torch.equal(first.targets, second.targets)
    assert first.inputs.shape == before.shape
    assert first.inputs.dtype == before.dtype
    assert not torch.equal(first.inputs, before)
    assert not torch.equal(first.inputs, augment(batch, generator(6)).inputs)


@pytest.mark.parametrize("name", list(AUGMENTS))
def test_augmentations_keep_to_the_contract(name: str) -> None:
    check_augmentation(name)


# What was drawn before augmentations worked on batches ----------------------------------------------------------------


def even(tensor: Tensor) -> bytes:
    """What does not hang on the last bits of a machine's arithmetic."""
    return (tensor.double() * 4096).round().long().numpy().tobytes()


def digest(batch: Batch) -> str:
    return hashlib.sha256(even(batch.inputs) + even(batch.targets)).hexdigest()[:16]


def numbered() -> Batch:
    x = torch.arange(32 * 3 * 9 * 7).remainder(251).float() / 16 - 7
    return of_classes(x.reshape(32, 3, 9, 7))


@pytest.mark.parametrize(
    ("name", "arguments", "known", "drawn_next"),
    [
        ("crop", {}, "dfb549730b78b976", 1938096892),
        ("crop", {"padding": 3}, "456872d4b625305a", 1938096892),
        ("flip", {}, "317eb4175d4cac34", 1485942463),
        ("flip", {"axis": "vertical", "rate": 0.3}, "1e9f78a088576275", 1485942463),
        ("cutout", {}, "02e9a6568701d041", 1938096892),
        ("cutout", {"size": 5}, "7f97572aba6b8f2f", 1938096892),
        ("mixup", {}, "7fa8e0736841b2cc", 1955857029),
        ("mixup", {"alpha": 1.5}, "01074551c325d31e", 844802488),
    ],
)
def test_the_same_is_drawn_as_in_version_0_1(name: str, arguments: dict[str, Any], known: str, drawn_next: int) -> None:
    source = generator(7)
    assert digest(AUGMENTS[name](**arguments)(numbered(), source)) == known
    assert int(torch.randint(0, 2**31, (1,), generator=source)) == drawn_next


def test_one_after_another_they_give_what_they_gave() -> None:
    batch, source = numbered(), generator(7)
    for name in ("crop", "flip", "cutout", "mixup", "mixup"):
        batch = AUGMENTS[name]()(batch, source)
    assert digest(batch) == "6d9c925cd526cdb8"


# What each does to images ---------------------------------------------------------------------------------------------


def test_crop_cuts_a_window_of_each_padded_image() -> None:
    x = images()
    cropped = AUGMENTS["crop"](padding=2)(of_classes(x), generator()).inputs
    padded = functional.pad(x, (2, 2, 2, 2))
    places = set()
    for n in range(16):
        windows = {(i, j): padded[n, :, i : i + 9, j : j + 9] for i in range(5) for j in range(5)}
        matches = [place for place, window in windows.items() if torch.equal(window, cropped[n])]
        assert len(matches) == 1
        places.add(matches[0])
    assert len(places) > 5


@pytest.mark.parametrize(("axis", "dimension"), [("horizontal", 2), ("vertical", 1)])
def test_flip_mirrors_about_half_of_the_images(axis: str, dimension: int) -> None:
    x = images(200)
    flipped = AUGMENTS["flip"](axis=axis)(of_classes(x), generator()).inputs
    count = sum(torch.equal(flipped[n], x[n].flip(dimension)) for n in range(200))
    assert count + sum(torch.equal(flipped[n], x[n]) for n in range(200)) == 200
    assert 70 < count < 130


def test_cutout_blanks_one_square_per_image() -> None:
    x = images(64)
    cut = AUGMENTS["cutout"](size=4)(of_classes(x), generator()).inputs
    for n in range(64):
        blank = (cut[n] == 0).all(0)
        rows, columns = torch.nonzero(blank.any(1)).flatten(), torch.nonzero(blank.any(0)).flatten()
        assert blank.sum() == len(rows) * len(columns)
        assert 1 <= len(rows) <= 4
        assert 1 <= len(columns) <= 4
        assert torch.equal(cut[n][:, ~blank], x[n][:, ~blank])
    assert (cut == 0).all(1).sum((1, 2)).max() == 16


def test_mixup_blends_images_and_labels_by_the_same_share() -> None:
    x = torch.eye(32).reshape(32, 1, 4, 8)  # each image marks its own pixel, so shares can be read off
    y = torch.arange(32) % 4
    mixed = AUGMENTS["mixup"](alpha=0.4)(of_classes(x, y, 4), generator())
    shares = mixed.inputs.flatten(1)
    assert torch.allclose(shares.sum(1), torch.ones(32))
    assert torch.allclose(mixed.targets, shares @ functional.one_hot(y, 4).float(), atol=1e-6)


def test_mixup_draws_from_the_beta_distribution() -> None:
    batch = of_classes(torch.zeros(20_000, 1, 1, 1), classes=2)
    targets = AUGMENTS["mixup"](alpha=0.5)(batch, generator()).targets
    share = targets[:, 0][(targets[:, 0] > 0) & (targets[:, 0] < 1)].double().numpy()
    # Beta(a, a) has mean 1/2 and variance 1/(4(2a+1)).
    assert np.mean(share) == pytest.approx(0.5, abs=0.02)
    assert np.var(share) == pytest.approx(1 / (4 * 2.0), abs=0.01)
    assert math.isfinite(share.sum())
