"""Costs against hand computation, published figures and a count over a whole run; latency's manners."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from fields import axes_of, inputs_of
from torch.utils.flop_counter import FlopCounterMode

from nas_cli.model.build import build, plan
from nas_cli.model.cost import cost
from nas_cli.model.latency import device_name, measure_latency
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.weights import Fresh
from nas_cli.space.builtins import load_builtin
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture, parse_space


def nothing(shape: Shape) -> Seq:
    return Seq(())


def classifier(shape: Shape) -> Seq:
    return Seq((Op("linear", {"units": 10}),))


def make(model: Any, shape: Shape, head: Any = nothing) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(0))
    return build(parse_architecture(model, OPS), {"input": axes_of(shape)}, head, modules=fresh)


@pytest.mark.parametrize(
    ("model", "shape", "params", "macs"),
    [
        ([{"conv": 8}], (3, 6, 5), 3 * 8 * 9 + 8, 3 * 8 * 9 * 30),
        ([{"conv": {"channels": 8, "stride": 2, "bias": False}}], (4, 6, 6), 4 * 8 * 9, 4 * 8 * 9 * 9),
        ([{"conv": {"channels": 8, "groups": 4}}], (4, 6, 6), 8 * 9 + 8, 8 * 9 * 36),
        ([{"conv": {"channels": "same", "groups": "same", "kernel": 5}}], (4, 6, 6), 100 + 4, 100 * 36),
        ([{"conv": {"channels": 2, "dilation": 2, "padding": 0}}], (1, 9, 7), 18 + 2, 18 * 5 * 3),
        ([{"conv": {"channels": 2, "kernel": [1, 3]}}], (1, 4, 4), 6 + 2, 6 * 16),
        ([{"separable_conv": 8}], (4, 6, 6), 36 + 32 + 8, (36 + 32) * 36),
        ([{"linear": 7}], (5,), 42, 35),
        ([{"linear": 7}], (2, 3, 3), 18 * 7 + 7, 18 * 7),
        ([{"conv": 8}, "batch_norm", "relu"], (3, 6, 5), 3 * 8 * 9 + 16, 3 * 8 * 9 * 30),
        (
            # 4 wide inside 8: widen, depthwise, gate of 2 on one pixel, narrow; four batch norms' worth of pairs.
            [{"mbconv": {"expand": 2, "se": 0.25}}],
            (4, 6, 6),
            (32 + 16) + (72 + 16) + (16 + 2 + 16 + 8) + (32 + 8),
            (32 + 72 + 32) * 36 + 16 + 16,
        ),
        ([{"residual": [{"conv": {"channels": 6, "stride": 2}}]}], (3, 8, 8), 162 + 6 + 18 + 12, (162 + 18) * 16),
        (["relu", {"max_pool": 2}], (3, 6, 6), 0, 0),
    ],
)
def test_params_and_macs_by_hand(model: Any, shape: Shape, params: int, macs: int) -> None:
    network = make(model, shape)
    found = cost(network)
    assert found == cost(network.program)
    assert (found["params"], found["macs"]) == (params, macs)
    assert params == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("op", "shape", "macs"),
    [
        # Of each direction and place: four (or three) gates of `units / 2`, from what comes in and from the state.
        ({"lstm": {"units": 10}}, (7, 5), 2 * 5 * 4 * 5 * (7 + 5)),
        ({"lstm": {"units": 10, "bidirectional": False}}, (7, 5), 5 * 4 * 10 * (7 + 10)),
        ({"gru": {"units": 10}}, (7, 5), 2 * 5 * 3 * 5 * (7 + 5)),
        ({"gru": {"units": 10, "bidirectional": False}}, (7, 5), 5 * 3 * 10 * (7 + 10)),
        ({"attention": {"heads": 2}}, (8, 5), 5 * 8 * (3 * 8 + 8) + 2 * 5 * 5 * 8),
        ({"conv1d": {"channels": 6, "gated": True}}, (8, 5), 5 * 8 * 2 * 6 * 3),
        ("highway", (8, 5), 5 * 8 * 2 * 8),
        ("crf", (8, 5), 5 * 8 * 4),
        # 9 words of 4 characters.
        ({"characters": {"units": 6, "embedding": 8}}, (5, 9), 9 * 4 * 8 * 6 * 3),
        ({"characters": {"units": 6, "embedding": 8, "kind": "lstm"}}, (5, 9), 2 * 9 * 4 * 4 * 3 * (8 + 3)),
        ({"embedding": {"units": 6}}, (5, 9), 0),
    ],
    ids=str,
)
def test_macs_of_layers_for_sequences_by_hand(op: Any, shape: Shape, macs: int) -> None:
    facts = {"words": 50, "characters": 20, "labels": 4, "places": shape[1]}
    assert cost(build(parse_architecture([op], OPS), {"input": axes_of(shape)}, nothing, facts))["macs"] == macs


def test_nasbench201_has_its_published_cost() -> None:
    """The cell of 3x3 convolutions, C=16, N=5, CIFAR-10: 220.12 M MACs and 1.531546 M parameters.

    Ours has batch norm in the two shortcuts, 2*32 + 2*64 parameters more.
    """
    builtin = load_builtin("nasbench201")
    space = parse_space(builtin.model, {}, builtin.let, OPS, ())
    model = space.resolve(lambda path, decision: (decision.values() or ())[3]).model
    found = cost(plan(model, inputs_of((3, 32, 32)), classifier))
    assert (found["params"], found["macs"]) == (1_531_546 + 192, 220_119_680)


def test_the_cost_is_that_of_a_whole_real_run() -> None:
    model = [
        {"conv": 8},
        {"branches": {"paths": [[{"mbconv": {"se": 0.5}}], [{"separable_conv": 8}]], "join": "concat"}},
        {"residual": [{"conv": {"channels": "x2", "stride": 2}}]},
        {"nn.Conv2d": {"out_channels": 4, "kernel_size": 3}},
        "global_pool",
    ]
    network = make(model, (3, 12, 12), classifier).eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(3, 3, 12, 12))
    assert counter.get_total_flops() == 2 * 3 * cost(network)["macs"]


def test_activations_are_counted_in_bytes() -> None:
    network = make([{"conv": 8}, {"max_pool": 2}], (3, 6, 6))
    assert cost(network)["activation_mb"] == pytest.approx(4 * (8 * 36 + 8 * 9) / 1e6)


def test_activations_inside_a_layer_of_several_are_counted() -> None:
    """Expansion, depthwise, projection: each convolution, its norm and the activation after the first two."""
    network = make([{"mbconv": {"channels": 4, "expand": 3}}], (4, 6, 6))
    assert cost(network)["activation_mb"] == pytest.approx(4 * 36 * (3 * 12 + 3 * 12 + 2 * 4) / 1e6)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_activations_of_recurrent_layers_are_those_that_autograd_keeps(name: str) -> None:
    network = make([{name: {"units": 64}}], (32, 40))
    (module,), inputs = network.layers.values(), torch.randn(4, 32, 40, requires_grad=True)
    own = {p.untyped_storage().data_ptr() for p in [*module.parameters(), inputs]}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no other one gets its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(inputs, torch.ones(4, 40, dtype=torch.bool))
    size = sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)
    assert cost(network)["activation_mb"] == pytest.approx(size / 4 / 1e6, rel=0.25)


def test_a_plan_is_cheap_the_second_time() -> None:
    builtin = load_builtin("nasbench201")
    space = parse_space(builtin.model, {}, builtin.let, OPS, ())
    model = space.resolve(lambda path, decision: (decision.values() or ())[2]).model
    assert plan(model, inputs_of((3, 32, 32)), classifier) == plan(model, inputs_of((3, 32, 32)), classifier)


def test_latency_is_measured_and_leaves_everything_as_it_was() -> None:
    network = make([{"conv": 4}, "batch_norm", "global_pool"], (1, 8, 8), classifier)
    threads, mode = torch.get_num_threads(), network.training
    tracked = network.state_dict()["layers.model_1_batch_norm.num_batches_tracked"].item()
    measured = measure_latency(network, [torch.zeros(2, 1, 8, 8)], threads=threads + 1, seconds=0.1)
    assert 0 < measured.p50_ms <= measured.p95_ms < 1000
    assert 10 <= measured.runs <= 1000
    assert measured.batch_size == 2
    assert (measured.device, measured.threads) == (device_name("cpu"), threads + 1)
    assert (torch.get_num_threads(), network.training) == (threads, mode)
    assert network.state_dict()["layers.model_1_batch_norm.num_batches_tracked"].item() == tracked


def test_neither_costs_nor_training_load_the_compiler() -> None:
    """It takes a second and 70 MB of every process. Another version of torch may load it: then this says so."""
    code = """
import sys
import torch
from nas_cli.axes import Axes
from nas_cli.model.infer import count, infer
from nas_cli.model.weights import Fresh
from nas_cli.train.optimizers import OPTIMIZERS

for op, args, shape in [
    ("conv", {"channels": 4}, (3, 8, 8)),
    ("batch_norm", {}, (3, 8, 8)),
    ("gelu", {}, (3, 8, 8)),
    ("linear", {"units": 4}, (8,)),
    ("layer_norm", {}, (8, 5)),
    ("attention", {"heads": 2}, (8, 5)),
]:
    infer(op, args, Axes.floats(*shape))
    count(op, args, Axes.floats(*shape))
weight = torch.nn.Parameter(torch.ones(2, 2))
optimizer = OPTIMIZERS["adamw"]([weight])
weight.sum().backward()
optimizer.step()
optimizer.zero_grad()
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
