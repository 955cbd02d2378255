"""What is named is taken, what is left open is timed, and what a device cannot do is said."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas_cli.data import parse_data
from nas_cli.errors import UserError
from nas_cli.execute.race import Steps, middle, stand_in
from nas_cli.execute.session import Session
from nas_cli.model.ops import OPS
from nas_cli.model.ops.layout import arrange, lay_out
from nas_cli.plugins import import_plugin, taking_back
from nas_cli.space.parse import parse_architecture
from nas_cli.train import precision
from nas_cli.train.precision import Format, Precision, choose_precision

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
STEPS: Any = object()
"""Nothing is timed with it."""


def pretend(monkeypatch: pytest.MonkeyPatch, seconds: dict[tuple[str, bool], float]) -> list[str]:
    """Timing answers from `seconds`; returned is what was timed."""
    timed: list[str] = []

    def race(options: list[Precision], *_: Any) -> tuple[dict[Precision, float], dict[Precision, str]]:
        timed.extend(str(option) for option in options)
        return {option: seconds[option.format, option.channels_last] for option in options}, {}

    monkeypatch.setattr(precision, "_race", race)
    return timed


def test_what_is_named_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = pretend(monkeypatch, {})
    for kind, (layout, last) in itertools.product(("float32", "bf16"), precision.LAYOUTS.items()):
        chosen, reasons = choose_precision(kind, layout, CPU, True, STEPS)
        assert chosen == Precision(kind, last)  # type: ignore[arg-type]
        assert reasons == {"chosen_by": "the spec"}
    for kind in ("tf32", "fp16"):
        assert choose_precision(kind, "channels-last", CUDA, True, STEPS)[0] == Precision(kind, True)  # type: ignore[arg-type]
    assert timed == []


def test_the_fastest_of_what_is_left_open_is_taken_where_it_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {("float32", False): 1.0, ("float32", True): 0.95, ("bf16", False): 2.0, ("bf16", True): 0.94}
    timed = pretend(monkeypatch, seconds)
    assert choose_precision("auto", "auto", CPU, True, STEPS)[0] == Precision("float32", True)
    assert len(timed) == 4
    assert choose_precision("bf16", "auto", CPU, True, STEPS)[0] == Precision("bf16", True)
    assert choose_precision("auto", "channels-last", CPU, True, STEPS)[0] == Precision("float32", True)
    seconds["bf16", True] = 0.5
    chosen, reasons = choose_precision("auto", "auto", CPU, True, STEPS)
    assert chosen == Precision("bf16", True)
    assert reasons["milliseconds_per_step"][str(chosen)] == 500
    assert len(reasons["milliseconds_per_step"]) == 4
    assert json.loads(json.dumps(reasons)) == reasons


def steps_of(architecture: list[Any], source: dict[str, Any], task: str) -> tuple[Session, Steps]:
    session = Session.open(task, parse_data(source), 0, precision="float32", layout="channels-first")
    program = session.problem.plan(parse_architecture(architecture, OPS))
    return session, Steps(program, session.problem, session.data, CPU, session.assets)


def test_timing_runs_and_leaves_generator_and_threads_alone() -> None:
    session, steps = steps_of([{"conv": 4}, "batch_norm", "relu"], {"source": "digits"}, "image-classification")
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    chosen, reasons = choose_precision("auto", "auto", CPU, True, steps, 16)
    assert str(chosen) in reasons["milliseconds_per_step"]
    assert all(0 < value < math.inf for value in reasons["milliseconds_per_step"].values())
    assert json.loads(json.dumps(reasons)) == reasons
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    session.close()


def test_rows_of_tables_are_timed_too(tmp_path: Path) -> None:
    rows = "\n".join(f"{number},{number % 7},{'ab'[number % 2]}" for number in range(80))
    (tmp_path / "t.csv").write_text(f"one,two,y\n{rows}\n")
    source = {"source": "csv", "path": str(tmp_path / "t.csv"), "target": "y"}
    session, steps = steps_of(["features", {"linear": 8}, "relu"], source, "table-classification")
    _, reasons = choose_precision("auto", "auto", CPU, False, steps)
    assert set(reasons["milliseconds_per_step"]) == {"float32, channels first", "bf16, channels first"}
    session.close()


def test_a_format_in_which_layers_fail_is_not_chosen() -> None:
    def make(option: Precision, examples: int) -> Any:
        if option.format == "bf16":
            raise RuntimeError("this layer is not implemented for 'BFloat16'")
        return lambda: 0.5 if examples > 4 else 0.1

    chosen, reasons = choose_precision("auto", "channels-first", CPU, True, make)
    assert chosen == Precision()
    assert reasons["failed"] == {"bf16, channels first": "RuntimeError: this layer is not implemented for 'BFloat16'"}
    chosen, reasons = choose_precision("bf16", "auto", CPU, True, make)
    assert chosen == Precision("bf16")
    assert reasons["chosen_by"] == "layers that fail when they are timed"


@pytest.mark.parametrize("error", [IndexError("index out of range in self"), AssertionError(), KeyError("x")])
def test_a_candidate_whose_layers_fail_ends_no_search(error: Exception) -> None:
    def make(option: Precision, examples: int) -> Any:
        raise error

    chosen, reasons = choose_precision("auto", "auto", CPU, True, make)
    assert chosen == Precision()
    assert len(reasons["failed"]) == 4
    assert all(words.startswith(type(error).__name__) for words in reasons["failed"].values())


def test_a_step_takes_as_many_examples_as_its_cost_allows() -> None:
    small, large = (steps_of([{"conv": n}], {"source": "digits"}, "image-classification") for n in (4, 256))
    assert small[1]._examples(64) == 64
    assert 2 <= large[1]._examples(10_000) < 1000
    for session, _ in (small, large):
        session.close()


def test_the_middle_one_is_timed_and_none_with_layers_of_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from torch import nn\nfrom nas_cli.plugins import op\n@op('own')\ndef own(shape): return nn.Tanh()\n"
    )
    session, _ = steps_of(["relu"], {"source": "digits"}, "image-classification")
    with taking_back():
        import_plugin(tmp_path / "own.py")
        plans = [session.problem.plan(parse_architecture([{"conv": n}], OPS)) for n in (32, 4, 8)]
        foreign = session.problem.plan(parse_architecture([{"conv": 6}, "own"], OPS))
        assert middle([*plans, foreign]) is plans[2]
        assert middle([foreign]) is None
    found = stand_in(session.problem)
    assert found is not None
    assert found.macs > 0
    session.close()


def test_what_has_one_layout_is_asked_for_no_other() -> None:
    assert choose_precision("auto", "auto", CPU, False, None)[0] == Precision()
    assert choose_precision("bf16", "channels-first", CPU, False, None)[0] == Precision("bf16")
    with pytest.raises(UserError, match="which only images have"):
        choose_precision("auto", "channels-last", CPU, False, None)


@pytest.mark.parametrize("kind", ["tf32", "fp16"])
@pytest.mark.parametrize("device", [CPU, MPS])
def test_a_format_that_the_device_cannot_do_is_answered(kind: str, device: torch.device) -> None:
    with pytest.raises(
        UserError, match=rf"precision is {kind}, which only a CUDA device .* is {device.type}; use auto"
    ):
        choose_precision(kind, "auto", device, True, STEPS)


def test_unknown_words_are_answered() -> None:
    with pytest.raises(UserError, match="did you mean 'bf16'"):
        choose_precision("bf-16", "auto", CPU, True, STEPS)
    with pytest.raises(UserError, match="did you mean 'channels-last'"):
        choose_precision("auto", "channel-last", CPU, True, STEPS)


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
