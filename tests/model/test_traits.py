"""What ops say of themselves is true, and a plugin's op has every right that one of nas has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fields import axes_of
from torch import Tensor, nn

from nas_cli.errors import SpecError
from nas_cli.model.build import build
from nas_cli.model.infer import construct, count, infer, resolve_arguments
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.ops.traits import TRAITS
from nas_cli.model.ops.vocabulary import op
from nas_cli.model.weights import Fresh
from nas_cli.plugins import taking_back
from nas_cli.space.canonical import Canonical
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture

NAMES = [*OPS, *OPS.torch_modules]
SHAPES = {"batch_norm": (4, 6, 6), "conv": (4, 6, 6), "separable_conv": (4, 6, 6), "conv_transpose": (4, 6, 6)}


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


def network(model: list[Any], shape: tuple[int, ...] = (3, 6, 6)) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(0))
    return build(parse_architecture(model, OPS), {"input": axes_of(shape)}, lambda body: Seq(()), {}, fresh)


def form(*model: Any) -> str:
    return Canonical(OPS).network(parse_architecture(list(model), OPS))


# What is said is true ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_an_op_says_names_arguments_that_it_has(name: str) -> None:
    OPS.require_traits(name)


@pytest.mark.parametrize("name", [name for name in NAMES if OPS.traits(name).identity_when is not None])
def test_what_does_nothing_is_left_out(name: str) -> None:
    args = dict(OPS.traits(name).identity_when or {})
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(construct(name, args, (4, 5, 5)).train()(x), x)
    assert infer(name, args, axes_of((4, 5, 5))).is_identity
    assert form({name: args}, "relu") == form("relu")


@pytest.mark.parametrize("name", [name for name in NAMES if OPS.traits(name).gives_zeros])
def test_what_gives_zeros_gives_zeros(name: str) -> None:
    assert not construct(name, {}, (4, 5, 5))(torch.randn(2, 4, 5, 5)).any()
    assert infer(name, {}, axes_of((4, 5, 5))).is_zero
    assert form(name, "relu") == form("relu", name) == form(name)


@pytest.mark.parametrize("kind", [kind for kind, traits in TRAITS.items() if traits.keeps_zeros])
def test_what_keeps_zeros_keeps_them(kind: type[nn.Module]) -> None:
    for training in (False, True):
        assert not kind().train(training)(torch.zeros(3, 4, 5)).any()


@pytest.mark.parametrize("name", [name for name in NAMES if OPS.traits(name).idle_bias])
def test_an_idle_bias_changes_nothing_before_what_subtracts_the_mean(name: str) -> None:
    asked = {param.name: 4 for param in OPS.params(name) if param.required}
    shape = SHAPES.get(name, (4,))
    args = resolve_arguments(name, asked, shape, {})
    for after in (other for other in OPS if OPS.traits(other).subtracts_mean):
        layer = construct(name, {**args, "bias": True}, shape)
        norm = construct(after, {}, infer(name, args, axes_of(shape)).axes.shape).train()
        x = torch.randn(8, *shape)
        before = norm(layer(x))
        with torch.no_grad():
            for parameter_name, parameter in layer.named_parameters():
                if parameter_name.endswith("bias"):
                    parameter.add_(3.0)
        torch.testing.assert_close(norm(layer(x)), before, rtol=1e-3, atol=1e-4)


# Of a plugin's op too ------------------------------------------------------------------------------------------------


class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def test_a_plugins_op_may_be_an_identity() -> None:
    @op("shift_by", identity_when={"by": 0, "times": 1})
    def shift_by(shape: Any, by: int = 0, times: int = 1) -> nn.Module:
        return Twice()

    assert form("shift_by", "relu") == form("relu") != form({"shift_by": 1}, "relu")
    assert form({"shift_by": {"by": 0, "times": 2}}, "relu") != form("relu")
    assert [step.op for step in network(["shift_by", "relu", {"shift_by": 2}]).steps] == ["relu", "shift_by"]


def test_a_plugins_op_may_give_zeros() -> None:
    @op("nothing", gives_zeros=True)
    def nothing(shape: Any) -> nn.Module:
        return Twice()

    paths = {"branches": {"paths": [["relu"], ["nothing"]], "join": "add"}}
    assert form(paths) == form("relu")
    assert [step.op for step in network([paths]).steps] == ["relu"]


def test_padding_stays_zero_after_a_plugins_op_that_says_so() -> None:
    @op("twice", keeps_zeros=True)
    def twice(shape: Any) -> nn.Module:
        return Twice()

    @op("twice_too")
    def twice_too(shape: Any) -> nn.Module:
        return Twice()

    assert network(["twice", "twice_too"], (4, 6))._unmasked == (False, True)


def test_a_plugins_bias_is_dropped_before_a_plugins_norm() -> None:
    @op("my_conv", idle_bias=True)
    def my_conv(shape: Any, bias: bool | None = None) -> nn.Module:
        return nn.Conv2d(shape[0], 4, 1, bias=bias is not False)

    @op("my_norm", subtracts_mean=True)
    def my_norm(shape: Any) -> nn.Module:
        return nn.InstanceNorm2d(shape[0])

    assert network(["my_conv", "my_norm"]).steps[0].args == {"bias": False}
    assert network(["my_conv", "relu"]).steps[0].args == {}
    assert network([{"my_conv": {"bias": True}}, "my_norm"]).steps[0].args == {"bias": True}


def test_the_first_weights_heed_a_plugins_activation() -> None:
    @op("strong", gain=3.0)
    def strong(shape: Any) -> nn.Module:
        return Twice()

    @op("through", passes_gain=True)
    def through(shape: Any) -> nn.Module:
        return Twice()

    def deviation(*after: Any) -> float:
        layer = network([{"linear": 400}, *after], (300,)).layers["model_0_linear"]
        return float(next(iter(layer.parameters())).detach().std()) * math.sqrt(300)

    assert deviation("strong") == pytest.approx(3.0, rel=0.02)
    assert deviation("through", "strong") == pytest.approx(3.0, rel=0.02)
    assert deviation("through") == pytest.approx(1.0, rel=0.02)
    assert deviation("relu") == pytest.approx(math.sqrt(2), rel=0.02)


def test_a_plugins_op_says_what_training_keeps_of_it() -> None:
    @op("heavy", keeps=9)
    def heavy(shape: Any) -> nn.Module:
        return Twice()

    assert count("heavy", {}, axes_of((4, 5))).activations == 9 * 4 * 5
    assert count("relu", {}, axes_of((4, 5))).activations == 4 * 5


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"identity_when": {"rat": 0}}, "op 'off' says identity_when of rat; did you mean 'rate'?"),
        ({"idle_bias": True}, "op 'off' says idle_bias, and takes no argument 'bias'"),
    ],
)
def test_what_cannot_be_true_is_refused(said: dict[str, Any], words: str) -> None:
    @op("off", **said)
    def off(shape: Any, rate: float = 0.5) -> nn.Module:
        return Twice()

    with pytest.raises(SpecError) as caught:
        OPS.require_traits("off")
    assert words in str(caught.value)
