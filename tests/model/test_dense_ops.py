"""The ops of image segmentation against torch's own functions, their costs by hand, and `resize`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fields import axes_of, inputs_of, run_body
from torch import Tensor, nn
from torch.nn import functional

from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.build import build, plan
from nas_cli.model.cost import cost
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.ops.modules import AtrousPooling
from nas_cli.model.weights import Fresh
from nas_cli.space.canonical import Canonical
from nas_cli.space.nodes import Seq, to_yaml
from nas_cli.space.parse import parse_architecture
from nas_cli.testing.ops import make_op, samples

IMAGE = (6, 9, 7)
SIZES = [(9, 7), (8, 8), (1, 1), (5, 12)]


def network(model: Any, shape: Shape = IMAGE) -> Network:
    fresh = Fresh(torch.Generator().manual_seed(0))
    return build(parse_architecture(model, OPS), {"input": axes_of(shape)}, lambda _: Seq(()), modules=fresh).eval()


def images(size: tuple[int, int], channels: int = 6) -> Tensor:
    return torch.randn((2, channels, *size), generator=torch.Generator().manual_seed(1))


# Transposed convolution -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 2, 3, (1, 2), (4, 3)])
@pytest.mark.parametrize("over", [0, 1, 2, 3, 5])
def test_a_transposed_convolution_multiplies_the_size_by_its_stride(
    size: tuple[int, int], stride: Any, over: int
) -> None:
    steps = (stride, stride) if isinstance(stride, int) else stride
    kernel = [step + over for step in steps]
    if over % 2 and 1 in steps:
        with pytest.raises(Infeasible, match="kernel must be odd where its stride is 1"):
            make_op("conv_transpose", {"channels": 4, "kernel": kernel, "stride": stride}, IMAGE, {})
        return
    module, after = make_op("conv_transpose", {"channels": 4, "kernel": kernel, "stride": stride}, IMAGE, {})
    assert after == (4, 9 * steps[0], 7 * steps[1])
    x = images(size)
    y = module(x)
    assert y.shape == (2, 4, size[0] * steps[0], size[1] * steps[1])
    # The same cut out of torch's own one without any padding, which is as large as its windows reach.
    assert isinstance(module, nn.ConvTranspose2d)
    whole = functional.conv_transpose2d(x, module.weight, module.bias, steps)
    top = left = (over + 1) // 2
    torch.testing.assert_close(y, whole[:, :, top : top + y.shape[2], left : left + y.shape[3]])


def test_its_kernel_is_its_stride_where_it_is_not_given() -> None:
    module, _ = make_op("conv_transpose", {"channels": "x0.5", "stride": [2, 3]}, IMAGE, {})
    assert isinstance(module, nn.ConvTranspose2d)
    assert (module.kernel_size, module.out_channels, module.bias is not None) == ((2, 3), 3, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernel": 1}, "pixels between would get nothing"),
        ({"kernel": 2, "stride": [2, 3]}, "pixels between would get nothing"),
        ({"kernel": 2, "stride": 1}, "odd"),
        ({"groups": 4}, "groups 4 does not divide both 6 channels in and 4 out"),
    ],
)
def test_a_transposed_convolution_says_what_it_cannot(arguments: Any, words: str) -> None:
    with pytest.raises(Infeasible, match=words):
        make_op("conv_transpose", {"channels": 4, **arguments}, IMAGE, {})


def test_its_bias_is_idle_before_a_batch_norm_and_its_weights_keep_the_variance() -> None:
    built = network([{"conv_transpose": {"channels": 64, "kernel": 4}}, "batch_norm", "relu"], (64, 16, 16))
    layer = built.layers["model_0_conv_transpose"]
    assert isinstance(layer, nn.ConvTranspose2d)
    assert layer.bias is None
    # Each pixel of the output is summed from 64 channels of 2×2 pixels: variance 2 (He et al. 2015) for variance 1.
    y = layer(torch.randn((4, 64, 32, 32), generator=torch.Generator().manual_seed(2)))
    assert y[:, :, 4:-4, 4:-4].var().item() == pytest.approx(2.0, rel=0.1)


# Atrous pooling -------------------------------------------------------------------------------------------------------


def test_atrous_pooling_is_what_its_paper_says() -> None:
    module, after = make_op("atrous_pooling", {"channels": 5, "rates": [2, 4]}, IMAGE, {})
    assert isinstance(module, AtrousPooling)
    assert after == (5, 9, 7)
    x = samples(IMAGE)
    state = dict(module.named_parameters())

    def normed(y: Tensor, name: str) -> Tensor:
        return torch.relu(functional.batch_norm(y, None, None, state[f"{name}.weight"], state[f"{name}.bias"], True))

    sides = [normed(functional.conv2d(x, state["points.0.weight"]), "points.1")]
    for number, rate in enumerate((2, 4)):
        y = functional.conv2d(x, state[f"windows.{number}.0.weight"], None, 1, rate, rate)
        sides.append(normed(y, f"windows.{number}.1"))
    mean = functional.adaptive_avg_pool2d(x, 1)
    pooled = torch.relu(functional.conv2d(mean, state["image.weight"], state["image.bias"]))
    sides.append(functional.interpolate(pooled, size=x.shape[2:]))
    wanted = normed(functional.conv2d(torch.cat(sides, 1), state["join.0.weight"]), "join.1")
    torch.testing.assert_close(module.train()(x), wanted)


def test_atrous_pooling_without_rates_is_refused_and_trains_on_one_image() -> None:
    with pytest.raises(Infeasible, match="at least one rate"):
        make_op("atrous_pooling", {"rates": []}, IMAGE, {})
    module, _ = make_op("atrous_pooling", {}, IMAGE, {})
    assert module.train()(samples(IMAGE, 1)).isfinite().all()


# Costs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "params", "macs"),
    [
        # 63 pixels come in, and each goes into every place of the window.
        ([{"conv_transpose": {"channels": 4, "kernel": 4}}], 6 * 4 * 16 + 4, 6 * 4 * 16 * 63),
        ([{"conv_transpose": {"channels": 4, "kernel": 3, "stride": 3, "groups": 2}}], 6 * 2 * 9 + 4, 6 * 2 * 9 * 63),
        (
            [{"atrous_pooling": {"channels": 5, "rates": [1, 2, 4]}}],
            (6 * 5 + 10) + 3 * (6 * 5 * 9 + 10) + (6 * 5 + 5) + (5 * 5 * 5 + 10),
            (6 * 5 + 3 * 6 * 5 * 9 + 5 * 5 * 5) * 63 + 6 * 5,
        ),
        ([{"upsample": {"scale": [2, 3], "mode": "bilinear"}}], 0, 0),
        ([{"tap": "t"}, {"max_pool": 2}, {"resize": "t"}], 0, 0),
    ],
    ids=["transposed", "grouped", "atrous", "upsample", "resize"],
)
def test_costs_by_hand(model: Any, params: int, macs: int) -> None:
    found = cost(network(model))
    assert (found["params"], found["macs"]) == (params, macs)


def test_a_resized_value_is_kept_for_training() -> None:
    pooled = plan(parse_architecture([{"max_pool": 2}], OPS), {"input": axes_of(IMAGE)}, lambda _: Seq(()))
    resized = plan(
        parse_architecture([{"max_pool": 2}, {"resize": {}}], OPS), {"input": axes_of(IMAGE)}, lambda _: Seq(())
    )
    assert resized.activations == pooled.activations + 6 * 9 * 7


# Sizes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("scale", [2, 3, [2, 3], [1, 4]])
def test_upsample_is_torchs_interpolation(mode: str, scale: Any) -> None:
    module, after = make_op("upsample", {"scale": scale, "mode": mode}, IMAGE, {})
    factors = [scale, scale] if isinstance(scale, int) else scale
    assert after == (6, 9 * factors[0], 7 * factors[1])
    torch.testing.assert_close(
        module(samples(IMAGE)), functional.interpolate(samples(IMAGE), size=after[1:], mode=mode)
    )


def test_upsampling_by_one_is_nothing() -> None:
    canonical = Canonical(OPS)
    nothing = canonical.network(parse_architecture(["relu"], OPS))
    assert canonical.network(parse_architecture(["relu", {"upsample": 1}], OPS)) == nothing
    assert [step.op for step in network(["relu", {"upsample": [1, 1]}]).steps] == ["relu"]


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", SIZES)
def test_resize_goes_to_the_size_of_a_tap_or_of_the_input_whatever_that_is(mode: str, size: tuple[int, int]) -> None:
    half = {"conv": {"channels": 4, "stride": 2}}
    built = network([half, {"tap": "t"}, half, {"resize": {"like": "t", "mode": mode}}, {"resize": {"mode": mode}}])
    tapped = built.layers["model_0_conv"](images(size))
    least = built.layers["model_2_conv"](tapped)
    wanted = functional.interpolate(least, size=tapped.shape[2:], mode=mode)
    wanted = functional.interpolate(wanted, size=size, mode=mode)
    torch.testing.assert_close(run_body(built, images(size)), wanted)


def test_a_skip_fits_at_odd_sizes() -> None:
    down, up = {"conv": {"channels": "x2", "stride": 2}}, {"conv_transpose": {"channels": "x0.5"}}
    model = [{"conv": 4}, {"tap": "a"}, down, {"tap": "b"}, down, up]
    with pytest.raises(Infeasible, match=r"cannot concatenate 8x34x50 and 8x33x49: their sizes differ"):
        network([*model, {"join": {"with": "b", "by": "concat"}}], (1, 65, 97))
    model += [{"resize": "b"}, {"join": {"with": "b", "by": "add"}}, up, {"resize": {"like": "a"}}]
    built = network([*model, {"join": {"with": "a", "by": "concat"}}], (1, 65, 97))
    assert built.program.shape(built.program.output) == (8, 65, 97)
    for size in ((65, 97), (64, 64), (5, 3)):
        assert run_body(built, images(size, 1)).shape == (2, 8, *size)


def test_resize_reads_back_and_has_a_form_of_its_own() -> None:
    canonical = Canonical(OPS)
    models: list[list[Any]] = [
        [{"tap": "a"}, {"max_pool": 2}, {"tap": "b"}, {"max_pool": 2}, resize]
        for resize in (
            {"resize": "a"},
            {"resize": {"like": "b"}},
            {"resize": {"like": "a", "mode": "nearest"}},
            "identity",
        )
    ]
    forms = []
    for model in models:
        parsed = parse_architecture(model, OPS)
        assert parse_architecture(to_yaml(parsed), OPS) == parsed
        forms.append(canonical.network(parsed))
    assert len(set(forms)) == len(models)
    # The tap lies where the image comes in: both names mean one size.
    assert canonical.network(parse_architecture([*models[0][:-1], {"resize": {}}], OPS)) == forms[0]


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (["flatten", {"resize": {}}], IMAGE, r"model\[1\]\.resize resizes images, and cannot take 378"),
        ([{"tap": "t"}, {"resize": "t"}], (5,), "resizes images, and cannot take 5"),
        ([{"tap": "t"}, "zero", {"tap": "z"}, {"join": "t"}, {"resize": "z"}], IMAGE, "off the tap 'z', which is zero"),
        ([{"branches": [[{"resize": "t"}], [{"tap": "t"}]]}], IMAGE, "wants the tap 't', and none before it"),
        (
            [{"max_pool": [8, 6]}, {"conv": {"channels": 60000, "kernel": 1}}, {"resize": {}}],
            (1, 300, 200),
            "more than 2,147,483,648 values",
        ),
    ],
)
def test_what_cannot_be_resized_is_said(model: Any, shape: Shape, words: str) -> None:
    with pytest.raises(Infeasible, match=words):
        network(model, shape)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"resize": {"like": "coarse"}}, "no tap is named 'coarse'; did you mean 'coarsest'"),
        ({"resize": {"mode": "linear"}}, "mode takes one of bilinear, nearest"),
        ({"resize": {"like": 3}}, "like takes the name of a tap; got 3"),
        ({"resize": {"with": "coarsest"}}, "resize has no 'with'"),
        ({"resize": 2}, "resize takes a mapping"),
        ("resize", "'resize' needs a value"),
    ],
)
def test_a_wrong_resize_is_answered(layer: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_architecture([{"tap": "coarsest"}, layer], OPS)
    assert words in caught.value.message


def test_zeros_beside_an_image_are_as_large_as_it() -> None:
    model = [{"branches": {"paths": [["zero", {"conv": 2}], ["relu"]], "join": "concat"}}]
    fresh = Fresh(torch.Generator())
    built = build(parse_architecture(model, OPS), inputs_of((3, 8, 8)), lambda _: Seq(()), modules=fresh)
    for size in ((8, 8), (5, 11)):
        y = run_body(built, images(size, 3))
        assert y.shape == (2, 5, *size)
        assert not y[:, :2].any()
