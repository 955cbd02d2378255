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
"""Words of the language that no op may be called."""


class Vocabulary(Registry[OpFunction]):
    """The registered ops; `nn.NAME` is in it too. Iteration gives the registered ones, `torch_modules` the others."""

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
        """What is true of the op beyond what it computes; of a layer that the builder puts in, nothing."""
        if torch_modules.is_torch_name(name):
            return torch_modules.traits(name)
        return self._traits.get(name, NOTHING)

    def gives_zeros(self, name: str) -> bool:
        return self.traits(name).gives_zeros

    def is_identity(self, name: str, args: Mapping[str, Any]) -> bool:
        """Whether the op does nothing with these arguments; those that are not given have their defaults."""
        traits = self.traits(name)
        if traits.identity_when is None:
            return False
        defaults = {param.name: param.default for param in self.params(name) if not param.required}
        return traits.is_identity({**defaults, **args})

    def say(self, name: str, traits: Traits) -> None:
        """That `traits` are true of the op `name`, which is registered next."""
        self._traits[name] = traits

    def _require_usable(self, name: str, origin: Origin) -> None:
        super()._require_usable(name, origin)
        self.require_traits(name)

    def require_traits(self, name: str) -> None:
        """Raises SpecError where what an op says of itself names arguments that it does not have."""
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
    """Decorator: makes `function(shape, **arguments) -> nn.Module` an op. What is true of it beyond what it computes
    is said by `Traits`. Raises SpecError where the name is taken.
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
    """The gain of an activation, said by its op or known of its module; None where it is none."""
    gain = traits.gain if traits.gain is not None else of_module(module).gain
    return gain(module) if callable(gain) else gain


def apply(module: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    """What `module` gives for `x`; one that asks for the mask of sequences gets it, bool (N, L)."""
    y: Tensor = module(x, mask) if getattr(module, "masked", False) else module(x)
    return y


def incoming(shape: Shape) -> Axes:
    """What comes to an op that is told of `shape`: floats, and of (C, L) sequences of any length."""
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
