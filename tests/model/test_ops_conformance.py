"""What every op must do, registered or from torch.nn."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from fields import axes_of
from torch import nn

from nas_cli.arguments import check
from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.infer import infer, resolve_arguments
from nas_cli.model.ops import OPS, Shape, modules, op, sequence_modules, table_modules
from nas_cli.model.ops.internal import INTERNAL
from nas_cli.space.parse import parse_architecture
from nas_cli.testing.ops import SHAPES, check_op, check_op_on, make_op, run_op, samples

FACTS: dict[str, Any] = {"words": 20, "characters": 9, "labels": 5, "numeric_columns": 10, "categories": [3, 4]}
FACTS |= {"vectors": 30, "vector_size": 6, "words_without_vectors": 5}
ASSETS = {"vectors": torch.randn(28, 6, generator=torch.Generator().manual_seed(0))}
OF_SEQUENCES = (
    *("embedding", "pretrained", "characters", "lstm", "gru", "conv1d", "attention", "position_encoding", "highway"),
    *("locked_dropout", "crf"),
)
OF_ROWS = ("features", "feature_tokens")
OF_RAW = ("embedding", "pretrained", "characters", *OF_ROWS)
"""They read numbers of words or categories, through which no gradient goes."""
REQUIRED: dict[str, dict[str, Any]] = {
    "take": {"field": "user"},
    "conv": {"channels": 6},
    "separable_conv": {"channels": "x2"},
    "conv_transpose": {"channels": "x0.5"},
    "linear": {"units": 5},
    "projection": {"to": (6, 5, 4)},
    "cell_input": {"to": (6, 9, 7)},
    "zeros": {"channels": 3},
}
MORE: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"channels": "same", "groups": "same", "kernel": [3, 5], "stride": 2, "dilation": 2, "bias": False}),
    ("conv", {"channels": 4, "kernel": 2}),
    ("conv", {"channels": 4, "kernel": 4, "stride": 2}),
    ("conv", {"channels": 4, "padding": 0}),
    ("mbconv", {"channels": "x2", "expand": 2, "stride": 2, "se": 0.25, "activation": "relu6"}),
    ("mbconv", {"expand": 1, "se": 0.5}),
    ("pool", {"kind": "avg", "size": 3, "stride": 1, "padding": 1}),
    ("global_pool", {"kind": "max"}),
    ("upsample", {"scale": 3, "mode": "bilinear"}),
    ("upsample", {"scale": [1, 2], "mode": "bicubic"}),
    ("conv_transpose", {"channels": 6, "kernel": [4, 5], "stride": [2, 3], "groups": 2, "bias": False}),
    ("conv_transpose", {"channels": "same", "kernel": 3, "stride": 1}),
    ("atrous_pooling", {"channels": 6, "rates": [2, 30]}),
    ("dropout", {"rate": 0.0}),
    ("drop_path", {"rate": 1.0}),
    ("characters", {"kind": "lstm", "units": 6}),
    ("conv1d", {"channels": "x2", "kernel": 5, "dilation": 2, "gated": True}),
    ("conv1d", {"kernel": 2}),
    ("lstm", {"units": 7}),
    ("gru", {"units": 7, "bidirectional": False}),
    ("attention", {"heads": 3}),
    ("features", {"units": 2, "bins": 6}),
    ("feature_tokens", {"units": 4, "bins": 6}),
    ("nn.Conv2d", {"out_channels": 6, "kernel_size": 3, "padding": 1}),
    ("nn.Linear", {"out_features": 3}),
    ("nn.BatchNorm2d", {}),
    ("nn.GroupNorm", {"num_groups": 2}),
    ("nn.PReLU", {}),
    ("nn.Softmax", {"dim": 1}),
]
CASES = [(name, REQUIRED.get(name, {})) for name in [*OPS, *INTERNAL]] + MORE
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(CASES)]


def made(name: str, args: dict[str, Any], shape: Shape) -> tuple[nn.Module, Shape]:
    return make_op(name, args, shape, FACTS, ASSETS)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "args"), CASES, ids=IDS)
def test_an_op_builds_as_inferred_or_says_why_not(name: str, args: dict[str, Any], shape: Shape) -> None:
    refused = check_op_on(name, args, shape, FACTS, ASSETS)
    if refused:
        assert len(shape) < 3 or shape[1:] == (1, 1) or name in ("projection", *OF_SEQUENCES, *OF_ROWS)
        assert (
            len(shape) != 2 or name not in OF_SEQUENCES or "even" in refused or "halve" in refused or "div" in refused
        )
        return
    module, _ = made(name, args, shape)
    x = samples(shape).requires_grad_()
    y = run_op(module.train(), x)
    if name in ("zero", "zeros") or args.get("rate") == 1.0:
        assert not y.any()
        return
    y.square().sum().backward()
    for tensor in [*([] if name in OF_RAW else [x]), *(p for p in module.parameters() if p.requires_grad)]:
        assert tensor.grad is not None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "args"), CASES, ids=IDS)
def test_an_op_computes_in_16_bits_too(name: str, args: dict[str, Any], shape: Shape) -> None:
    """Precision is chosen by timing, whatever layers a space has."""
    try:
        module, _ = made(name, args, shape)
    except Infeasible:
        return
    exact = run_op(module.eval(), samples(shape))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near = run_op(module.eval(), samples(shape))
        rough = run_op(module.train(), samples(shape).requires_grad_())
    assert rough.isfinite().all()
    torch.testing.assert_close(near.float(), exact.float(), rtol=0.1, atol=0.1)
    if rough.requires_grad:
        rough.float().square().sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("name", [name for name in OPS if name != "zero"])
def test_every_op_passes_the_check_for_plugins(name: str) -> None:
    """What a plugin's author calls."""
    facts = {**FACTS, "numeric_columns": 9, "categories": [3, 4, 5]} if name in OF_ROWS else FACTS
    check_op(name, REQUIRED.get(name, {}), facts=facts, assets=ASSETS)


