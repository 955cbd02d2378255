"""Convolutions and blocks of convolutions, for images (C, H, W)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from torch import nn

from nas_cli.arguments import Between, Channels, Fraction, NonNegativeInt, Side, Size
from nas_cli.axes import Shape
from nas_cli.errors import Infeasible
from nas_cli.model.ops.modules import AtrousPooling, MBConv, SqueezeExcite
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
    _need_groups(groups, incoming, out)
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


@op("conv_transpose", idle_bias=True)
def conv_transpose(
    shape: Shape,
    channels: Channels,
    kernel: Size | None = None,
    stride: Size = 2,
    groups: Channels = 1,
    bias: bool | None = None,
) -> nn.Module:
    """Transposed convolution: height and width times `stride`, exactly; `kernel` is `stride` where it is not given.

    (C, H, W) to (channels, H·stride, W·stride): up-convolution, Ronneberger et al. 2015. A kernel that `stride` divides
    leaves no checkerboard (Odena et al. 2016). Groups and bias as in `conv`.
    """
    incoming, _, _ = need_image(shape)
    out, groups = _number(channels), _number(groups)
    _need_groups(groups, incoming, out)
    steps = pair(stride)
    window = steps if kernel is None else pair(kernel)
    more = [side - step for side, step in zip(window, steps, strict=True)]
    if min(more) < 0:
        raise Infeasible("its kernel must be as large as its stride at least: pixels between would get nothing")
    if any(over % 2 and step == 1 for over, step in zip(more, steps, strict=True)):
        raise Infeasible("its kernel must be odd where its stride is 1: it has no middle to stand on")
    # Of what reaches over the stride, half is cut off at either side; of an odd number, one more at the first.
    pads = ((more[0] + 1) // 2, (more[1] + 1) // 2)
    extra = (more[0] % 2, more[1] % 2)
    return nn.ConvTranspose2d(incoming, out, window, steps, pads, extra, groups, bias is not False)


@op("atrous_pooling")
def atrous_pooling(shape: Shape, channels: Channels = "same", rates: tuple[Side, ...] = (1, 2, 4)) -> nn.Module:
    """Atrous spatial pyramid pooling (Chen et al. 2017): dilated convolutions of several `rates`, and the whole image.

    (C, H, W) to (channels, H, W). A 1×1 convolution, a 3×3 one dilated by each rate, and a 1×1 convolution of the
    image's averages stand side by side; a 1×1 convolution joins them. Batch norm and ReLU follow each, except that the
    averages have no batch norm: of a batch of one image it would see a single value. The paper's rates, for features of
    33×33, are 6, 12 and 18; a rate as large as the features makes its convolution a 1×1 one.
    """
    incoming, _, _ = need_image(shape)
    if not rates:
        raise Infeasible("it needs at least one rate")
    return AtrousPooling(incoming, _number(channels), tuple(rates))


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


def _need_groups(groups: int, incoming: int, out: int) -> None:
    if incoming % groups or out % groups:
        raise Infeasible(f"groups {groups} does not divide both {incoming} channels in and {out} out")


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
        # An even kernel needs one more pixel on one side; Conv2d pads both sides equally.
        sides = (across // 2, across - across // 2, down // 2, down - down // 2)
        return nn.Sequential(
            nn.ZeroPad2d(sides), nn.Conv2d(shape[0], out, kernel, 1, 0, dilation, groups=groups, bias=bias)
        )
    pads = (down // 2, across // 2) if padding == "same" else pair(padding)
    need_fit(shape, (down + 1, across + 1), pads)
    return nn.Conv2d(shape[0], out, kernel, stride, pads, dilation, groups, bias)
