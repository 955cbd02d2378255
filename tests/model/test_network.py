"""The network as others use it: weights, normalisation, export, layouts, precision."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fields import inputs_of, run_body
from torch import nn

from nas_cli.model.build import build
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture

EDGES = [[{"from": 0, "body": "tanh"}], [{"from": 0, "body": "zero"}, {"from": 1, "body": "zero"}]]
MODEL: list[Any] = [
    {"conv": 8},
    "batch_norm",
    "relu",
    {"tap": "fine"},
    {"residual": [{"mbconv": {"se": 0.25, "expand": 2}}, {"drop_path": 0.2}]},
    {"avg_pool": {"size": 3, "stride": 2, "padding": 1}},
    {"separable_conv": {"channels": "same", "kernel": 2}},
    {"upsample": 2},
    "layer_norm",
    {"join": {"with": "fine", "by": "concat"}},
    {"cell": {"nodes": EDGES, "output": "concat"}},
    {"nn.GroupNorm": {"num_groups": 2}},
    {"global_pool": "max"},
    {"dropout": 0.1},
    {"linear": 12},
    "layer_norm",
    "gelu",
]


def classifier(shape: Shape) -> Seq:
    return Seq((Op("linear", {"units": 5}),))


def make(model: Any = MODEL, seed: int = 0, shape: Shape = (3, 8, 8)) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(seed))
    return build(parse_architecture(model, OPS), inputs_of(shape), classifier, modules=fresh)


def pixels(count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        yield


def test_it_takes_no_memory_until_it_has_weights() -> None:
    network = build(parse_architecture(MODEL, OPS), inputs_of((3, 8, 8)), classifier)
    assert all(parameter.is_meta for parameter in network.parameters())
    assert not any(tensor.is_meta for tensor in make().state_dict().values())


def test_weights_depend_on_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first = make(seed=1).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    second, other = make(seed=1).state_dict(), make(seed=2).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["layers.model_0_conv.weight"], other["layers.model_0_conv.weight"])


def test_weights_keep_the_signal_its_size() -> None:
    deep = [{"linear": 256}, "relu"] * 12
    network = make(deep, shape=(256,))
    x = torch.randn(64, 256, generator=torch.Generator().manual_seed(0))
    y = x
    for step in network.steps[:-1]:
        y = network.layers[step.name](y)
    assert 0.3 < (y.square().mean() / x.square().mean()).item() * 2 < 5
    assert network(x).std().item() < 5
    conv = make([{"conv": {"channels": 64, "kernel": 5}}, "batch_norm", "relu"]).layers["model_0_conv"]
    assert isinstance(conv, nn.Conv2d)
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / 75), rel=0.05)
    tanh = make([{"linear": 400}, "tanh"], shape=(100,)).layers["model_0_linear"]
    assert isinstance(tanh, nn.Linear)
    assert tanh.weight.std().item() == pytest.approx(5 / 3 / 10, rel=0.05)
    assert not tanh.bias.any()


def test_what_an_op_sets_by_itself_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gamma = nn.Parameter(torch.full((3,), 0.25))
            self.register_buffer("places", torch.arange(3.0), persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.gamma.sum()

    monkeypatch.setattr(OPS, "_items", {**OPS._items, "scale": lambda shape: Scale()})
    scale = make(["scale", "global_pool"]).layers["model_0_scale"]
    assert isinstance(scale, Scale)
    assert scale.gamma.tolist() == [0.25] * 3
    assert dict(scale.named_buffers())["places"].tolist() == [0.0, 1.0, 2.0]


def test_normalisation_is_inside_and_in_the_weights() -> None:
    network = make()
    network.set_normalisation("input", [10.0, 20.0, 30.0], [2.0, 0.0, 4.0])
    assert [buffer.shape for buffer in network.levels.buffers()] == 2 * [(1, 3, 1, 1)]
    x = pixels()
    wanted = (x.float() - torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1)) / torch.tensor([2.0, 1.0, 4.0]).view(
        1, 3, 1, 1
    )
    torch.testing.assert_close(network.normalize({"input": x}), {"input": wanted})
    network.eval()
    torch.testing.assert_close(network(x), run_body(network, wanted))
    torch.testing.assert_close(network(x), network(x.float()))
    other = make(seed=9).eval()
    other.load_state_dict(network.state_dict())
    torch.testing.assert_close(other(x), network(x))
    earlier = {key.removeprefix("levels.input."): value for key, value in network.state_dict().items()}
    assert {"mean", "std", "layers.model_0_conv.weight"} < set(earlier)
    again = make(seed=9).eval()
    again.load_state_dict(earlier)
    torch.testing.assert_close(again(x), network(x))


def test_it_trains_and_every_parameter_gets_a_gradient() -> None:
    network = make()
    network(pixels()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_copies_layouts_and_autocast_compute_the_same() -> None:
    network = make().eval()
    x = pixels()
    wanted = network(x)
    torch.testing.assert_close(copy.deepcopy(network)(x), wanted)
    layout: dict[str, Any] = {"memory_format": torch.channels_last}
    channels_last = copy.deepcopy(network).to(**layout)
    torch.testing.assert_close(
        channels_last(x.contiguous(memory_format=torch.channels_last)), wanted, rtol=1e-4, atol=1e-5
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(network(x).float(), wanted, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("last", [{"global_pool": "avg"}, "flatten"])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gradients_of_images_keep_their_layout_where_they_become_vectors(
    last: Any, layout: torch.memory_format
) -> None:
    network = make([{"conv": 4}, {"avg_pool": 2}, last]).to(memory_format=layout)  # type: ignore[call-overload]
    pool = next(module for module in network.modules() if isinstance(module, nn.AvgPool2d))
    seen: list[bool] = []
    pool.register_full_backward_pre_hook(lambda _, grads: seen.append(grads[0].is_contiguous(memory_format=layout)))
    run_body(network, torch.randn(4, 3, 8, 8).contiguous(memory_format=layout)).square().sum().backward()
    assert seen == [True]


def test_values_are_let_go_after_their_last_use() -> None:
    network = make()
    freed = [value for values in network._freed for value in values]
    assert sorted(freed) == list(range(len(network.steps)))


def test_torch_export_with_a_dynamic_batch() -> None:
    network = make().eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (pixels(2),), dynamic_shapes=(({0: batch},),)).module()
    for count in (1, 7):
        torch.testing.assert_close(exported(pixels(count)), network(pixels(count)))


def test_onnx_export_with_a_dynamic_batch() -> None:
    runtime = pytest.importorskip("onnxruntime")
    network = make().eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.onnx.export(network, (pixels(2),), dynamo=True, dynamic_shapes=(({0: batch},),), verbose=False)
    assert program is not None
    session = runtime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (got,) = session.run(None, {session.get_inputs()[0].name: pixels(count).numpy()})
        torch.testing.assert_close(torch.from_numpy(got), network(pixels(count)).detach(), rtol=1e-3, atol=1e-4)
