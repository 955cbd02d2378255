"""What a new network begins with: of a seed the same weights as ever, and a module that brings its own keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from fields import inputs_of
from model.networks import FACTS, architecture_of, fingerprint, head_of, inputs_for, network_names
from torch import Tensor, nn

from nas_cli.errors import PluginError
from nas_cli.model.build import build, plan
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.weights import Fresh, constructed, without_weights
from nas_cli.plugins import import_plugin, taking_back
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture

BEFORE = {
    "cnn": (3.2755970120104223, 11.914200020056565),
    "darts": (-11.587395880740997, -11.472548457431458),
    "mobile": (41.609512563851105, 1.197235813592918),
    "nasbench201": (0.5165068422162178, -14.116226239827784),
    "resnet": (-21.71285360182769, 25.564569233666752),
    "tabular": (-6.34417495516506, -9.772826114039077),
    "tagger": (-3.3615954981642204, 30.057274714900892),
    "text-cnn-rnn-attention": (-0.17999809636270236, -2.9891330329767722),
    "leaky": (10.90780621401819, 17.35551795657109),
    "joined": (0.6016944436385308, 0.7042104635914941),
    "recurrent": (3.9398778478548113, 0.9294648673627837),
}
"""Fingerprints of the first weights that version 0.1.0 draws from the seeds 0 and 7."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", network_names())
def test_a_seed_gives_the_weights_that_it_has_always_given(name: str) -> None:
    task, model = architecture_of(name)
    for seed, before in zip((0, 7), BEFORE[name], strict=True):
        network = build(model, inputs_for(task), head_of(task), FACTS, Fresh(generator(seed)))
        assert fingerprint(network.state_dict()) == pytest.approx(before, abs=1e-3)


# Modules that bring weights -------------------------------------------------------------------------------------------


class Sevens(nn.Conv2d):
    """Keeps what its constructor gives it."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 1)
        with torch.no_grad():
            self.weight.fill_(7.0)

    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None: ...


class Drawn(nn.Module):
    """Draws from every generator that there is."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
        self.scale = nn.Parameter(torch.zeros(3, 1, 1))

    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        self.scale.normal_()
        for parameter in self.inner.parameters():
            parameter.uniform_(3, 4, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x)
        return y * self.scale


class Prototypes(nn.Module):
    """Begins with what the data brings."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(2, 3))

    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        self.rows.copy_(assets["prototypes"])

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) @ self.rows.T


Ops = Mapping[str, Callable[[Shape], nn.Module]]
BRINGING: Ops = {
    "sevens": lambda shape: Sevens(shape[0]),
    "drawn": lambda shape: Drawn(),
    "between": lambda shape: nn.Sequential(
        nn.Conv2d(shape[0], 4, 1), nn.Sequential(Sevens(4), nn.Conv2d(4, 5, 1)), nn.ReLU()
    ),
    "plain": lambda shape: nn.Sequential(nn.Conv2d(shape[0], 4, 1), nn.Conv2d(4, 5, 1), nn.ReLU()),
    "prototypes": lambda shape: Prototypes(),
}


@pytest.fixture(autouse=True)
def ops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(OPS, "_items", {**OPS._items, **BRINGING})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        yield


def make(*layers: Any, seed: int = 0, assets: Mapping[str, Tensor] | None = None) -> Network:
    model = parse_architecture(list(layers), OPS)
    return build(model, inputs_of((3, 8, 8)), lambda shape: Seq(()), {}, Fresh(generator(seed), assets or {}))


def test_a_module_keeps_the_weights_that_it_brings() -> None:
    network = make("sevens", {"conv": 4})
    brought, drawn = network.layers["model_0_sevens"], network.layers["model_1_conv"]
    assert isinstance(brought, Sevens)
    assert isinstance(drawn, nn.Conv2d)
    assert (brought.weight == 7).all()
    assert brought.bias is not None
    assert brought.bias.any()
    assert not (drawn.weight == 7).any()


def test_what_is_beside_it_in_the_layer_is_drawn_as_it_would_be_without() -> None:
    with_it = {key: tensor.shape for key, tensor in make("between").state_dict().items()}
    assert list(with_it) == [
        *("layers.model_0_between.0.weight", "layers.model_0_between.0.bias"),
        *("layers.model_0_between.1.0.weight", "layers.model_0_between.1.0.bias"),
        *("layers.model_0_between.1.1.weight", "layers.model_0_between.1.1.bias"),
        *("levels.input.mean", "levels.input.std"),
    ]
    state = make("between").state_dict()
    assert (state["layers.model_0_between.1.0.weight"] == 7).all()
    assert not state["layers.model_0_between.1.1.bias"].any()
    plain = make("plain").layers["model_0_plain"]
    between = make("between").layers["model_0_between"]
    assert torch.equal(plain.get_parameter("0.weight"), between.get_parameter("0.weight"))
    assert torch.equal(plain.get_parameter("1.weight"), between.get_parameter("1.1.weight"))


def test_what_it_draws_follows_from_the_seed_alone_and_touches_nobody_elses() -> None:
    before = torch.get_rng_state()
    first = make("drawn", "sevens", seed=3).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    second, other = make("drawn", "sevens", seed=3).state_dict(), make("drawn", "sevens", seed=4).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    for name in ("scale", "inner.0.weight"):
        assert not torch.equal(first[f"layers.model_0_drawn.{name}"], other[f"layers.model_0_drawn.{name}"])
    assert 3 <= float(first["layers.model_0_drawn.inner.0.bias"].min()) <= 4


def test_it_is_given_what_the_data_brings() -> None:
    rows = torch.arange(6.0).reshape(2, 3)
    network = make("prototypes", assets={"prototypes": rows})
    assert torch.equal(network.layers["model_0_prototypes"].get_parameter("rows"), rows)
    with pytest.raises(KeyError, match="prototypes"):
        make("prototypes")


def test_a_network_whose_weights_are_loaded_asks_for_none() -> None:
    program = plan(parse_architecture(["prototypes"], OPS), inputs_of((3, 8, 8)), lambda shape: Seq(()))
    network = Network(program, constructed)
    assert not network.layers["model_0_prototypes"].get_parameter("rows").any()
    assert all(tensor.is_meta for tensor in Network(program, without_weights).layers.state_dict().values())


PLUGIN = """
import torch
from torch import nn
from nas_cli.plugins import op

class Wrong(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(3))
    def first_weights(self{arguments}):
        {body}
    def forward(self, x):
        return x

@op("wrong")
def wrong(shape: tuple[int, ...]) -> nn.Module:
    return Wrong()
"""


@pytest.mark.parametrize(
    ("arguments", "body", "words"),
    [
        (", generator, assets", "open('resnet18.pt')", "first_weights: FileNotFoundError.*resnet18.pt"),
        (", generator, assets", "self.rows.copy_(torch.ones(4))", "first_weights: RuntimeError"),
        (", generator, assets", "raise SystemExit(1)", "first_weights: SystemExit"),
        ("", "pass", "first_weights: TypeError.*takes 1 positional argument"),
    ],
)
def test_a_plugins_mistake_is_told_in_its_words(tmp_path: Path, arguments: str, body: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(arguments=arguments, body=body))
    with taking_back():
        import_plugin(tmp_path / "mine.py")
        with pytest.raises(PluginError, match=rf"mine\.py(:\d+)?: op 'wrong' failed in {words}"):
            make("wrong")
