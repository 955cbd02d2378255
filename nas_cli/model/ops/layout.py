"""Memory layout of images, channels first or last: the results are equal, the speed may differ twofold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas_cli.axes import Axes


def has_layouts(axes: Axes) -> bool:
    """Whether values of these axes can be stored with channels last: images (C, H, W) can."""
    return len(axes.shape) == 3


def flattens(before: Axes, after: Axes) -> bool:
    """Whether a layer turns images into values without a choice of layout, such as vectors."""
    return has_layouts(before) and not has_layouts(after)


def keep_layout(images: Tensor) -> None:
    """Converts the gradient of `images` (N, C, H, W) to the layout of `images`.

    A layer that flattens images returns a gradient with channels first. For images with channels last, converting it
    takes a quarter to a tenth of the time that the layer before, a pooling or a ReLU, would lose on it.
    """
    if images.requires_grad and not images.is_contiguous():
        images.register_hook(lambda grad: grad.contiguous(memory_format=torch.channels_last))  # type: ignore[no-untyped-call]


def lay_out(network: nn.Module, layout: torch.memory_format) -> None:
    """Stores the filters (O, I, H, W) of `network` in `layout`; other parameters have one layout only."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)


def arrange(x: Tensor, layout: torch.memory_format) -> Tensor:
    """Images (N, C, H, W) in `layout`; everything else has one layout only.

    Images of one channel have both layouts at once, and torch takes them as channels first; then every layer would
    convert its input. So they get strides that only channels last can have.
    """
    if x.dim() != 4:
        return x.contiguous()
    x = x.contiguous(memory_format=layout)
    if layout == torch.channels_last and x.shape[1] == 1:
        height, width = x.shape[2:]
        return x.as_strided(x.shape, (height * width, 1, width, 1))
    return x
