"""The table predicts a network from its layers, and its error is that of predictions made before the measurement."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from fields import inputs_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from nas_cli.model.build import build, plan
from nas_cli.model.latency import median_spread
from nas_cli.model.latency_table import LatencyTable, entry_names, line_through, measure_entries
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.weights import Fresh
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture

SHAPE = (1, 8, 8)
SAMPLES = [torch.zeros(2, *SHAPE)]
DEEP = [
    {"conv": 4},
    "relu",
    {"residual": [{"conv": 4}]},
    {"branches": {"paths": [["relu"], ["gelu"]], "join": "concat"}},
]


def head(shape: tuple[int, ...]) -> Seq:
    return Seq((Op("global_pool", {"kind": "avg"}), Op("linear", {"units": 3})))


def program_of(*layers: Any) -> Program:
    return plan(parse_architecture(list(layers), OPS), inputs_of(SHAPE), head)


def network_of(*layers: Any) -> Network:
    return build(parse_architecture(list(layers), OPS), inputs_of(SHAPE), head, modules=Fresh(torch.Generator()))


def test_every_layer_is_measured_once_and_nothing_is_changed() -> None:
    network = network_of(*DEEP)
    threads, mode = torch.get_num_threads(), network.training
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    names = entry_names(network.program)
    assert len(set(names)) == len(names)
    entries = measure_entries(network, SAMPLES, torch.device("cpu"), threads + 1, names)
    assert list(entries) == names
    assert all(value > 0 for value in entries.values())
    assert (torch.get_num_threads(), network.training) == (threads, mode)
    assert all((before[name] == tensor).all() for name, tensor in network.state_dict().items())
    some = measure_entries(network, SAMPLES, torch.device("cpu"), 1, names[:2])
    assert list(some) == names[:2]
    assert measure_entries(network, SAMPLES, torch.device("cpu"), 1, []) == {}


def test_a_prediction_is_the_sum_of_the_layers_times_the_median_ratio() -> None:
    one, two = program_of({"conv": 4}), program_of({"conv": 4}, "relu")
    entries = dict.fromkeys(entry_names(two), 1.0)
    table = LatencyTable()
    assert table.predict(one) is None
    assert set(table.missing(two)) == set(entries)
    table.observe(two, 2.0 * len(two.steps) + 2.0, entries)
    assert table.missing(one) == []
    assert table.predict(one) == pytest.approx(2.0 * (len(one.steps) + 1))


def test_a_layer_that_was_not_measured_counts_by_the_others_of_its_op() -> None:
    """A convolution of 3×3 on 8×8 places: 1 channel in, 64 numbers; c channels out, 64 c numbers, 576 c products."""
    table = LatencyTable()
    convolutions = {channels: program_of({"conv": channels}) for channels in (2, 4, 8, 6)}
    for channels in (2, 4, 8):
        program = convolutions[channels]
        assert table.predict(program) is None
        entries = dict.fromkeys(table.missing(program), 1.0)
        entries |= {key: 0.5 + 576 * channels / 1000 for key in entries if key.startswith('["conv"')}
        table.observe(program, 3.0 + 0.5 + 576 * channels / 1000, entries)
    new = convolutions[6]
    others = sum(table.entries[key] for key in entry_names(new) if key in table.entries)
    unknown = len(table.missing(new)) - 1  # the pooling and the linear layer of the head, 1 ms each
    assert table.predict(new) == pytest.approx(others + unknown + 0.5 + 576 * 6 / 1000, rel=1e-6)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(1, 10**5), st.floats(0.001, 10.0)),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_the_line_is_the_one_that_lawson_and_hanson_find(layers: list[tuple[int, int, float]]) -> None:
    works, times = [(macs, numbers) for macs, numbers, _ in layers], [ms for _, _, ms in layers]
    line = line_through(works, times)
    assert (line >= 0).all()
    matrix = np.array([(1.0, macs / 1e7, numbers / 1e5) for macs, numbers in works]) / np.array(times)[:, None]
    _, distance = nnls(matrix, np.ones(len(times)))
    assert np.linalg.norm(matrix @ (line * (1.0, 1e7, 1e5)) - 1) == pytest.approx(distance, abs=1e-4)


def test_only_what_could_be_predicted_counts_as_an_error() -> None:
    one, two, other = program_of({"conv": 4}), program_of({"conv": 4}, "relu"), program_of({"conv": 5})
    table = LatencyTable()
    table.observe(two, float(len(two.steps) + 1), dict.fromkeys(entry_names(two), 1.0))
    assert table.error() == (0.0, 0), "its layers were measured with it"
    table.observe(one, 2.0 * (len(one.steps) + 1), {})
    error, count = table.error()
    assert (error, count) == (pytest.approx(0.5), 1)
    table.observe(other, 1.0, dict.fromkeys(table.missing(other), 1.0))
    assert table.error()[1] == 1


def test_what_was_seen_is_enough_to_go_on() -> None:
    one, two = program_of({"conv": 4}), program_of({"conv": 4}, "relu")
    table, again = LatencyTable(), LatencyTable()
    entries = dict.fromkeys(entry_names(two), 1.0)
    again.recall(entries, json.loads(json.dumps(table.observe(two, 9.0, entries))))
    again.recall({}, json.loads(json.dumps(table.observe(one, 5.0, {}))))
    assert again.predict(two) == table.predict(two)
    assert again.error() == table.error() != (0.0, 0)


def test_the_spread_of_a_median_by_hand() -> None:
    """Of 100 values the interval lies between the 40th and the 61st (Conover 1999)."""
    values = [float(value) for value in range(1, 101)]
    assert median_spread(values) == pytest.approx((61 - 40) / (2 * 50.5))
    assert median_spread([3.0] * 50) == 0.0
    assert median_spread([*values, 1e9]) < 0.3, "one slow run changes little"
