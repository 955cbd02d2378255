"""Augmentations that move pixels. An image and its mask move alike, so that each pixel keeps its class.

Pixels that come in from outside of an image are 0, the mean of normalised images; in a mask they are ignored. Images
are interpolated bilinearly, masks take the nearest pixel's class. The class of an image stays correct; a numeric target
may not (the steering angle of a mirrored road, a count of things half of which are moved out of the image).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between, Fraction, PositiveInt
from nas_cli.data.kind import target_kind
from nas_cli.train.augment.base import Augmentation, augmentation, evenly
from nas_cli.train.batch import Batch
from nas_cli.train.feed import send

Factor = Annotated[float, Between(0.1, 10)]


@augmentation("crop", moves=True)
def crop(padding: PositiveInt = 2) -> Augmentation:
    """Random crop: pads every side, then cuts a window of the old size."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        drawn = torch.randint(0, 2 * padding + 1, (2, len(batch), 1), generator=generator)[..., 0]
        tops, lefts = send(drawn, batch.inputs.device)
        return _windows(batch, (padding, padding), tops, lefts)

    return apply


@augmentation("shift", moves=True)
def shift(share: Annotated[float, Between(0, 0.5)] = 0.1) -> Augmentation:
    """Shifts by whole pixels, in each direction by at most this share of the side."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        device, sides = batch.inputs.device, batch.inputs.shape[2:]
        height, width = (round(share * side) for side in sides)
        tops = send(torch.randint(0, 2 * height + 1, (len(batch),), generator=generator), device)
        lefts = send(torch.randint(0, 2 * width + 1, (len(batch),), generator=generator), device)
        return _windows(batch, (height, width), tops, lefts)

    return apply


@augmentation("flip", moves=True)
def flip(axis: Literal["horizontal", "vertical"] = "horizontal", rate: Fraction = 0.5) -> Augmentation:
    """Mirrors an image with probability rate."""
    dimension = 3 if axis == "horizontal" else 2

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        chosen = send(torch.rand(len(batch), generator=generator) < rate, batch.inputs.device)[:, None, None, None]
        return _move(batch, lambda pixels, outside, mode: torch.where(chosen, pixels.flip(dimension), pixels))

    return apply


@augmentation("rotate", moves=True)
def rotate(degrees: Annotated[float, Between(0, 180)] = 10.0) -> Augmentation:
    """Rotates about the middle, by at most so many degrees to either side."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        return warp(batch, rotation(evenly(len(batch), -degrees, degrees, generator)))

    return apply


@augmentation("scale", moves=True)
def scale(low: Factor = 0.8, high: Factor = 1.25) -> Augmentation:
    """Zooms about the middle by a factor between low and high: above 1 things are larger, below 1 smaller."""

    def apply(batch: Batch, generator: torch.Generator) -> Batch:
        factors = evenly(len(batch), math.log(low), math.log(high), generator).exp()
        return warp(batch, torch.eye(2) / factors[:, None, None])

    return apply


def rotation(degrees: Tensor) -> Tensor:
    """Matrices (n, 2, 2) for `warp` that rotate images counter-clockwise."""
    angles = torch.deg2rad(degrees)
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)


def warp(batch: Batch, matrices: Tensor) -> Batch:
    """Images and masks whose pixel at (x, y) comes from `matrix @ (x, y)`, both counted in pixels from the middle.

    `matrices` (n, 2, 2), on the CPU, has one matrix per image. The products are written out, since a GPU may multiply
    matrices in TF32, too coarse for pixel positions in large images.
    """
    device, (height, width) = batch.inputs.device, batch.inputs.shape[2:]
    grid = torch.empty((len(batch), height, width, 2), device=device)
    x = torch.arange(width, device=device) - (width - 1) / 2
    y = torch.arange(height, device=device)[:, None] - (height - 1) / 2
    for axis, side in enumerate((width, height)):
        of_x, of_y = send(matrices[:, axis] * (2 / side), device)[..., None, None].unbind(1)
        torch.add(of_x * x, of_y * y, out=grid[..., axis])

    def sample(pixels: Tensor, outside: int, mode: str) -> Tensor:
        if not outside:
            return functional.grid_sample(pixels, grid, mode, "zeros", align_corners=False)
        apart = pixels.to(grid.dtype) - outside  # grid_sample fills with zero
        return (functional.grid_sample(apart, grid, mode, "zeros", align_corners=False) + outside).to(pixels.dtype)

    return _move(batch, sample)


def _windows(batch: Batch, padding: tuple[int, int], tops: Tensor, lefts: Tensor) -> Batch:
    """Pads each side by (height, width), then cuts a window of the old size at each image's (top, left)."""
    height, width = batch.inputs.shape[2:]
    rows, columns = padding
    which = torch.arange(len(batch), device=batch.inputs.device)

    def cut(pixels: Tensor, outside: int, mode: str) -> Tensor:
        padded = functional.pad(pixels, (columns, columns, rows, rows), value=outside)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, tops, lefts, H, W), a view
        return windows[which, :, tops, lefts]

    return _move(batch, cut)


def _move(batch: Batch, move: Callable[[Tensor, int, str], Tensor]) -> Batch:
    """Applies `move` to the images and, in step with them, to targets that lie on pixels.

    `move` takes pixels (n, C, H, W), the value of pixels from outside and the mode of interpolation.
    """
    images = move(batch.inputs, 0, "bilinear")
    outside = target_kind(batch.target).outside
    if outside is None:
        return batch.with_(images)
    return batch.with_(images, move(batch.targets[:, None], outside, "nearest")[:, 0])
