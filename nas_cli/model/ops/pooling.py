"""Layers that change the size: pooling, upsampling, flattening."""

from __future__ import annotations

from typing import Literal

from torch import nn

from nas_cli.arguments import NonNegativeInt, Size
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.modules import AveragePool, GlobalPool
from nas_cli.model.ops.sequence_modules import PoolPlaces
from nas_cli.model.ops.vocabulary import need_fit, need_image, op, pair

Padding = NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]


@op("pool")
def pool(
    shape: Shape,
    kind: Literal["max", "avg"] = "max",
    size: Size = 2,
    stride: Size | None = None,
    padding: Padding = 0,
) -> nn.Module:
    """Max or average pooling; `stride` is `size` where it is not given. Padding does not count in averages."""
    window, pads = pair(size), pair(padding)
    step = window if stride is None else pair(stride)
    if any(2 * p > side for p, side in zip(pads, window, strict=True)):
        raise Infeasible("its padding may be half of its size at most")
    need_fit(shape, window, pads)
    if kind == "max":
        return nn.MaxPool2d(window, step, pads)
    return AveragePool(window, step, pads) if any(pads) else nn.AvgPool2d(window, step)


@op("max_pool")
def max_pool(shape: Shape, size: Size = 2, stride: Size | None = None, padding: Padding = 0) -> nn.Module:
    """The maximum of each window; `stride` is `size` where it is not given."""
    return pool(shape, "max", size, stride, padding)


@op("avg_pool")
def avg_pool(shape: Shape, size: Size = 2, stride: Size | None = None, padding: Padding = 0) -> nn.Module:
    """The average of each window, padding not counted; `stride` is `size` where it is not given."""
    return pool(shape, "avg", size, stride, padding)


@op("global_pool")
def global_pool(shape: Shape, kind: Literal["avg", "max"] = "avg") -> nn.Module:
    """The average or maximum of each channel: an image or a sequence becomes a vector, and a vector stays."""
    if len(shape) == 1:
        return nn.Identity()
    if len(shape) == 2:
        return PoolPlaces(kind)
    need_image(shape)
    return GlobalPool(kind)


@op("flatten")
def flatten(shape: Shape) -> nn.Module:
    """All values as one vector; a vector stays."""
    return nn.Identity() if len(shape) == 1 else nn.Flatten()


@op("upsample", identity_when={"scale": 1})
def upsample(shape: Shape, scale: Size = 2, mode: Literal["nearest", "bilinear", "bicubic"] = "nearest") -> nn.Module:
    """Height and width times `scale`, without weights: (C, H, W) to (C, H·scale, W·scale).

    `resize` goes to the size of a tap, whatever that is.
    """
    need_image(shape)
    factors = pair(scale)
    if factors == (1, 1):
        return nn.Identity()
    return nn.Upsample(scale_factor=factors[0] if factors[0] == factors[1] else factors, mode=mode)
