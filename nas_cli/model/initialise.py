"""Weights for a network, from a generator and nothing else."""

from __future__ import annotations

import math

import torch
from torch import nn

from nas_cli.model.network import Network
from nas_cli.model.program import Step

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish, nn.ELU, nn.Mish, nn.CELU, nn.PReLU, nn.RReLU)
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
SHAPING = (nn.MaxPool2d, nn.AvgPool2d, nn.Flatten, nn.Dropout, nn.Upsample)


def initialise(network: Network, generator: torch.Generator) -> Network:
    """Gives `network`, on the CPU, new weights that depend on the generator's state alone; returns it.

    Convolutions and linear layers: normal with variance gain²/fan_in, the gain that of the activation that follows
    (He et al. 2015), biases zero. Everything else as its module makes it, under a seed drawn from `generator`.
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
                _draw(network.layers[step.name], _gain(network, index, readers), generator)
    return network


def _draw(layer: nn.Module, gain: float, generator: torch.Generator) -> None:
    """A layer made of several modules keeps its signal's size inside, where activations are rectifiers."""
    inner = [module for module in layer.modules() if isinstance(module, WEIGHTED)]
    for module in inner:
        last = module is inner[-1]
        fan_in = math.prod(module.weight.shape[1:])
        std = (gain if last else math.sqrt(2.0)) / math.sqrt(fan_in)
        module.weight.normal_(0.0, std, generator=generator)
        if module.bias is not None:
            module.bias.zero_()


def _gain(network: Network, index: int, readers: list[list[int]]) -> float:
    """The gain of the activation after step `index`, past layers that only change the size; 1 where there is none."""
    while True:
        after = [network.steps[reader] for reader in readers[index + 1]]
        if len(after) != 1 or after[0].kind != "op":
            return 1.0
        module = _first_module(network, after[0])
        if not isinstance(module, SHAPING):
            break
        index = readers[index + 1][0]
    if isinstance(module, RECTIFIERS):
        return math.sqrt(2.0)
    if isinstance(module, nn.LeakyReLU):
        return math.sqrt(2.0 / (1.0 + module.negative_slope**2))
    return 5.0 / 3.0 if isinstance(module, nn.Tanh) else 1.0


def _first_module(network: Network, step: Step) -> nn.Module:
    module = network.layers[step.name]
    return module[0] if isinstance(module, nn.Sequential) else module
