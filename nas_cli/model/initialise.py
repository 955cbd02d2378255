"""Weights for a network, from a generator and nothing else."""

from __future__ import annotations

import math

import torch
from torch import nn

from nas_cli.model.network import Network
from nas_cli.model.ops.modules import ChannelNorm

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU, nn.Mish, nn.CELU, nn.PReLU, nn.RReLU)
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, ChannelNorm)
PASSED = (*NORMS, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten, nn.Dropout, nn.Upsample)
"""Layers between a weighted layer and its activation."""


def initialise(network: Network, generator: torch.Generator) -> Network:
    """Gives `network`, on the CPU, new weights that depend on the generator's state alone; returns it.

    Convolutions and linear layers: normal with variance gain²/fan_in (He et al. 2015), biases zero. The gain is that of
    the activation that follows; without one, √2 for a convolution and 1 for a linear layer, such as the last one.
    Everything else as its module makes it, under a seed drawn from `generator`.
    """
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for step in network.steps:
            if step.kind == "op":
                network.layers[step.name] = network.construct(step).train(network.training)
    readers = network.program.readers()
    with torch.no_grad():
        for index, step in enumerate(network.steps):
            if step.kind == "op":
                _draw(network.layers[step.name], _activation_after(network, index, readers), generator)
    return network


def _draw(layer: nn.Module, activation: nn.Module | None, generator: torch.Generator) -> None:
    """Inside a layer that is made of several modules all but the last are taken to be followed by a rectifier."""
    inner = [module for module in layer.modules() if isinstance(module, WEIGHTED)]
    for module in inner:
        fan_in = math.prod(module.weight.shape[1:])
        gain = _gain(module, activation) if module is inner[-1] else math.sqrt(2.0)
        module.weight.normal_(0.0, gain / math.sqrt(fan_in), generator=generator)
        if module.bias is not None:
            module.bias.zero_()


def _gain(module: nn.Module, activation: nn.Module | None) -> float:
    if isinstance(activation, nn.Tanh):
        return 5.0 / 3.0
    if isinstance(activation, nn.Sigmoid | nn.SELU):
        return 1.0
    if isinstance(activation, nn.LeakyReLU):
        return math.sqrt(2.0 / (1.0 + activation.negative_slope**2))
    return 1.0 if isinstance(module, nn.Linear) and not isinstance(activation, RECTIFIERS) else math.sqrt(2.0)


def _activation_after(network: Network, index: int, readers: list[list[int]]) -> nn.Module | None:
    """The module that step `index` feeds, past norms and poolings; None where several."""
    while True:
        after = readers[index + 1]
        if len(after) != 1 or network.steps[after[0]].kind != "op":
            return None
        index = after[0]
        module = network.layers[network.steps[index].name]
        if not isinstance(module, PASSED):
            return module
