"""Ops of plugins, held to their contract: what breaks it is told in the plugin's words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn

from nas_cli.plugins import Origin
from nas_cli.registry import show


def hold_op(function: Callable[..., nn.Module], origin: Origin) -> Callable[..., nn.Module]:
    """What it raises says that it cannot take a shape, and is told as such."""

    @functools.wraps(function)
    def made(shape: tuple[int, ...], **arguments: Any) -> nn.Module:
        module = function(shape, **arguments)
        if not isinstance(module, nn.Module):
            raise origin.wrong(f"gave {show(module)}, and a torch.nn.Module is wanted")
        return module

    return made
