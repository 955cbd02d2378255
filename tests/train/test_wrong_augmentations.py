"""The check for augmentations finds what is wrong, and passes what is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from nas_cli.errors import PluginError
from nas_cli.plugins import augmentation, taking_back
from nas_cli.testing import check_augmentation
from nas_cli.train.batch import Batch

ALL = {"class", "number", "mask"}


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


def turned(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs.flip(3), batch.targets.flip(2) if batch.target == "mask" else None)


def noisy(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs + 0.1 * torch.randn(batch.inputs.shape, generator=generator))


def recoloured(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs[:, torch.randperm(batch.inputs.shape[1], generator=generator)])


def grey(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs.mean(1, keepdim=True).expand_as(batch.inputs))


@pytest.mark.parametrize("augment", [turned, noisy, recoloured, grey], ids=lambda augment: augment.__name__)
def test_right_ones_pass(augment: Any) -> None:
    augmentation("mine", targets=ALL)(lambda: augment)
    check_augmentation("mine")


def in_place(batch: Batch, generator: torch.Generator) -> Batch:
    batch.inputs.mul_(2)
    return batch


def global_torch(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs + torch.randn(1))


def global_numpy(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs + float(np.random.rand()))


def mask_left_behind(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs.roll(2, 3))


def mask_turned_otherwise(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs.flip(3), batch.targets.flip(1) if batch.target == "mask" else None)


def divided_by_zero(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs / 0)


def cut(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(batch.inputs[..., 1:])


def whole_numbers(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(targets=batch.targets.long())


def shares(batch: Batch, generator: torch.Generator) -> Batch:
    return batch.with_(targets=torch.ones(len(batch), batch.classes))


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        (in_place, "changes the batch that it is given"),
        (global_torch, "draws from more than the generator"),
        (global_numpy, "draws from more than the generator"),
        (mask_left_behind, r"moves images and not their masks: \d\d% of the pixels agree"),
        (mask_turned_otherwise, "moves images and not their masks"),
        (divided_by_zero, "not finite"),
        (cut, "made inputs 6x3x40x31 float32 of 6x3x40x32 float32"),
        (whole_numbers, "made targets 6x40x32 int64 of 6x40x32 uint8|made targets 6 int64 of 6 float32"),
        (shares, "made targets 6x1 float32 of 6 float32, and targets of the same shape and numbers are wanted"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wrong_ones_are_found(augment: Any, words: str) -> None:
    augmentation("wrong", targets=ALL)(lambda: augment)
    with pytest.raises((AssertionError, PluginError), match=words):
        check_augmentation("wrong")


def test_shares_of_classes_are_targets_of_classes() -> None:
    augmentation("mine")(lambda: shares)
    check_augmentation("mine")


def test_other_kinds_need_a_batch_of_ones_own() -> None:
    augmentation("mine", inputs="table rows", targets={"class", "own"})(lambda: noisy)
    rows, boxes = torch.randn(4, 5), torch.zeros(4, 2, 4)
    of_classes = Batch.of(rows, torch.arange(4) % 2, "class", 2)
    with pytest.raises(AssertionError, match="'mine' is for the kind of target 'class': give a batch of it"):
        check_augmentation("mine")
    with pytest.raises(AssertionError, match="'mine' is for the kind of target 'own': give a batch of it"):
        check_augmentation("mine", batches=[of_classes])
    check_augmentation("mine", batches=[of_classes, Batch.of(rows, boxes, "own", 2)])
