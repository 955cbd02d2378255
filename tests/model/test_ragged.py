"""Sequences that layers shorten, integers that stay integers, several fields, and zeros beside sequences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nas_cli.axes import Axes
from nas_cli.errors import Infeasible
from nas_cli.model.build import build, plan
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.transport import program_from_data, program_to_data
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture

LENGTHS = (40, 1, 17, 8, 33)
FRAMES = {"sound": Axes("float32", (6, 40), ragged=True)}
CONV = {"conv1d": {"channels": 6, "stride": 2}}
BODIES: dict[str, list[Any]] = {
    "strided": [CONV, "relu", {"conv1d": {"channels": 8, "kernel": 5, "stride": 3}}, "layer_norm"],
    "torch": [{"nn.Conv1d": {"out_channels": 5, "kernel_size": 4, "stride": 2, "padding": 2}}, {"conv1d": {}}],
    "pooled": [{"conv1d": {}}, {"nn.MaxPool1d": {"kernel_size": 1, "stride": 2}}, "sigmoid", {"conv1d": {}}],
    "averaged": [{"nn.AvgPool1d": {"kernel_size": 1, "stride": 3}}, {"attention": {"heads": 2}}],
    "recurrent": [CONV, {"lstm": 8}],
    "branches": [{"branches": {"paths": [[CONV], [CONV, "relu", {"conv1d": {}}]], "join": "add"}}],
}


def network_of(body: list[Any], inputs: dict[str, Axes] | None = None, head: list[Any] | None = None) -> Network:
    facts = {"words": 2**25, "labels": 3}
    return build(
        parse_architecture(body, OPS),
        inputs or FRAMES,
        lambda _: parse_architecture(head or ["tanh"], OPS),
        facts,
        Fresh(torch.Generator().manual_seed(1)),
    ).eval()


def sounds() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(6, length, generator=generator) for length in LENGTHS]


def padded(single: list[Tensor]) -> Tensor:
    return torch.stack([torch.nn.functional.pad(s, (0, max(LENGTHS) - s.shape[1])) for s in single])


@pytest.mark.parametrize("body", BODIES)
def test_what_is_shortened_gives_in_a_batch_what_it_gives_alone(body: str) -> None:
    network, single = network_of(BODIES[body]), sounds()
    with torch.inference_mode():
        together = network.body({"sound": padded(single)}, {"sound": torch.tensor(LENGTHS)})
        assert together.lengths is not None
        for row, sound in enumerate(single):
            alone = network.body({"sound": sound[None]}, {"sound": torch.tensor([sound.shape[1]])})
            length = alone.values.shape[2]
            assert int(together.lengths[row]) == length
            torch.testing.assert_close(together.values[row, :, :length], alone.values[0], rtol=1e-4, atol=1e-5)
            assert not together.values[row, :, length:].any()


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_what_is_shortened_can_be_pooled(kind: str) -> None:
    network, single = network_of([*BODIES["strided"], {"global_pool": kind}]), sounds()
    with torch.inference_mode():
        together = network(padded(single), torch.tensor(LENGTHS))
        for row, sound in enumerate(single):
            alone = network(sound[None], torch.tensor([sound.shape[1]]))
            torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([{"nn.MaxPool1d": {"kernel_size": 3, "padding": 1, "stride": 2}}], "vary in length"),
        ([{"nn.AvgPool1d": {"kernel_size": 2, "ceil_mode": True}}], "vary in length"),
        ([{"nn.ConvTranspose1d": {"out_channels": 4, "kernel_size": 2, "stride": 2}}], "vary in length"),
        ([{"nn.AdaptiveAvgPool1d": {"output_size": 40}}], "padding of shorter sequences"),
        ([{"branches": {"paths": [[CONV], ["relu"]], "join": "concat"}}], "their sizes differ"),
        (
            [
                {
                    "branches": {
                        "paths": [
                            [{"nn.Conv1d": {"out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1}}],
                            [{"nn.Conv1d": {"out_channels": 6, "kernel_size": 2, "stride": 2}}],
                        ],
                        "join": "add",
                    }
                }
            ],
            "were shortened differently",
        ),
        ([{"take": "sounds"}], "wants the field 'sounds', and the data has sound"),
    ],
    ids=str,
)
def test_what_does_not_fit_every_length_is_infeasible(body: list[Any], words: str) -> None:
    with pytest.raises(Infeasible, match=words):
        network_of(body)


def test_a_layer_with_lengths_of_its_own_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Halves(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, ::2]

        def lengths(self, lengths: Tensor) -> Tensor:
            return (lengths + 1) // 2

    monkeypatch.setattr(OPS, "_items", {**OPS._items, "halves": lambda shape: Halves()})
    network = network_of(["halves", {"conv1d": {}}, "halves"])
    found = network.body({"sound": padded(sounds())}, {"sound": torch.tensor(LENGTHS)})
    assert found.lengths is not None
    assert found.lengths.tolist() == [-(-length // 4) for length in LENGTHS]


def test_numbers_of_words_stay_whole_numbers() -> None:
    """Of two neighbours beyond 2^24 float32 makes one."""
    network = network_of([{"embedding": {"units": 2}}, {"global_pool": "max"}], {"text": Axes("int32", (1, 4), True)})
    first = 2**24
    raw = torch.tensor([[[first]], [[first + 1]]], dtype=torch.int32)
    with torch.inference_mode():
        one, other = network(raw)
    assert not torch.equal(one, other)


def test_zeros_beside_sequences_are_as_long_as_they() -> None:
    body = [{"branches": {"paths": [[{"conv1d": {}}], ["zero"]], "join": "concat"}}, {"conv1d": {"channels": 4}}]
    network = network_of(body)
    for length in (3, 57):
        found = network.body({"sound": torch.randn(2, 6, length)}, {"sound": torch.tensor([length, 1])})
        assert found.values.shape == (2, 4, length)


def test_two_fields_come_in() -> None:
    inputs = {"user": Axes.floats(3), "item": Axes.floats(5)}
    paths = [[{"linear": 4}], [{"take": "item"}, {"linear": 6}]]
    network = network_of([{"branches": {"paths": paths, "join": "concat"}}, "relu"], inputs, [{"linear": 2}])
    user, item = torch.randn(7, 3), torch.randn(7, 5)
    before = network(user, item)
    assert before.shape == (7, 2)
    assert not torch.equal(before, network(user, item + 1))
    assert not torch.equal(before, network(user + 1, item))
    program = network.program
    assert program_from_data(program_to_data(program)) == program


def test_a_field_alone_is_no_network() -> None:
    inputs = {"user": Axes.floats(3), "item": Axes.floats(5)}
    with pytest.raises(Infeasible, match="no layers"):
        plan(parse_architecture([{"take": "item"}], OPS), inputs, lambda _: Seq(()))
