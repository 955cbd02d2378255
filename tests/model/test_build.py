"""Architectures to programs: wiring, shapes, projections, and the sentence where one cannot be built."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fields import inputs_of, ones, run_body
from torch import Tensor, nn

from nas_cli.errors import Infeasible
from nas_cli.model.build import build, plan
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.weights import Fresh
from nas_cli.space.builtins import builtin_names, load_builtin
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.task import open_task

IMAGE = (3, 8, 8)


def nothing(shape: Shape) -> Seq:
    return Seq(())


def classifier(shape: Shape) -> Seq:
    return Seq((Op("flatten", {}), Op("linear", {"units": 3})))


def network(model: Any, shape: Shape = IMAGE, head: Any = nothing) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(0))
    return build(parse_architecture(model, OPS), inputs_of(shape), head, modules=fresh).eval()


def steps(model: Any, shape: Shape = IMAGE) -> list[tuple[str, tuple[int, ...], Shape]]:
    program = plan(parse_architecture(model, OPS), inputs_of(shape), nothing)
    return [(step.op, step.inputs, step.shape) for step in program.steps]


def samples(shape: Shape = IMAGE, count: int = 2) -> Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(1))


def edge(source: int, body: Any) -> dict[str, Any]:
    return {"from": source, "body": body}


# Wiring -----------------------------------------------------------------------------------------------------------


def test_a_chain_with_relative_channels() -> None:
    model = [{"conv": 4}, {"conv": {"channels": "x2", "stride": 2}}, {"mbconv": {}}, "global_pool", {"linear": "x0.5"}]
    assert steps(model) == [
        ("conv", (0,), (4, 8, 8)),
        ("conv", (1,), (8, 4, 4)),
        ("mbconv", (2,), (8, 4, 4)),
        ("global_pool", (3,), (8,)),
        ("linear", (4,), (4,)),
    ]


def test_names_are_readable_and_unique() -> None:
    model = [{"conv": 4}, {"residual": ["relu", {"conv": "same"}]}, [["relu"]], {"branches": [["relu"], ["gelu"]]}]
    program = plan(parse_architecture(model, OPS), inputs_of(IMAGE), classifier)
    assert [step.path for step in program.steps] == [
        "model[0].conv",
        "model[1].residual[0].relu",
        "model[1].residual[1].conv",
        "model[1].residual.add",
        "model[2].relu",
        "model[3].branches[0][0].relu",
        "model[3].branches[1][0].gelu",
        "model[3].branches.add",
        "head[0].flatten",
        "head[1].linear",
    ]
    names = [step.name for step in program.steps]
    assert names[2] == "model_1_residual_1_conv"
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_a_residual_adds_its_input() -> None:
    built = network([{"residual": [{"conv": 3}]}])
    x = samples()
    torch.testing.assert_close(run_body(built, x), x + built.layers["model_0_residual_0_conv"](x))


def test_a_residual_projects_its_input_where_shapes_differ() -> None:
    assert steps([{"residual": [{"conv": {"channels": 6, "stride": 2}}]}]) == [
        ("conv", (0,), (6, 4, 4)),
        ("projection", (0,), (6, 4, 4)),
        ("add", (2, 1), (6, 4, 4)),
    ]
    assert steps([{"residual": [{"linear": 6}]}], (4,))[1] == ("projection", (0,), (6,))
    built = network([{"residual": [{"conv": {"channels": 6, "stride": [2, 1]}}]}], (3, 7, 5))
    shortcut = built.layers["model_0_residual_shortcut_projection"]
    assert isinstance(shortcut, nn.Sequential)
    assert [type(module).__name__ for module in shortcut] == ["Conv2d", "BatchNorm2d"]
    assert built(samples((3, 7, 5))).shape == (2, 6, 4, 5)


def test_branches_add_and_concatenate() -> None:
    paths = [[{"conv": 4}], [{"conv": {"channels": 4, "kernel": 1}}, "relu"]]
    x = samples()
    for join in ("add", "concat"):
        built = network([{"branches": {"paths": paths, "join": join}}])
        first = built.layers["model_0_branches_0_0_conv"](x)
        second = torch.relu(built.layers["model_0_branches_1_0_conv"](x))
        wanted = first + second if join == "add" else torch.cat([first, second], 1)
        torch.testing.assert_close(run_body(built, x), wanted)
    assert steps([{"branches": {"paths": [["relu"], [{"conv": 5}]], "join": "concat"}}])[-1][2] == (8, 8, 8)
    assert steps([{"branches": {"paths": [[{"linear": 2}], [{"linear": 3}]], "join": "concat"}}], (4,))[-1][2] == (5,)


def test_taps_join_later_also_from_inside_a_residual() -> None:
    unet = [{"conv": 8}, {"tap": "fine"}, {"max_pool": 2}, {"conv": 4}, {"upsample": 2}]
    assert steps([*unet, {"join": {"with": "fine", "by": "concat"}}])[-1] == ("concat", (4, 1), (12, 8, 8))
    added = steps([*unet, {"join": {"with": "fine", "by": "add"}}])
    assert added[-2:] == [("projection", (1,), (4, 8, 8)), ("add", (4, 5), (4, 8, 8))]
    inside = [{"residual": [{"conv": 3}, {"tap": "inner"}, "relu"]}, {"join": "inner"}]
    assert steps(inside)[-1] == ("add", (3, 1), (3, 8, 8))


def test_identities_vanish_and_dead_steps_cost_nothing() -> None:
    plain = steps([{"conv": 4}, "relu"])
    nothings = ["identity", "nn.Identity", {"dropout": 0.0}, {"nn.Dropout": {"p": 0.0}}, {"drop_path": 0.0}, []]
    assert steps([{"conv": 4}, *nothings, "relu", "identity"]) == plain
    dead = {"cell": {"nodes": [[edge(0, [{"conv": 64}])], [edge(0, ["relu"])]], "output": "last"}}
    assert steps([{"conv": 4}, dead]) == plain


# Zeros ------------------------------------------------------------------------------------------------------------


def test_zero_adds_nothing_and_an_op_on_nothing_is_nothing() -> None:
    plain = steps(["relu"])
    assert steps([{"branches": [["relu"], ["zero"]]}]) == plain
    assert steps([{"branches": [["zero", {"conv": 16}, "batch_norm"], ["relu"]]}]) == plain
    assert steps(["relu", {"residual": ["zero"]}]) == plain
    assert steps(["relu", {"tap": "t"}, "zero", {"join": "t"}]) == plain


def test_a_concatenation_keeps_the_place_of_zeros() -> None:
    model = [{"branches": {"paths": [["zero", {"conv": 2}], ["relu"]], "join": "concat"}}]
    built = network(model)
    y = run_body(built, samples())
    assert y.shape == (2, 5, 8, 8)
    assert not y[:, :2].any()
    torch.testing.assert_close(y[:, 2:], torch.relu(samples()))


# Cells ------------------------------------------------------------------------------------------------------------


def test_a_nasbench201_cell_is_what_its_definition_says() -> None:
    conv = ["relu", {"conv": {"channels": "same", "kernel": 1}}, "batch_norm"]
    nodes = [[edge(0, conv)], [edge(0, "identity"), edge(1, "avg_pool")], [edge(0, "zero"), edge(1, conv)]]
    nodes[1][1]["body"] = [{"avg_pool": {"size": 3, "stride": 1, "padding": 1}}]
    nodes[2].append(edge(2, "identity"))
    built = network([{"conv": 4}, {"cell": {"nodes": nodes}}])
    x = built.layers["model_0_conv"](samples())

    def through(name: str, value: Tensor) -> Tensor:
        value = built.layers[f"model_1_cell_edge_{name}_1_conv"](torch.relu(value))
        normalised: Tensor = built.layers[f"model_1_cell_edge_{name}_2_batch_norm"](value)
        return normalised

    one = through("0_1", x)
    two = x + nn.functional.avg_pool2d(one, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(run_body(built, samples()), through("1_3", one) + two)


def test_a_cell_with_two_inputs_takes_the_layer_before_the_last() -> None:
    cell = {"cell": {"nodes": [[edge(0, "tanh"), edge(1, "relu")]], "from": 2, "channels": "x0.5", "output": "concat"}}
    got = steps([{"conv": 4}, {"max_pool": 2}, cell])
    assert got == [
        ("conv", (0,), (4, 8, 8)),
        ("max_pool", (1,), (4, 4, 4)),
        ("cell_input", (1,), (2, 4, 4)),
        ("cell_input", (2,), (2, 4, 4)),
        ("tanh", (3,), (2, 4, 4)),
        ("relu", (4,), (2, 4, 4)),
        ("add", (5, 6), (2, 4, 4)),
    ]
    first = steps([cell], (4, 8, 8))
    assert [inputs for op, inputs, _ in first if op == "cell_input"] == [(0,), (0,)]
    assert steps([cell], (4,))[0] == ("cell_input", (0,), (2,))


def test_a_cell_concatenates_its_nodes_with_zeros_where_a_node_is_nothing() -> None:
    nodes = [[edge(0, "relu")], [edge(0, "zero")], [edge(1, "tanh"), edge(2, "relu")]]
    built = network([{"conv": 4}, {"cell": {"nodes": nodes, "output": "concat"}}])
    y = run_body(built, samples())
    assert y.shape == (2, 12, 8, 8)
    assert not y[:, 4:8].any()
    torch.testing.assert_close(y[:, 8:], torch.tanh(y[:, :4]))


def test_a_cell_of_one_input_with_its_own_channels_is_preprocessed() -> None:
    cell = {"cell": {"nodes": [[edge(0, "relu")]], "channels": 6}}
    assert [op for op, _, _ in steps([cell])] == ["cell_input", "relu"]


def test_a_bias_before_a_batch_norm_goes_unless_it_is_asked_for() -> None:
    def has_bias(model: Any, name: str) -> bool:
        return any(key.startswith(f"layers.{name}.") and key.endswith("bias") for key in network(model).state_dict())

    assert not has_bias([{"conv": 4}, "batch_norm"], "model_0_conv")
    assert not has_bias([{"conv": 4}, "identity", "batch_norm"], "model_0_conv")
    assert not has_bias([{"separable_conv": 4}, "batch_norm"], "model_0_separable_conv")
    assert has_bias([{"conv": 4}, "relu", "batch_norm"], "model_0_conv")
    assert has_bias([{"conv": {"channels": 4, "bias": True}}, "batch_norm"], "model_0_conv")
    assert has_bias([{"conv": 3}, {"residual": ["batch_norm"]}], "model_0_conv")


# Everything at once -----------------------------------------------------------------------------------------------


FACTS = {"labels": 3, "words": 9, "characters": 7, "places": 9, "numeric_columns": 4, "categories": [3, 5]}
VECTORS = {"vectors": 14, "vector_size": 6, "words_without_vectors": 4}
INPUTS = {
    "tagger": ("sequence-labelling", (5, 9)),
    "tabular": ("table-classification", (6,)),
    "text-cnn-rnn-attention": ("text-classification", (1, 9)),
}


@pytest.mark.parametrize(
    ("name", "given"),
    [(name, key) for name in builtin_names() for key in ("", *load_builtin(name).given)],
)
def test_the_shapes_of_built_in_spaces_are_those_of_a_real_run(name: str, given: str) -> None:
    replaced = {"nasbench201": {"cells": 1, "channels": 4}, "darts": {"cells": 1, "stem": 8}, "mobile": {"width": 8}}
    builtin = load_builtin({name: replaced.get(name, {})})
    space = parse_space(builtin.model_for({given: True}), {}, builtin.let, OPS, ())
    facts = {**FACTS, **(VECTORS if given else {})}
    rng = np.random.default_rng(0)
    task, shape = INPUTS.get(name, ("image-classification", (1, 16, 16)))
    built = 0
    for _ in range(20):
        try:
            net = build(
                replay(space, sample(space, rng)).model,
                inputs_of(shape),
                lambda s: parse_architecture(open_task(task).head(s, facts), OPS),
                facts,
                Fresh(torch.Generator().manual_seed(0), {"vectors": torch.ones(12, 6)}),
            ).eval()
        except Infeasible:  # nothing but zeros
            continue
        seen = watch(net)
        outputs = net(ones(shape, 3))
        assert outputs.shape == (3, *net.steps[-1].shape)
        assert outputs.shape[1] == 3
        assert seen == {step.name: step.shape for step in net.steps if step.kind == "op"}
        built += 1
    assert built > 3


def watch(net: Network) -> dict[str, Shape]:
    """Filled with the shape that every layer gives."""
    seen: dict[str, Shape] = {}

    def hook(name: str) -> Any:
        return lambda module, given, output: seen.__setitem__(name, tuple(output.shape[1:]))

    for name, layer in net.layers.items():
        layer.register_forward_hook(hook(name))
    return seen
