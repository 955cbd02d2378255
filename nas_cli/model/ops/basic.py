"""Linear layers, normalisation, activations, dropout, and nothing at all. For images and vectors alike."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from nas_cli.arguments import Channels, Fraction, NonNegative, PositiveInt
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.modules import Affine, AffineChannels, ChannelNorm, DropPath, Zero
from nas_cli.model.ops.sequence_modules import PlaceNorm
from nas_cli.model.ops.vocabulary import op


@op("linear", idle_bias=True)
def linear(shape: Shape, units: Channels, bias: bool | None = None) -> nn.Module:
    """Fully connected; flattens images, and runs at each position of a sequence; bias as in `conv`."""
    assert isinstance(units, int), f"{units!r} should be a number by now"
    if len(shape) == 3:
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), units, bias is not False))
    if len(shape) == 2:
        return nn.Conv1d(shape[0], units, 1, bias=bias is not False)
    return nn.Linear(shape[-1], units, bias is not False)


@op("batch_norm", subtracts_mean=True)
def batch_norm(shape: Shape) -> nn.Module:
    """Normalises each channel over the batch."""
    if len(shape) == 3:
        return nn.BatchNorm2d(shape[0])
    if len(shape) == 2:
        raise Infeasible("it would count the padding of shorter sequences: take layer_norm")
    return nn.BatchNorm1d(shape[0])


@op("layer_norm")
def layer_norm(shape: Shape) -> nn.Module:
    """Normalises the channels of each pixel of an image or position of a sequence, or a vector."""
    if len(shape) == 2:
        return PlaceNorm(shape[0])
    return ChannelNorm(shape[0]) if len(shape) == 3 else nn.LayerNorm(shape[-1])


@op("group_norm")
def group_norm(shape: Shape, groups: PositiveInt = 4) -> nn.Module:
    """Normalises each group of channels of a sample."""
    if shape[0] % groups:
        raise Infeasible(f"groups {groups} does not divide its {shape[0]} channels")
    return nn.GroupNorm(groups, shape[0])


@op("dropout", identity_when={"rate": 0})
def dropout(shape: Shape, rate: Fraction = 0.5) -> nn.Module:
    """In training, each value becomes zero with probability `rate`."""
    return nn.Dropout(rate) if rate else nn.Identity()


@op("drop_path", identity_when={"rate": 0})
def drop_path(shape: Shape, rate: Fraction = 0.1) -> nn.Module:
    """In training, a whole sample becomes zero with probability `rate`: stochastic depth at the end of a residual."""
    return DropPath(float(rate)) if rate else nn.Identity()


@op("identity", identity_when={})
def identity(shape: Shape) -> nn.Module:
    """Returns its input."""
    return nn.Identity()


@op("zero", gives_zeros=True)
def zero(shape: Shape) -> nn.Module:
    """No connection: zeros, and so is every layer after it."""
    return Zero()


@op("affine")
def affine(shape: Shape, scale: float | list[float] = 1.0, shift: float | list[float] = 0.0) -> nn.Module:
    """Fixed change of units: `scale` times the input, plus `shift`; a list has a number for each channel."""
    if isinstance(scale, float) and isinstance(shift, float):
        return Affine(scale, shift)
    scales, shifts = _of_each_channel(scale, shape[0]), _of_each_channel(shift, shape[0])
    return AffineChannels(scales, shifts)


def _of_each_channel(values: float | list[float], channels: int) -> list[float]:
    """A value for each channel. Raises Infeasible where a list has another number of values than there are channels."""
    if isinstance(values, float):
        return [values] * channels
    if len(values) != channels:
        raise Infeasible(f"{len(values)} numbers are given for its {channels} channels")
    return list(values)


@op("leaky_relu")
def leaky_relu(shape: Shape, slope: NonNegative = 0.01) -> nn.Module:
    """Leaky ReLU: `slope` times x below zero."""
    return nn.LeakyReLU(slope)


@op("elu")
def elu(shape: Shape, alpha: NonNegative = 1.0) -> nn.Module:
    """ELU: alpha (exp(x) - 1) below zero."""
    return nn.ELU(alpha)


def _activation(module: Callable[[], nn.Module], text: str) -> Callable[[Shape], nn.Module]:
    def build(shape: Shape) -> nn.Module:
        return module()

    build.__doc__ = text
    return build


ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "relu": (nn.ReLU, "ReLU: max(0, x)."),
    "relu6": (nn.ReLU6, "ReLU capped at 6."),
    "gelu": (nn.GELU, "GELU: x Φ(x)."),
    "silu": (nn.SiLU, "SiLU, or Swish: x sigmoid(x)."),
    "hardswish": (nn.Hardswish, "Hard Swish: x relu6(x + 3) / 6."),
    "hardsigmoid": (nn.Hardsigmoid, "Hard sigmoid: relu6(x + 3) / 6."),
    "mish": (nn.Mish, "Mish: x tanh(softplus(x))."),
    "selu": (nn.SELU, "SELU: a scaled ELU that keeps mean and variance."),
    "softplus": (nn.Softplus, "Softplus: log(1 + exp(x))."),
    "tanh": (nn.Tanh, "Hyperbolic tangent."),
    "sigmoid": (nn.Sigmoid, "Sigmoid: 1 / (1 + exp(-x))."),
}
for _name, (_module, _text) in ACTIVATIONS.items():
    op(_name)(_activation(_module, _text))
