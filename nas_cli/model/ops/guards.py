"""Checks that ops of plugins keep their contract; errors name the plugin."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn

from nas_cli.plugins import Origin
from nas_cli.registry import show


def hold_op(function: Callable[..., nn.Module], origin: Origin) -> Callable[..., nn.Module]:
    """Wraps `function` to check that it returns a module. Its own errors pass: they say that a shape is infeasible."""

    @functools.wraps(function)
    def made(shape: tuple[int, ...], **arguments: Any) -> nn.Module:
        module = function(shape, **arguments)
        if not isinstance(module, nn.Module):
            raise origin.wrong(f"gave {show(module)}, and a torch.nn.Module is wanted")
        return module

    return made
