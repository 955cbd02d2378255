"""The ops that a model may name: functions from the shape that comes in to a module, and `torch.nn` by name.

    @op("scale")
    def scale(shape: Shape, by: float = 1.0) -> nn.Module:
        "Multiplies by a number."

A shape has no batch axis: (C, H, W) is an image, (C, L) a sequence of any length, (C,) a vector. An op states no
output shape: that is found by running the module on the meta device, so its constructor must not read values of
tensors. It raises `Infeasible` with a reason where it cannot work on what comes in. Its module should use and set
nothing global, and be made of numbers, texts, lists of these, and modules: `nas export --format source` writes down the
call that made it, and its class with what the file has for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.ops import torch_modules
from nas_cli.model.ops.guards import hold_op
from nas_cli.registry import Param, Registry

Shape = tuple[int, ...]
"""What one sample is, without the batch axis."""
OpFunction = Callable[..., nn.Module]

STRUCTURES = ("choice", "int", "float", "repeat", "optional", "residual", "branches", "cell", "tap", "join")
"""Words of the language that no op may be called."""


class Vocabulary(Registry[OpFunction]):
    """The registered ops; `nn.NAME` is in it too. Iteration gives the registered ones, `torch_modules` the others."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and torch_modules.is_layer(name))

    def __getitem__(self, name: str) -> OpFunction:
        if torch_modules.is_torch_name(name):
            return torch_modules.op_function(name)
        return super().__getitem__(name)

    def params(self, name: str) -> tuple[Param, ...]:
        """Raises SpecError, with the nearest right name or the reason, where `name` is no op."""
        if torch_modules.is_torch_name(name):
            return torch_modules.params(name)
        return super().params(name)

    def describe(self, name: str) -> str:
        if torch_modules.is_torch_name(name):
            return torch_modules.describe(name)
        return super().describe(name)

    @property
    def torch_modules(self) -> tuple[str, ...]:
        """Every `nn.NAME` that can be a layer."""
        return torch_modules.layer_names()


OPS = Vocabulary("op", supplied=1, guard=hold_op)


def op(name: str) -> Callable[[OpFunction], OpFunction]:
    """Decorator: makes `function(shape, **arguments) -> nn.Module` an op. Raises SpecError where the name is taken."""
    add = OPS.register(name)
    if name in STRUCTURES or not name.isidentifier():
        raise SpecError(f"an op cannot be called '{name}': that is a word of the language, or no plain name")
    return add


def apply(module: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """What `module` gives for `x`; one that asks for the mask of sequences gets it, bool (N, L)."""
    y: Tensor = module(x, mask) if getattr(module, "masked", False) else module(x)
    return y


def show_shape(shape: Shape) -> str:
    return "x".join(str(side) for side in shape) if shape else "a scalar"


def need_image(shape: Shape) -> tuple[int, int, int]:
    """(C, H, W). Raises Infeasible where `shape` is no image."""
    if len(shape) != 3:
        raise Infeasible("it works on images, channels by height by width")
    return shape[0], shape[1], shape[2]


def pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def need_fit(shape: Shape, window: tuple[int, int], padding: tuple[int, int]) -> None:
    """Raises Infeasible where a window is larger than the padded image."""
    _, height, width = need_image(shape)
    if height + 2 * padding[0] < window[0] or width + 2 * padding[1] < window[1]:
        raise Infeasible(f"a window of {show_shape(window)} does not fit, so nothing would be left")
