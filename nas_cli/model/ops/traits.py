"""What is true of an op beyond what it computes. It is said where the op is registered; for modules here.

Whoever needs such a fact (the canonical form, the builder, the padding mask, the first weights, the cost of a
training) asks for it, and knows no op by its name. So a plugin's op has every right that one of nas has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from nas_cli.model.ops.modules import ChannelNorm

Gain = float | Callable[[nn.Module], float]


@dataclass(frozen=True)
class Traits:
    """`identity_when`: the arguments with which the op passes on what comes in ({}: always), None where it never does.

    `gives_zeros`: zeros, whatever comes in. `keeps_zeros`: zeros at a place of a sequence stay zeros, so that padding
    needs no mask after it. `idle_bias`: its argument `bias`, where it is not given, is off right before an op that
    `subtracts_mean` of every channel. `gain`: of an activation, what the deviation of the weights before it is
    multiplied by so that activations keep their size (He et al. 2015); a function takes the module. `passes_gain`: the
    activation after it counts for the weights before it, as after a norm. `keeps`: numbers that training keeps for each
    that the op gives; 1 is what a module keeps that says nothing. `one_length`: torch's exporter writes it for a single
    length of sequences.
    """

    identity_when: Mapping[str, object] | None = None
    gives_zeros: bool = False
    keeps_zeros: bool = False
    idle_bias: bool = False
    subtracts_mean: bool = False
    gain: Gain | None = None
    passes_gain: bool = False
    keeps: int = 1
    one_length: bool = False

    def is_identity(self, arguments: Mapping[str, object]) -> bool:
        """Whether an op does nothing that has these `arguments`, defaults included."""
        if self.identity_when is None:
            return False
        return all(name in arguments and arguments[name] == value for name, value in self.identity_when.items())


NOTHING = Traits()
ROOT = math.sqrt(2.0)
RECTIFIER = Traits(gain=ROOT)
RECTIFIER_OF_ZEROS = Traits(gain=ROOT, keeps_zeros=True)
PASSED = Traits(passes_gain=True)


def _leaky_gain(module: nn.Module) -> float:
    assert isinstance(module, nn.LeakyReLU)
    return math.sqrt(2.0 / (1.0 + module.negative_slope**2))


TRAITS: Mapping[type[nn.Module], Traits] = {
    nn.Identity: Traits(identity_when={}),
    nn.Dropout: Traits(identity_when={"p": 0}, keeps_zeros=True, passes_gain=True),
    nn.Dropout1d: Traits(keeps_zeros=True),
    nn.ReLU: RECTIFIER_OF_ZEROS,
    nn.ReLU6: RECTIFIER_OF_ZEROS,
    nn.GELU: RECTIFIER_OF_ZEROS,
    nn.SiLU: RECTIFIER_OF_ZEROS,
    nn.Hardswish: RECTIFIER_OF_ZEROS,
    nn.Mish: RECTIFIER_OF_ZEROS,
    nn.ELU: RECTIFIER,
    nn.CELU: RECTIFIER,
    nn.PReLU: RECTIFIER,
    nn.RReLU: RECTIFIER,
    nn.LeakyReLU: Traits(gain=_leaky_gain),
    nn.Tanh: Traits(gain=5.0 / 3.0, keeps_zeros=True),
    nn.Sigmoid: Traits(gain=1.0),
    nn.SELU: Traits(gain=1.0),
    nn.BatchNorm1d: PASSED,
    nn.BatchNorm2d: PASSED,
    nn.GroupNorm: PASSED,
    nn.LayerNorm: PASSED,
    ChannelNorm: PASSED,
    nn.MaxPool2d: PASSED,
    nn.AvgPool2d: PASSED,
    nn.Flatten: PASSED,
    nn.Upsample: PASSED,
    nn.LSTM: Traits(keeps=17),
    nn.GRU: Traits(keeps=8),
    nn.RNN: Traits(one_length=True),
}
"""LSTM and GRU keep gates and states of every time step, and more, on a CPU."""


def of_module(module: nn.Module) -> Traits:
    """Of a module of this table, or of a class that is made of one."""
    return next((TRAITS[cls] for cls in type(module).__mro__ if cls in TRAITS), NOTHING)
