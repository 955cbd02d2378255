"""Runs depthwise convolutions in float32 on a CPU, where bf16 is slower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn


@contextmanager
def depthwise_in_float32(network: nn.Module) -> Iterator[None]:
    """Inside the context, the depthwise convolutions of `network` compute in float32 in spite of autocast: on a CPU
    their backward pass takes up to eighteen times as long in bf16.
    """
    exempt = [module for module in network.modules() if _is_depthwise(module)]
    for module in exempt:
        module.forward = partial(_in_float32, module)
    try:
        yield
    finally:
        for module in exempt:
            del module.forward


def _is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1


def _in_float32(module: nn.Module, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        computed: Tensor = type(module).forward(module, x.float())
    return computed.to(x.dtype)
