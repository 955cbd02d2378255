"""Augmentations of images that leave every pixel on the grid: none of them interpolates."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between, Fraction, PositiveInt
from nas_cli.train.augment.base import Augmentation, augmentation
from nas_cli.train.batch import Batch
from nas_cli.train.feed import send


@augmentation("crop", targets={"class"})
def crop(padding: PositiveInt = 2) -> Augmentation:
    """Random crop: pads every side, then cuts a window of the old size."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        x = batch.inputs
        count, _, height, width = x.shape
        tops, lefts = send(torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator)[..., 0], x.device)
        padded = functional.pad(x, (padding, padding, padding, padding))
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, tops, lefts, H, W), a view
        return batch.with_(inputs=windows[torch.arange(count, device=x.device), :, tops, lefts])

    return apply


@augmentation("flip", targets={"class"})
def flip(axis: Literal["horizontal", "vertical"] = "horizontal", rate: Fraction = 0.5) -> Augmentation:
    """Mirrors an image with probability rate."""
    dimension = 3 if axis == "horizontal" else 2

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        x = batch.inputs
        chosen = send(torch.rand(len(batch), generator=generator) < rate, x.device)
        return batch.with_(inputs=torch.where(chosen[:, None, None, None], x.flip(dimension), x))

    return apply


@augmentation("cutout", targets={"class"})
def cutout(size: PositiveInt = 4) -> Augmentation:
    """Cutout (DeVries & Taylor 2017): blanks a square around a random pixel; it may reach over the edge."""

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


@augmentation("mixup", targets={"class"})
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
