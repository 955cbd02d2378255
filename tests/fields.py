"""Fields as the network of a test takes them, by the shape of one example."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nas_cli.axes import Axes, Column, Shape
from nas_cli.data import Encoder, Fields, Part
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.model.network import Network
from nas_cli.model.ops.vocabulary import incoming as axes_of
from nas_cli.train.feed import Tensors

__all__ = ["axes_of", "images", "inputs_of", "ones", "part", "pictures", "run_body", "single"]

DTYPES = {1: "float32", 2: "int32", 3: "uint8"}
"""Of rows, of words, of pixels."""


def inputs_of(shape: Shape, field: str = "input") -> dict[str, Axes]:
    """What comes into a network: one field."""
    return {field: Axes(DTYPES[len(shape)], tuple(shape), ragged=len(shape) == 2)}


def run_body(network: Network, x: Tensor) -> Any:
    """What the layers of a network of one field make of `x`, which is normalised."""
    (field,) = network.inputs
    return network.body({field: x}).values


def ones(shape: Shape, count: int) -> Tensor:
    """Samples for a network of `inputs_of(shape)`."""
    return torch.ones((count, *shape), dtype=getattr(torch, DTYPES[len(shape)]))


def images(side: int) -> Fields:
    """Of a network that takes grey images."""
    return single(ImageEncoder(Axes("uint8", (1, side, side))))


def single(encoder: Encoder) -> Fields:
    """Of a network of one field."""
    return Fields({"input": encoder})


def pictures(inputs: Tensor, targets: Tensor, rows: Tensor | None = None) -> Tensors:
    """A part of images (N, C, H, W)."""
    axes = Axes("uint8", tuple(inputs.shape[1:]))
    return Tensors({"image": Column(inputs, rows)}, targets, {"image": axes})


def part(inputs: Any, targets: Any, rows: Any = None) -> Part:
    """Examples of one field, as a source's."""
    return Part({"input": Column(inputs, rows)}, targets)
