"""What is named is taken, what is left open is timed, and what a device cannot do is said."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
import torch
from fields import axes_of
from torch import nn
from torch.nn import functional

from nas_cli.errors import UserError
from nas_cli.model.ops.layout import arrange, lay_out
from nas_cli.train import precision
from nas_cli.train.precision import Format, Precision, choose_precision

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
IMAGE = (1, 8, 8)


def pretend(monkeypatch: pytest.MonkeyPatch, seconds: dict[tuple[str, bool], float]) -> list[str]:
    """Timing answers from `seconds`; returned is what was timed."""
    timed: list[str] = []

    def race(options: list[Precision], *_: Any) -> dict[Precision, float]:
        timed.extend(str(option) for option in options)
        return {option: seconds[option.format, option.channels_last] for option in options}

    monkeypatch.setattr(precision, "_race", race)
    return timed


def test_what_is_named_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = pretend(monkeypatch, {})
    for kind, (layout, last) in itertools.product(("float32", "bf16"), precision.LAYOUTS.items()):
        chosen, reasons = choose_precision(kind, layout, CPU, axes_of(IMAGE))
        assert chosen == Precision(kind, last)  # type: ignore[arg-type]
        assert reasons == {"chosen_by": "the spec"}
    for kind in ("tf32", "fp16"):
        assert choose_precision(kind, "channels-last", CUDA, axes_of(IMAGE))[0] == Precision(kind, True)  # type: ignore[arg-type]
    assert timed == []


def test_the_fastest_of_what_is_left_open_is_taken_where_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {("float32", False): 1.0, ("float32", True): 0.95, ("bf16", False): 2.0, ("bf16", True): 0.94}
    timed = pretend(monkeypatch, seconds)
    assert choose_precision("auto", "auto", CPU, axes_of(IMAGE))[0] == Precision("float32", True)
    assert len(timed) == 4
    assert choose_precision("bf16", "auto", CPU, axes_of(IMAGE))[0] == Precision("bf16", True)
    assert choose_precision("auto", "channels-last", CPU, axes_of(IMAGE))[0] == Precision("float32", True)
    seconds["bf16", True] = 0.5
    chosen, reasons = choose_precision("auto", "auto", CPU, axes_of(IMAGE))
    assert chosen == Precision("bf16", True)
    assert reasons["milliseconds_per_step"][str(chosen)] == 500
    assert len(reasons["milliseconds_per_step"]) == 4
    assert json.loads(json.dumps(reasons)) == reasons


def test_timing_runs_and_leaves_generator_and_threads_alone() -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    chosen, reasons = choose_precision("auto", "auto", CPU, axes_of(IMAGE), 16)
    assert str(chosen) in reasons["milliseconds_per_step"]
    assert all(0 < value < math.inf for value in reasons["milliseconds_per_step"].values())
    assert choose_precision("float32", "auto", CPU, axes_of((1, 1, 1)), 2)[0].format == "float32"
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("shape", [(12,), (3, 40)])
def test_inputs_that_are_no_images_are_not_timed(shape: tuple[int, ...]) -> None:
    assert choose_precision("auto", "auto", CPU, axes_of(shape))[0] == Precision()
    assert choose_precision("bf16", "channels-first", CPU, axes_of(shape))[0] == Precision("bf16")
    with pytest.raises(UserError, match="which only images have"):
        choose_precision("auto", "channels-last", CPU, axes_of(shape))


@pytest.mark.parametrize("kind", ["tf32", "fp16"])
@pytest.mark.parametrize("device", [CPU, MPS])
def test_a_format_that_the_device_cannot_do_is_answered(kind: str, device: torch.device) -> None:
    with pytest.raises(
        UserError, match=rf"precision is {kind}, which only a CUDA device .* is {device.type}; use auto"
    ):
        choose_precision(kind, "auto", device, axes_of(IMAGE))


def test_unknown_words_are_answered() -> None:
    with pytest.raises(UserError, match="did you mean 'bf16'"):
        choose_precision("bf-16", "auto", CPU, axes_of(IMAGE))
    with pytest.raises(UserError, match="did you mean 'channels-last'"):
        choose_precision("auto", "channel-last", CPU, axes_of(IMAGE))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_layers_keep_the_layout_of_what_they_read(channels: int, layout: torch.memory_format) -> None:
    raw = torch.randn(4, channels, 6, 5)
    x = arrange(raw, layout)
    assert torch.equal(x, raw)
    conv = nn.Conv2d(channels, 8, 3, padding=1)
    lay_out(conv, layout)
    y = functional.max_pool2d(functional.relu(conv(x)), 2)
    assert y.is_contiguous(memory_format=layout)
    assert y.stride(1) == (1 if layout == torch.channels_last else 6)


@pytest.mark.parametrize(("kind", "scales"), [("float32", False), ("bf16", False), ("fp16", True)])
def test_only_fp16_scales_gradients(kind: Format, scales: bool) -> None:
    assert Precision(kind).scaler(CPU).is_enabled() == scales


def test_depthwise_convolutions_compute_in_float32_where_the_rest_is_bf16() -> None:
    depthwise, plain = nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 8, 3)
    network, x = nn.ModuleList([depthwise, plain]), torch.randn(2, 4, 6, 6)
    bf16, exact = Precision("bf16"), depthwise(x)
    with bf16.autocast(CPU):
        rough = depthwise(x)
        with bf16.exempt_depthwise(network, CPU):
            assert torch.equal(depthwise(x), exact)
            assert torch.equal(depthwise(x.bfloat16()), depthwise(x.bfloat16().float()).bfloat16())
            assert plain(x).dtype == torch.bfloat16
        assert torch.equal(depthwise(x), rough)
    with Precision("float32").exempt_depthwise(network, CPU):
        assert "forward" not in vars(depthwise)
