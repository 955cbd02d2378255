"""Modules written down as Python and made again."""

from __future__ import annotations

import ast
import math
from typing import Any

import pytest
import torch
from fields import inputs_of
from torch import nn

from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.model.source import _written, constructor, custom_classes
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture

MODEL: list[Any] = [
    {"conv": {"channels": 8, "kernel": 2}},
    {"nn.AvgPool2d": {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False}},
    {"residual": [{"mbconv": {"channels": 12, "se": 0.25}}, {"drop_path": 0.2}]},
    {"avg_pool": {"size": 3, "stride": 1, "padding": 1}},
    {"branches": {"paths": [["relu"], ["zero"]], "join": "concat"}},
    {"separable_conv": 6},
    {"upsample": {"scale": 2, "mode": "bilinear"}},
    "layer_norm",
    {"global_pool": "max"},
    {"nn.Linear": {"out_features": 9}},
    {"nn.Unflatten": {"dim": 1, "unflattened_size": [3, 3]}},
    {"nn.TransformerEncoderLayer": {"d_model": 3, "nhead": 1, "dim_feedforward": 4}},
]


def test_what_is_written_makes_the_same_module() -> None:
    fresh = Fresh(torch.Generator().manual_seed(0))
    network = build(parse_architecture(MODEL, OPS), inputs_of((3, 8, 8)), lambda shape: Seq(()), modules=fresh).eval()
    classes = custom_classes(network)
    names = {cls.__name__: cls for cls in classes}
    assert list(names) == ["AveragePool", "ChannelNorm", "DropPath", "GlobalPool", "MBConv", "SqueezeExcite", "Zeros"]
    generator = torch.Generator().manual_seed(1)
    for step in network.steps:
        if step.kind == "op":
            written = made(ast.parse(constructor(network, step), mode="eval").body, names)
            assert isinstance(written, nn.Module)
            written.load_state_dict(network.layers[step.name].state_dict())
            x = torch.randn((2, *network.program.shape(step.inputs[0])), generator=generator)
            torch.testing.assert_close(written.eval()(x), network.layers[step.name](x))


def made(node: ast.expr, names: dict[str, type[nn.Module]]) -> Any:
    """The value of an expression of constructor calls and literals."""
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    if isinstance(node.func, ast.Attribute):
        assert isinstance(node.func.value, ast.Name)
        assert node.func.value.id == "nn"
        maker = getattr(nn, node.func.attr)
    else:
        assert isinstance(node.func, ast.Name)
        maker = names[node.func.id]
    arguments = {str(word.arg): made(word.value, names) for word in node.keywords}
    return maker(*[made(item, names) for item in node.args], **arguments)


class Holder(nn.Module):
    def __init__(self, value: Any) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (0.1, "0.1"),
        (math.inf, "float('inf')"),
        (torch.tensor(0.5).double().numpy()[()], "float('0.5')"),
        ((), "()"),
        ((3,), "(3,)"),
        ((3, [4.0]), "(3, [4.0])"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": (1,), 2: {"b": -math.inf}}, "{'a': (1,), 2: {'b': float('-inf')}}"),
        (torch.float16, "torch.float16"),
        (nn.GELU, "nn.GELU"),
        ([nn.Linear(2, 3, bias=False)], "[nn.Linear(in_features=2, out_features=3, bias=False)]"),
    ],
    ids=str,
)
def test_arguments_are_written_as_python(value: Any, text: str) -> None:
    module = Holder(value)
    assert _written(module, {id(module): ((value,), {"more": value})}) == f"Holder({text}, more={text})"
