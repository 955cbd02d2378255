"""The table predicts a network from its layers, and its error is that of predictions made before the measurement."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nas_cli.model.build import build, plan
from nas_cli.model.initialise import initialise
from nas_cli.model.latency import median_spread
from nas_cli.model.latency_table import LatencyTable, entry_names, measure_entries
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.parse import parse_architecture

SHAPE = (1, 8, 8)
DEEP = [
    {"conv": 4},
    "relu",
    {"residual": [{"conv": 4}]},
    {"branches": {"paths": [["relu"], ["gelu"]], "join": "concat"}},
]


def head(shape: tuple[int, ...]) -> Seq:
    return Seq((Op("global_pool", {"kind": "avg"}), Op("linear", {"units": 3})))


def program_of(*layers: Any) -> Program:
    return plan(parse_architecture(list(layers), OPS), SHAPE, head)


def network_of(*layers: Any) -> Network:
    return initialise(build(parse_architecture(list(layers), OPS), SHAPE, head), torch.Generator())


def test_every_layer_is_measured_once_and_nothing_is_changed() -> None:
    network = network_of(*DEEP)
    threads, mode = torch.get_num_threads(), network.training
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    names = entry_names(network.program)
    assert len(set(names)) == len(names)
    entries = measure_entries(network, torch.device("cpu"), 2, threads + 1, names)
    assert list(entries) == names
    assert all(value > 0 for value in entries.values())
    assert (torch.get_num_threads(), network.training) == (threads, mode)
    assert all((before[name] == tensor).all() for name, tensor in network.state_dict().items())
    some = measure_entries(network, torch.device("cpu"), 2, 1, names[:2])
    assert list(some) == names[:2]
    assert measure_entries(network, torch.device("cpu"), 2, 1, []) == {}


def test_a_prediction_is_the_sum_of_the_layers_times_the_median_ratio() -> None:
    one, two = program_of({"conv": 4}), program_of({"conv": 4}, "relu")
    entries = dict.fromkeys(entry_names(two), 1.0)
    table = LatencyTable()
    assert table.predict(one) is None
    assert set(table.missing(two)) == set(entries)
    table.observe(two, 2.0 * len(two.steps) + 2.0, entries)
    assert table.missing(one) == []
    assert table.predict(one) == pytest.approx(2.0 * (len(one.steps) + 1))


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
    again.recall(entries, table.observe(two, 9.0, entries))
    again.recall({}, table.observe(one, 5.0, {}))
    assert again.predict(two) == table.predict(two)
    assert again.error() == table.error() != (0.0, 0)


def test_the_spread_of_a_median_by_hand() -> None:
    """Of 100 values the interval lies between the 40th and the 61st (Conover 1999)."""
    values = [float(value) for value in range(1, 101)]
    assert median_spread(values) == pytest.approx((61 - 40) / (2 * 50.5))
    assert median_spread([3.0] * 50) == 0.0
    assert median_spread([*values, 1e9]) < 0.3, "one slow run changes little"
