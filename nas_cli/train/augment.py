"""Augmentation of whole batches as tensors: each example drawn on its own, from one generator.

Inputs are normalised images (N, C, H, W), so that what is filled with zero is filled with the mean. What is drawn is
small and drawn on the CPU, so that every device sees the same numbers, and no device lacks a distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between, Fraction, PositiveInt
from nas_cli.registry import Registry
from nas_cli.train.feed import send
from nas_cli.train.guards import hold_augmentation

Augmentation = Callable[[Tensor, Tensor, int, torch.Generator], tuple[Tensor, Tensor]]
"""Takes inputs, targets, the number of classes and a generator on the CPU; gives inputs and targets."""

AUGMENTS: Registry[Callable[..., Augmentation]] = Registry("augmentation", guard=hold_augmentation)


def augmentation(name: str) -> Callable[[Callable[..., Augmentation]], Callable[..., Augmentation]]:
    """Decorator: makes a function of the spec's arguments to an Augmentation the augmentation of that name."""
    return AUGMENTS.register(name)


@AUGMENTS.register("crop")
def crop(padding: PositiveInt = 2) -> Augmentation:
    """Random crop: pads every side, then cuts a window of the old size."""

    def apply(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count, _, height, width = x.shape
        tops, lefts = send(torch.randint(0, 2 * padding + 1, (2, count, 1), generator=generator)[..., 0], x.device)
        padded = functional.pad(x, (padding, padding, padding, padding))
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, tops, lefts, H, W), a view
        return windows[torch.arange(count, device=x.device), :, tops, lefts], y

    return apply


@AUGMENTS.register("flip")
def flip(axis: Literal["horizontal", "vertical"] = "horizontal", rate: Fraction = 0.5) -> Augmentation:
    """Mirrors an image with probability rate."""
    dimension = 3 if axis == "horizontal" else 2

    def apply(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = send(torch.rand(len(x), generator=generator) < rate, x.device)
        return torch.where(chosen[:, None, None, None], x.flip(dimension), x), y

    return apply


@AUGMENTS.register("cutout")
def cutout(size: PositiveInt = 4) -> Augmentation:
    """Cutout (DeVries & Taylor 2017): blanks a square around a random pixel; it may reach over the edge."""

    def apply(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count, _, height, width = x.shape

        def inside(side: int) -> Tensor:
            start = send(torch.randint(0, side, (count, 1), generator=generator), x.device) - size // 2
            places = torch.arange(side, device=x.device)
            return (places >= start) & (places < start + size)

        blank = inside(height)[:, None, :, None] & inside(width)[:, None, None, :]
        return x.masked_fill(blank, 0.0), y

    return apply


@AUGMENTS.register("mixup")
def mixup(alpha: Annotated[float, Between(0.01, 10)] = 0.2) -> Augmentation:
    """Mixup (Zhang et al. 2018): blends pairs of images and their labels, the share drawn from Beta(alpha, alpha)."""

    def apply(x: Tensor, y: Tensor, classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        shape = torch.full((2, len(x)), alpha, dtype=torch.float64)
        gammas = torch._standard_gamma(shape, generator=generator).clamp_min(1e-30)
        share = send((gammas[0] / gammas.sum(0)).to(x.dtype), x.device)
        partner = send(torch.randperm(len(x), generator=generator), x.device)
        if y.dim() == 1:
            y = functional.one_hot(y, classes).to(x.dtype)
        mixed = share[:, None, None, None] * x + (1 - share)[:, None, None, None] * x[partner]
        return mixed, share[:, None] * y + (1 - share)[:, None] * y[partner]

    return apply