@pytest.mark.parametrize("shape", [(8, 9, 7), (8, 6), (12,)], ids=str)
@pytest.mark.parametrize(("name", "args"), [c for c in CASES if not c[0].startswith("nn.")], ids=IDS[: len(CASES) - 6])
def test_the_repr_is_a_constructor_call(name: str, args: dict[str, Any], shape: Shape) -> None:
    """`nas export --format source` writes the network from the reprs of its modules."""
    try:
        module, _ = made(name, args, shape)
    except Infeasible:
        return
    for part in module if isinstance(module, nn.Sequential) else [module]:
        rebuilt = constructed(repr(part))
        assert repr(rebuilt) == repr(part)
        rebuilt.load_state_dict(part.state_dict())
        if not isinstance(module, nn.Sequential):
            x = samples(shape)
            torch.testing.assert_close(run_op(rebuilt.eval(), x), run_op(module.eval(), x))


def constructed(text: str) -> nn.Module:
    """What the constructor call `text` makes, its arguments being literals."""
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    ours = (modules, sequence_modules, table_modules)
    maker = next((getattr(m, call.func.id) for m in ours if hasattr(m, call.func.id)), None) or getattr(
        nn, call.func.id
    )
    made_of = [ast.literal_eval(argument) for argument in call.args]
    named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    module = maker(*made_of, **named)
    assert isinstance(module, nn.Module)
    return module


@pytest.mark.parametrize("name", [*OPS, *OPS.torch_modules])
def test_an_op_says_what_it_is_and_takes(name: str) -> None:
    assert name in OPS
    assert callable(OPS[name])
    assert 5 < len(OPS.describe(name)) < 200
    for param in OPS.params(name):
        if not param.required and not name.startswith("nn."):
            check(param.annotation, param.default)


