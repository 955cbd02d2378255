"""Weights for a network, from a generator and nothing else."""

from __future__ import annotations

import math

import torch
from torch import nn

from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.ops.traits import ROOT, of_module
from nas_cli.model.ops.vocabulary import gain_of

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


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
                _draw(network.layers[step.name], _gain_after(network, index, readers), generator)
    return network


def _draw(layer: nn.Module, after: float | None, generator: torch.Generator) -> None:
    """`after` is the gain of the activation that follows. Inside a layer that is made of several modules all but the
    last are taken to be followed by a rectifier.
    """
    inner = [module for module in layer.modules() if isinstance(module, WEIGHTED)]
    for module in inner:
        fan_in = math.prod(module.weight.shape[1:])
        gain = _gain(module, after) if module is inner[-1] else ROOT
        module.weight.normal_(0.0, gain / math.sqrt(fan_in), generator=generator)
        if module.bias is not None:
            module.bias.zero_()


def _gain(module: nn.Module, after: float | None) -> float:
    if after is not None:
        return after
    return 1.0 if isinstance(module, nn.Linear) else ROOT


def _gain_after(network: Network, index: int, readers: list[list[int]]) -> float | None:
    """The gain of the activation that step `index` feeds, past norms and poolings; None without one, or for several."""
    while True:
        after = readers[index + 1]
        if len(after) != 1 or network.steps[after[0]].kind != "op":
            return None
        index = after[0]
        step = network.steps[index]
        module, traits = network.layers[step.name], OPS.traits(step.op)
        if not traits.passes_gain and not of_module(module).passes_gain:
            return gain_of(traits, module)
