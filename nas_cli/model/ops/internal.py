"""Ops that the builder inserts by itself; specs cannot name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.modules import Zeros
from nas_cli.model.ops.vocabulary import show_shape


def projection(shape: Shape, to: Shape) -> nn.Module:
    """Brings a shortcut to the shape `to`: a strided 1x1 convolution with batch norm, or a linear layer for vectors.

    He et al. 2016, option B. Raises Infeasible where no whole stride leads to the size of `to`.
    """
    if len(shape) == len(to) == 1:
        return nn.Linear(shape[0], to[0])
    if len(shape) == len(to) == 2 and shape[1] == to[1]:
        return nn.Conv1d(shape[0], to[0], 1)
    stride = _stride(shape, to)
    return nn.Sequential(nn.Conv2d(shape[0], to[0], 1, stride, bias=False), nn.BatchNorm2d(to[0]))


def cell_input(shape: Shape, to: Shape) -> nn.Module:
    """Brings an input of a cell to the shape `to`: ReLU, 1x1 convolution, batch norm (DARTS, Liu et al. 2019)."""
    if len(shape) == len(to) == 1:
        return nn.Sequential(nn.ReLU(), nn.Linear(shape[0], to[0], bias=False), nn.BatchNorm1d(to[0]))
    stride = _stride(shape, to)
    return nn.Sequential(nn.ReLU(), nn.Conv2d(shape[0], to[0], 1, stride, bias=False), nn.BatchNorm2d(to[0]))


def zeros(shape: Shape, channels: int) -> nn.Module:
    """`channels` channels of zeros, of the sizes of the input."""
    return Zeros(channels)


def _stride(shape: Shape, to: Shape) -> tuple[int, int]:
    if len(shape) != 3 or len(to) != 3:
        raise Infeasible(f"it cannot be projected to {show_shape(to)}")
    strides = [-(-have // want) for have, want in zip(shape[1:], to[1:], strict=True)]
    if any(-(-h // s) != want for h, s, want in zip(shape[1:], strides, to[1:], strict=True)):
        raise Infeasible(f"no stride brings it to {show_shape(to)}")
    return strides[0], strides[1]


INTERNAL: Mapping[str, Callable[..., nn.Module]] = {"projection": projection, "cell_input": cell_input, "zeros": zeros}
