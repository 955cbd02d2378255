"""The contract of augmentations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.data.kind import target_kind
from nas_cli.data.kinds.masks import IGNORED
from nas_cli.train.augment import AUGMENTS, Augmentation
from nas_cli.train.batch import Batch

EXAMPLES, CLASSES, SIDES, BLOCK = 6, 3, (40, 32), 4
SHOWN = 1.0
"""Least difference between the channels of a pixel that shows a class; `picture_of` makes it 4."""
ALIKE = 0.95
"""Least share of pixels where mask and picture agree: at edges the nearest pixel may be of another class."""


def check_augmentation(
    name: str, arguments: Mapping[str, Any] | None = None, batches: Sequence[Batch] | None = None
) -> None:
    """Checks that the augmented inputs have the shape of the batch and are finite, that they depend on the generator
    alone, that the batch is not changed, and that a mask moves with its picture.

    Runs on images for every kind of target of nas that the augmentation fits, and on `batches`, which are needed for
    other inputs and for kinds of target of a plugin.
    """
    augment = AUGMENTS[name](**AUGMENTS.parse({name: dict(arguments or {})})[1])
    fit = AUGMENTS.fit(name)
    given = list(batches or ())
    if "images" in fit.inputs:
        given += [make(masks()) for kind, make in MADE.items() if kind in fit.targets]
    untried = sorted(fit.targets - {batch.target for batch in given})
    assert not untried, f"augmentation '{name}' is for the kind of target '{untried[0]}': give a batch of it"
    assert given, f"augmentation '{name}' is for no kind of target, so nothing can be learned with it"
    for batch in given:
        _check(name, augment, batch)
        _check(name, augment, batch.with_(batch.inputs[:1], batch.targets[:1]))


def _check(name: str, augment: Augmentation, batch: Batch) -> None:
    inputs, targets = batch.inputs.clone(), batch.targets.clone()
    first = augment(batch, torch.Generator().manual_seed(1))
    unchanged = torch.equal(batch.inputs, inputs) and torch.equal(batch.targets, targets)
    assert unchanged, f"augmentation '{name}' changes the batch that it is given: make tensors of its own"
    assert first.inputs.shape == inputs.shape, f"augmentation '{name}' gives images of another size"
    assert bool(torch.isfinite(first.inputs).all()), f"augmentation '{name}' gives inputs that are not finite"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        second = augment(batch, torch.Generator().manual_seed(1))
    repeated = torch.equal(first.inputs, second.inputs) and torch.equal(first.targets, second.targets)
    assert repeated, f"augmentation '{name}' draws from more than the generator that it is given"
    if target_kind(batch.target).outside is not None:
        seen = seen_alike(first.inputs, first.targets)
        assert seen >= ALIKE, f"augmentation '{name}' moves images and not their masks: {seen:.0%} of the pixels agree"


def masks() -> Tensor:
    """Masks, uint8 (n, H, W), of square blocks of one class each."""
    rows, columns = SIDES
    shape = (EXAMPLES, rows // BLOCK, columns // BLOCK)
    blocks = torch.randint(0, CLASSES, shape, generator=torch.Generator().manual_seed(0))
    return blocks.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2).to(torch.uint8)


def picture_of(masks: Tensor) -> Tensor:
    """Pictures of masks, float32 (n, classes, H, W): 4 in the channel of a pixel's class, else 0."""
    return 4.0 * functional.one_hot(masks.long(), CLASSES).permute(0, 3, 1, 2)


def seen_alike(images: Tensor, masks: Tensor) -> float:
    """The share of pixels where masks and pictures agree, for the best assignment of a channel to each class. Ignored
    pixels, and those that show no class, do not count."""
    counted = (masks != IGNORED) & (images.amax(1) - images.amin(1) > SHOWN)
    alike = total = 0
    for mask, channel, there in zip(masks, images.argmax(1), counted, strict=True):
        pairs = np.zeros((CLASSES, CLASSES), np.int64)
        np.add.at(pairs, (mask[there].long().numpy(), channel[there].numpy()), 1)
        alike += int(pairs.max(axis=1).sum())
        total += int(pairs.sum())
    return alike / total if total else 1.0


MADE: Mapping[str, Callable[[Tensor], Batch]] = {
    "class": lambda masks: Batch.of(picture_of(masks), torch.arange(len(masks)) % CLASSES, "class", CLASSES),
    "number": lambda masks: Batch.of(picture_of(masks), torch.linspace(-1, 1, len(masks)), "number", 1),
    "mask": lambda masks: Batch.of(picture_of(masks), masks, "mask", CLASSES),
}
