"""Convolutions and what is made of them. All work on images, (C, H, W)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from torch import nn

from nas_cli.arguments import Between, Channels, Fraction, NonNegativeInt, Size
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.modules import MBConv, SqueezeExcite
from nas_cli.model.ops.vocabulary import need_fit, need_image, op, pair

Padding = Literal["same"] | NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]


@op("conv", idle_bias=True)
def conv(
    shape: Shape,
    channels: Channels,
    kernel: Size = 3,
    stride: Size = 1,
    groups: Channels = 1,
    dilation: Size = 1,
    padding: Padding = "same",
    bias: bool | None = None,
) -> nn.Module:
    """Convolution; its padding keeps the size at stride 1.

    `groups: same` is depthwise. `bias` is on unless a batch norm follows right after, or as given.
    """
    incoming, _, _ = need_image(shape)
    out, groups = _number(channels), _number(groups)
    if incoming % groups or out % groups:
        raise Infeasible(f"groups {groups} does not divide both {incoming} channels in and {out} out")
    return _conv2d(shape, out, pair(kernel), pair(stride), groups, pair(dilation), padding, bias is not False)


@op("separable_conv", idle_bias=True)
def separable_conv(
    shape: Shape,
    channels: Channels,
    kernel: Size = 3,
    stride: Size = 1,
    dilation: Size = 1,
    padding: Padding = "same",
    bias: bool | None = None,
) -> nn.Module:
    """Depthwise convolution and a pointwise one (Chollet 2017); bias as in `conv`."""
    incoming, _, _ = need_image(shape)
    return nn.Sequential(
        _conv2d(shape, incoming, pair(kernel), pair(stride), incoming, pair(dilation), padding, bias=False),
        nn.Conv2d(incoming, _number(channels), 1, bias=bias is not False),
    )


@op("mbconv")
def mbconv(
    shape: Shape,
    channels: Channels = "same",
    expand: Annotated[float, Between(1, 64)] = 4,
    kernel: Size = 3,
    stride: Size = 1,
    se: Fraction = 0.0,
    activation: Literal["relu", "relu6", "hardswish", "silu", "gelu"] = "hardswish",
) -> nn.Module:
    """Inverted residual with batch norm inside; `se` is the squeeze-and-excitation ratio, 0 for none."""
    incoming, _, _ = need_image(shape)
    sides = pair(kernel)
    if sides[0] % 2 == 0 or sides[1] % 2 == 0:
        raise Infeasible("its kernel must be odd")
    hidden = max(1, round(incoming * expand))
    squeeze = max(1, round(hidden * se)) if se else 0
    names = {"relu": "ReLU", "relu6": "ReLU6", "hardswish": "Hardswish", "silu": "SiLU", "gelu": "GELU"}
    return MBConv(incoming, _number(channels), hidden, sides, pair(stride), squeeze, names[activation])


@op("squeeze_excite")
def squeeze_excite(shape: Shape, ratio: Fraction = 0.25) -> nn.Module:
    """Squeeze-and-excitation (Hu et al. 2018): scales each channel by a gate that sees all of them."""
    incoming, _, _ = need_image(shape)
    return SqueezeExcite(incoming, max(1, round(incoming * ratio)))


def _number(channels: int | str) -> int:
    assert isinstance(channels, int), f"{channels!r} should be a number by now"
    return channels


def _conv2d(
    shape: Shape,
    out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    groups: int,
    dilation: tuple[int, int],
    padding: Any,
    bias: bool,
) -> nn.Module:
    down, across = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    if padding == "same" and stride == (1, 1) and (down % 2 or across % 2):
        # An even kernel needs one more pixel on one side, which Conv2d's own padding cannot say.
        sides = (across // 2, across - across // 2, down // 2, down - down // 2)
        return nn.Sequential(
            nn.ZeroPad2d(sides), nn.Conv2d(shape[0], out, kernel, 1, 0, dilation, groups=groups, bias=bias)
        )
    pads = (down // 2, across // 2) if padding == "same" else pair(padding)
    need_fit(shape, (down + 1, across + 1), pads)
    return nn.Conv2d(shape[0], out, kernel, stride, pads, dilation, groups, bias)
