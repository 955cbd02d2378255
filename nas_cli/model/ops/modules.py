"""Modules that `torch.nn` lacks. `nas export --format source` copies these classes, so they use nothing but torch.

The repr of each is a call of its constructor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AveragePool(nn.Module):
    """Average pooling that does not count its padding, as in NAS-Bench-201. (N, C, H, W) to (N, C, H', W')."""

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, self.kernel_size, self.stride, self.padding, count_include_pad=False)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class GlobalPool(nn.Module):
    """The average ('avg') or the maximum ('max') of every channel. (N, C, H, W) to (N, C)."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) if self.kind == "avg" else x.amax((2, 3))

    def extra_repr(self) -> str:
        return f"kind={self.kind!r}"


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel, as in ConvNeXt (Liu et al. 2022). Keeps (N, C, H, W)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)
        y = nn.functional.layer_norm(pixels, (self.channels,), self.weight, self.bias, self.eps)
        return y.permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        return f"channels={self.channels}, eps={self.eps}"


class Affine(nn.Module):
    """`scale` times the input, plus `shift`; both are fixed."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x.float() + self.shift  # in bf16 or fp16 a large shift would round the product away

    def extra_repr(self) -> str:
        return f"scale={self.scale}, shift={self.shift}"


class AffineChannels(nn.Module):
    """Each channel of (N, C, …) times its `scale`, plus its `shift`; both are fixed."""

    scales: Tensor
    shifts: Tensor

    def __init__(self, scale: list[float], shift: list[float]) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift
        # The architecture holds these numbers, so the state dict need not.
        self.register_buffer("scales", torch.tensor(scale, dtype=torch.float32), persistent=False)
        self.register_buffer("shifts", torch.tensor(shift, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        sides = (-1, *[1] * (x.dim() - 2))
        return self.scales.view(sides) * x.float() + self.shifts.view(sides)

    def extra_repr(self) -> str:
        return f"scale={self.scale}, shift={self.shift}"


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, a sample becomes zero with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        if self.rate == 1.0:
            return torch.zeros_like(x)
        keep = 1.0 - self.rate
        mask = torch.empty([x.shape[0]] + [1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * mask.bernoulli_(keep) / keep

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class SqueezeExcite(nn.Module):
    """Scales every channel by a gate that sees all of them (Hu et al. 2018). Keeps (N, C, H, W)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.channels, self.hidden = channels, hidden
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.excite(gate))

    def __repr__(self) -> str:
        return f"SqueezeExcite(channels={self.channels}, hidden={self.hidden})"


class MBConv(nn.Module):
    """Inverted residual (Sandler et al. 2018; Howard et al. 2019): widen, depthwise convolution, gate, narrow.

    `hidden` is the width inside, `squeeze` the width of the gate (0: none). The input is added where shapes agree.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        squeeze: int,
        activation: str,
    ) -> None:
        super().__init__()
        self.arguments = (
            f"in_channels={in_channels}, out_channels={out_channels}, hidden={hidden}, kernel_size={kernel_size}, "
            f"stride={stride}, squeeze={squeeze}, activation={activation!r}"
        )
        layers: list[nn.Module] = []
        if hidden != in_channels:
            layers += [nn.Conv2d(in_channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), getattr(nn, activation)()]
        padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        layers += [
            nn.Conv2d(hidden, hidden, kernel_size, stride, padding, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            getattr(nn, activation)(),
        ]
        if squeeze:
            layers.append(SqueezeExcite(hidden, squeeze))
        layers += [nn.Conv2d(hidden, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)]
        self.body = nn.Sequential(*layers)
        self.residual = in_channels == out_channels and stride == (1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.residual else y

    def __repr__(self) -> str:
        return f"MBConv({self.arguments})"


class AtrousPooling(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al. 2017). (N, C, H, W) to (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.arguments = f"in_channels={in_channels}, out_channels={out_channels}, rates={rates}"
        self.points = self.normed(nn.Conv2d(in_channels, out_channels, 1, bias=False))
        windows = [nn.Conv2d(in_channels, out_channels, 3, 1, rate, rate, bias=False) for rate in rates]
        self.windows = nn.ModuleList([self.normed(window) for window in windows])
        self.image = nn.Conv2d(in_channels, out_channels, 1)
        self.join = self.normed(nn.Conv2d((len(rates) + 2) * out_channels, out_channels, 1, bias=False))

    @staticmethod
    def normed(convolution: nn.Conv2d) -> nn.Sequential:
        return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        whole = torch.relu(self.image(x.mean((2, 3), keepdim=True))).expand(-1, -1, x.shape[2], x.shape[3])
        sides = [self.points(x), *[window(x) for window in self.windows], whole]
        y: Tensor = self.join(torch.cat(sides, 1))
        return y

    def __repr__(self) -> str:
        return f"AtrousPooling({self.arguments})"


class Zero(nn.Module):
    """Zeros of the shape of the input."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Zeros(nn.Module):
    """Zeros of the batch and the sizes of the input, in `channels` channels. (N, C, …) to (N, channels, …)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros((x.shape[0], self.channels, *x.shape[2:]))

    def extra_repr(self) -> str:
        return f"channels={self.channels}"