@pytest.mark.parametrize("name", [n for n in OPS.torch_modules if not any(p.required for p in OPS.params(n))])
def test_a_torch_module_without_required_arguments_builds_or_says_why_not(name: str) -> None:
    built, reasons = [], []
    for shape in ((8, 9, 7), (8, 9), (12,)):
        try:
            built.append(infer(name, resolve_arguments(name, {}, shape, {}), axes_of(shape)))
        except Infeasible as error:
            reasons.append(str(error))
    assert all(len(reason) > 5 for reason in reasons)
    # Some take volumes, or a size or a scale.
    assert built or "3d" in name or "Upsampl" in name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nn.GEUL", "did you mean 'nn.GELU'?"),
        ("nn.Qwxyz", "torch.nn has no module 'Qwxyz'"),
        ("nn.Sequential", "nn.Sequential is a container"),
        ("nn.Module", "container"),
        ("nn.CrossEntropyLoss", "losses go under train.loss"),
        ("nn.LSTM", "more than one output"),
        ("nn.Bilinear", "takes 2 inputs"),
        ("nn.LazyConv2d", "nn.Conv2d takes what comes in by itself"),
        ("nn.TransformerEncoder", "made of other modules"),
        ("nn.functional", "torch.nn has no module 'functional'"),
        ("covn", "did you mean 'conv'?"),
    ],
)
def test_a_wrong_name_is_answered(name: str, words: str) -> None:
    assert name not in OPS
    for ask in (OPS.params, OPS.describe, OPS.__getitem__):
        with pytest.raises(SpecError) as caught:
            ask(name)
        assert words in caught.value.message


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"nn.Conv2d": {"out_channels": "many", "kernel_size": 3}}, "a whole number"),
        ({"nn.Dropout": {"p": "half"}}, "p takes a number"),
        ({"nn.ReLU": {"inplace": True}}, "has no argument 'inplace'"),
        ({"nn.Linear": {}}, "needs out_features"),
        ({"pool": {"kind": "min"}}, "one of max, avg"),
        ({"conv": {"channels": 4, "kernel": [3, 3, 3]}}, "kernel takes"),
        ({"dropout": 1.5}, "from 0 to 1"),
    ],
)
def test_a_wrong_argument_is_answered(layer: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_architecture([layer], OPS)
    assert words in caught.value.message


def test_a_user_registers_an_op_once_and_under_a_plain_name() -> None:
    for name in ("conv", "choice", "nn.Mine", "two words"):
        with pytest.raises(SpecError):
            op(name)(lambda shape: nn.Identity())


def test_same_padding_keeps_the_size_and_even_kernels_halve_it() -> None:
    for kernel in (1, 2, 3, 4, 5):
        for dilation in (1, 2):
            args = {"channels": 4, "kernel": kernel, "dilation": dilation}
            assert infer("conv", args, axes_of((3, 12, 10))).axes.shape == (4, 12, 10)
            if dilation == 1:
                assert infer("conv", {**args, "stride": 2}, axes_of((3, 12, 10))).axes.shape == (4, 6, 5)


def test_average_pooling_does_not_count_its_padding() -> None:
    module, _ = made("avg_pool", {"size": 3, "stride": 1, "padding": 1}, (1, 4, 4))
    torch.testing.assert_close(module(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 4, 4))


def test_channel_norm_is_layer_norm_over_channels() -> None:
    module, _ = made("layer_norm", {}, (8, 9, 7))
    y = module(samples((8, 9, 7)))
    torch.testing.assert_close(y.mean(1), torch.zeros(4, 9, 7), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(4, 9, 7), atol=1e-3, rtol=0)


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    module = modules.DropPath(0.25).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = module(torch.ones(4000, 2, 3, 3))
    per_sample = y.flatten(1)
    assert bool((per_sample == per_sample[:, :1]).all())
    assert per_sample.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert y.mean().item() == pytest.approx(1.0, abs=0.03)


def test_mbconv_adds_its_input_only_where_shapes_agree() -> None:
    same, _ = made("mbconv", {}, (8, 6, 6))
    wider, _ = made("mbconv", {"channels": 16}, (8, 6, 6))
    assert isinstance(same, modules.MBConv)
    assert isinstance(wider, modules.MBConv)
    assert (same.residual, wider.residual) == (True, False)
    x = samples((8, 6, 6))
    torch.testing.assert_close(same.eval()(x), x + same.body(x))
