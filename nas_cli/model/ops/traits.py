"""Properties of ops that other parts need. An op declares them where it is registered; those of torch's modules are
listed here.

The canonical form, the builder, the padding mask, weight initialisation and the training cost read the traits and know
no op by its name. So they treat an op of a plugin like one of nas.
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
    """`identity_when`: the arguments with which the op returns its input ({}: always), None where it never does.

    `gives_zeros`: the output is zero for every input. `keeps_zeros`: zeros at a position of a sequence stay zeros, so
    padding needs no mask after the op. `idle_bias`: an argument `bias` left open is off right before an op that
    `subtracts_mean` of every channel. `gain`: for an activation, the factor on the deviation of the weights before it
    that keeps the scale of activations (He et al. 2015), or a function of the module. `passes_gain`: weights before the
    op take the gain of the activation after it, as with a norm. `keeps`: numbers that training keeps for each number of
    the output, 1 by default. `one_length`: torch's exporter fixes the length of sequences.
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
        """Whether an op with these `arguments`, defaults included, is an identity."""
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
"""On a CPU, LSTM and GRU keep gates and states of every time step, and more."""


def of_module(module: nn.Module) -> Traits:
    """The traits of the class of `module`, or of its nearest base class in the table."""
    return next((TRAITS[cls] for cls in type(module).__mro__ if cls in TRAITS), NOTHING)
