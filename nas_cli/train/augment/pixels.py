"""Augmentations that change the values of pixels but not their positions, and mixup."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between, Fraction, PositiveInt
from nas_cli.train.augment.base import Augmentation, augmentation, evenly
from nas_cli.train.batch import Batch
from nas_cli.train.feed import send


@augmentation("brightness", targets={"class", "number", "mask"})
def brightness(amount: Annotated[float, Between(0, 10)] = 0.2) -> Augmentation:
    """Makes each image lighter or darker, by at most amount standard deviations of each channel over the data."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        drawn = send(evenly(len(batch), -amount, amount, generator), batch.inputs.device)
        return batch.with_(batch.inputs + drawn[:, None, None, None])

    return apply


@augmentation("contrast", targets={"class", "number", "mask"})
def contrast(amount: Fraction = 0.2) -> Augmentation:
    """Scales each image's difference from its mean, per channel, by a factor from 1 - amount to 1 + amount."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        x = batch.inputs
        factors = send(evenly(len(batch), 1 - amount, 1 + amount, generator), x.device)
        return batch.with_(torch.lerp(x.mean(dim=(2, 3), keepdim=True), x, factors[:, None, None, None]))

    return apply


@augmentation("cutout", targets={"class", "mask"})
def cutout(size: PositiveInt = 4) -> Augmentation:
    """Cutout (DeVries & Taylor 2017): blanks a square around a random pixel; it may reach over the edge.

    Masks stay as they are: the classes of blanked pixels are to be inferred from the pixels around them.
    """

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        x = batch.inputs
        count, _, height, width = x.shape

        def inside(side: int) -> Tensor:
            start = send(torch.randint(0, side, (count, 1), generator=generator), x.device) - size // 2
            places = torch.arange(side, device=x.device)
            return (places >= start) & (places < start + size)

        blank = inside(height)[:, None, :, None] & inside(width)[:, None, None, :]
        return batch.with_(inputs=x.masked_fill(blank, 0.0))

    return apply


@augmentation("mixup", targets={"class"}, blends=True)
def mixup(alpha: Annotated[float, Between(0.01, 10)] = 0.2) -> Augmentation:
    """Mixup (Zhang et al. 2018): blends pairs of images and their labels, the share drawn from Beta(alpha, alpha)."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        x, y = batch.inputs, batch.targets
        shape = torch.full((2, len(batch)), alpha, dtype=torch.float64)
        gammas = torch._standard_gamma(shape, generator=generator).clamp_min(1e-30)
        share = send((gammas[0] / gammas.sum(0)).to(x.dtype), x.device)
        partner = send(torch.randperm(len(batch), generator=generator), x.device)
        if not y.is_floating_point():  # indices; shares of classes come from another mixup
            y = functional.one_hot(y, batch.classes).to(x.dtype)
        mixed = share[:, None, None, None] * x + (1 - share)[:, None, None, None] * x[partner]
        return batch.with_(mixed, share[:, None] * y + (1 - share)[:, None] * y[partner])

    return apply
