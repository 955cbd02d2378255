"""The ops that a model may name: functions from an input shape to a module, and the modules of `torch.nn`.

    @op("scale")
    def scale(shape: Shape, by: float = 1.0) -> nn.Module:
        "Multiplies by a number."

A shape has no batch axis: (C, H, W) is an image, (C, L) a sequence of any length, (C,) a vector. An op declares no
output shape: nas runs the module on the meta device to find it, so the constructor must not read values of tensors.
An op raises `Infeasible` with a reason where it cannot take the shape. Its module should neither use nor set anything
global, and its constructor should take numbers, texts, lists of these, and modules: `nas export --format source` writes
the constructor call and the class, with the definitions of its file that the class needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from nas_cli.axes import Axes, Shape
from nas_cli.errors import Infeasible, SpecError, did_you_mean
from nas_cli.model.ops import torch_modules
from nas_cli.model.ops.guards import hold_op
from nas_cli.model.ops.traits import NOTHING, Gain, Traits, of_module
from nas_cli.plugins import Origin
from nas_cli.registry import Param, Registry

OpFunction = Callable[..., nn.Module]

STRUCTURES = ("choice", "int", "float", "repeat", "optional", "residual", "branches", "cell", "tap", "join", "resize")
"""Reserved words of the language of spaces: no op may have such a name."""


class Vocabulary(Registry[OpFunction]):
    """The registered ops and `nn.NAME`. Iteration gives the registered ops, `torch_modules` the names of torch."""

    def __init__(self) -> None:
        super().__init__("op", supplied=1, guard=hold_op)
        self._traits: dict[str, Traits] = {}

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

    def traits(self, name: str) -> Traits:
        """The traits of op `name`; layers that the builder inserts have the default traits."""
        if torch_modules.is_torch_name(name):
            return torch_modules.traits(name)
        return self._traits.get(name, NOTHING)

    def gives_zeros(self, name: str) -> bool:
        return self.traits(name).gives_zeros

    def is_identity(self, name: str, args: Mapping[str, Any]) -> bool:
        """Whether the op is an identity with `args`; arguments that are not given have their defaults."""
        traits = self.traits(name)
        if traits.identity_when is None:
            return False
        defaults = {param.name: param.default for param in self.params(name) if not param.required}
        return traits.is_identity({**defaults, **args})

    def say(self, name: str, traits: Traits) -> None:
        """Sets the traits of the op `name`."""
        self._traits[name] = traits

    def _require_usable(self, name: str, origin: Origin) -> None:
        super()._require_usable(name, origin)
        self.require_traits(name)

    def require_traits(self, name: str) -> None:
        """Raises SpecError where the traits of an op name arguments that it does not have."""
        traits, known = self.traits(name), [param.name for param in self.params(name)]
        for argument in traits.identity_when or ():
            if argument not in known:
                raise SpecError(f"op '{name}' says identity_when of {argument}{did_you_mean(argument, known)}")
        if traits.idle_bias and "bias" not in known:
            raise SpecError(f"op '{name}' says idle_bias, and takes no argument 'bias'")

    @property
    def torch_modules(self) -> tuple[str, ...]:
        """Every `nn.NAME` that can be a layer."""
        return torch_modules.layer_names()


OPS = Vocabulary()


def op(
    name: str,
    *,
    identity_when: Mapping[str, object] | None = None,
    gives_zeros: bool = False,
    keeps_zeros: bool = False,
    idle_bias: bool = False,
    subtracts_mean: bool = False,
    gain: Gain | None = None,
    passes_gain: bool = False,
    keeps: int = 1,
    one_length: bool = False,
) -> Callable[[OpFunction], OpFunction]:
    """Decorator: registers `function(shape, **arguments) -> nn.Module` as an op; the other arguments are its `Traits`.
    Raises SpecError where the name is taken.
    """
    add = OPS.register(name)
    if name in STRUCTURES or not name.isidentifier():
        raise SpecError(f"an op cannot be called '{name}': that is a word of the language, or no plain name")
    traits = Traits(
        identity_when, gives_zeros, keeps_zeros, idle_bias, subtracts_mean, gain, passes_gain, keeps, one_length
    )

    def say_and_add(function: OpFunction) -> OpFunction:
        added = add(function)
        OPS.say(name, traits)
        return added

    return say_and_add


def gain_of(traits: Traits, module: nn.Module) -> float | None:
    """The gain of an activation, from its op's traits or else its module's; None for other layers."""
    gain = traits.gain if traits.gain is not None else of_module(module).gain
    return gain(module) if callable(gain) else gain


def apply(module: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """The output of `module` for `x`; a masked module also gets the padding mask, bool (N, L)."""
    y: Tensor = module(x, mask) if getattr(module, "masked", False) else module(x)
    return y


def incoming(shape: Shape) -> Axes:
    """The axes of an op's input of `shape`: float32; (C, L) is a sequence of any length."""
    return Axes("float32", tuple(shape), ragged=len(shape) == 2)


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
