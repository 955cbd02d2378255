"""Makes the modules of a network and initialises their weights.

`Fresh` makes new modules for training; `constructed` makes modules whose weights are loaded afterwards. Weight sharing
passes existing modules instead, and finds them by `Step.at`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, get_args

import torch
from torch import Tensor, nn

from nas_cli.model.ops import OPS
from nas_cli.model.ops.traits import ROOT, of_module
from nas_cli.model.ops.vocabulary import gain_of
from nas_cli.model.program import Program

Made = Mapping[str, nn.Module]
"""The module of every 'op' step, by the step's name."""
Assets = Mapping[str, Tensor]
"""Arrays from the data that layers are initialised with, by name: the `vectors` of words. They are shared and must not
be written to."""
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
Weighted = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear | Transposed
WEIGHTED = get_args(Weighted)
NO_ASSETS: Assets = MappingProxyType({})


class Modules(Protocol):
    """Gives a network its modules."""

    def __call__(self, program: Program) -> Made: ...


def without_weights(program: Program) -> Made:
    """Modules on the meta device, for the shapes of a network: they take no memory."""
    with torch.device("meta"), _seeded(0):
        return _constructed(program)


def constructed(program: Program) -> Made:
    """Modules on the CPU, as their constructors make them, for weights that are loaded afterwards. The files that a new
    network is initialised from are not read."""
    with torch.device("cpu"), _seeded(0):
        return _constructed(program)


@dataclass(frozen=True)
class Fresh:
    """New modules on the CPU, whose weights depend on the state of `generator` and on `assets` alone.

    A module with the method `first_weights(generator, assets)` initialises itself and all that it contains. Otherwise
    convolutions and linear layers are normal with variance gain²/fan_in (He et al. 2015), biases zero. The gain is that
    of the activation that follows; without one, √2 for a convolution and 1 for a linear layer, such as the last one.
    Other modules keep the weights of their constructors, under a seed drawn from `generator`.
    """

    generator: torch.Generator
    assets: Assets = field(default_factory=dict)

    def __call__(self, program: Program) -> Made:
        """Raises PluginError where `first_weights` of a plugin's module fails."""
        seed = int(torch.randint(2**63 - 1, (), generator=self.generator))
        with torch.device("cpu"), _seeded(seed):
            modules = _constructed(program)
            readers = program.readers()
            for index, step in enumerate(program.steps):
                if step.kind == "op":
                    after = _gain_after(program, modules, index, readers)
                    begin(modules[step.name], step.op, self.generator, self.assets, after)
        return modules


@torch.no_grad()
def begin(layer: nn.Module, op: str, generator: torch.Generator, assets: Assets, after: float | None = None) -> None:
    """Initialises the weights of `layer`, a new module of `op`. Raises PluginError where its `first_weights` fails.

    `after` is the gain of the activation that follows. In a layer of several modules, every module but the last counts
    as followed by a rectifier.
    """
    found = list(dict.fromkeys(_reached(layer)))
    drawn = [module for module in found if isinstance(module, WEIGHTED) and not brings_weights(module)]
    for module in found:
        if brings_weights(module):
            _ask(module, op, generator, assets)
        elif isinstance(module, WEIGHTED):
            _draw(module, _gain(module, after) if module is drawn[-1] else ROOT, generator)


def brings_weights(module: nn.Module) -> bool:
    """Whether `module` initialises itself and all that it contains, by `first_weights`."""
    found = getattr(module, "first_weights", None)
    return callable(found) and not isinstance(found, nn.Module)


def _ask(module: nn.Module, op: str, generator: torch.Generator, assets: Assets) -> None:
    bring: Callable[[torch.Generator, Assets], object] = module.first_weights  # type: ignore[assignment]
    origin = OPS.origin(op)
    if origin is None:
        bring(generator, assets)
    else:
        origin.call("first_weights", bring, generator, assets)


def _draw(module: Weighted, gain: float, generator: torch.Generator) -> None:
    module.weight.normal_(0.0, gain / math.sqrt(_fan_in(module)), generator=generator)
    if module.bias is not None:
        module.bias.zero_()


def _fan_in(module: Weighted) -> float:
    """The number of inputs that each output sums over."""
    if isinstance(module, Transposed):  # windows move by `stride`: 1/stride of a window reaches each output
        window = math.prod(module.kernel_size) / math.prod(module.stride)
        return max(1.0, module.in_channels / module.groups * window)
    return math.prod(module.weight.shape[1:])


def _reached(module: nn.Module) -> Iterator[nn.Module]:
    """`module` and the modules inside it, except those inside a module that brings its own weights."""
    yield module
    if not brings_weights(module):
        for child in module.children():
            yield from _reached(child)


def _constructed(program: Program) -> dict[str, nn.Module]:
    return {step.name: program.construct(step) for step in program.op_steps}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds torch's global generator with `seed` inside the context, and restores its state afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _gain(module: nn.Module, after: float | None) -> float:
    if after is not None:
        return after
    return 1.0 if isinstance(module, nn.Linear) else ROOT


def _gain_after(program: Program, modules: Made, index: int, readers: list[list[int]]) -> float | None:
    """The gain of the activation after step `index`, past norms and poolings; None without one, or with several
    readers."""
    while True:
        after = readers[program.value(index)]
        if len(after) != 1 or program.steps[after[0]].kind != "op":
            return None
        index = after[0]
        step = program.steps[index]
        module, traits = modules[step.name], OPS.traits(step.op)
        if not traits.passes_gain and not of_module(module).passes_gain:
            return gain_of(traits, module)
