"""Fields as the network of a test takes them, by the shape of one example."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nas_cli.axes import Axes, Shape
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.model.network import Network
from nas_cli.model.ops.vocabulary import incoming as axes_of

__all__ = ["axes_of", "images", "inputs_of", "ones", "run_body"]

DTYPES = {1: "float32", 2: "int32", 3: "uint8"}
"""Of rows, of words, of pixels."""


def inputs_of(shape: Shape) -> dict[str, Axes]:
    """What comes into a network: one field."""
    return {"input": Axes(DTYPES[len(shape)], tuple(shape), ragged=len(shape) == 2)}


def run_body(network: Network, x: Tensor) -> Any:
    """What the layers of a network of one field make of `x`, which is normalised."""
    (field,) = network.inputs
    return network.body({field: x}).values


def ones(shape: Shape, count: int) -> Tensor:
    """Samples for a network of `inputs_of(shape)`."""
    return torch.ones((count, *shape), dtype=getattr(torch, DTYPES[len(shape)]))


def images(side: int) -> ImageEncoder:
    """Of a network that takes grey images."""
    return ImageEncoder(Axes("uint8", (1, side, side)))
