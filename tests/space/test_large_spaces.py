"""Ranges, sizes, walks and canonical forms cost little, however much they stand for."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from fuzz import harness
from space.languages import number

from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.ops import OPS
from nas_cli.space.canonical import Canonical
from nas_cli.space.decisions import Choice, FloatRange, IntRange
from nas_cli.space.edit import enumerate_genotypes, mutate, sample
from nas_cli.space.nodes import unique_labels
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.size import size
from nas_cli.space.space import Space


def space_of(model: Any, **let: Any) -> Space:
    return parse_space(model, {}, let, OPS, ())


@pytest.mark.parametrize("step", [1, 3, 999_999_999])
def test_a_long_range_is_never_written_out(step: int) -> None:
    long, rng = IntRange(5, 10**12, step), np.random.default_rng(0)
    with harness.limited():
        assert len(long.values()) == (10**12 - 5) // step + 1
        for _ in range(50):
            drawn = long.sample(rng)
            near = long.neighbour(drawn, rng)
            assert long.allows(drawn)
            assert long.allows(near)
            assert near != drawn


def test_neighbours_are_drawn_evenly_from_all_others() -> None:
    rng = np.random.default_rng(0)
    for decision, value in ((IntRange(2, 8, 2), 4), (Choice((1, 1.0, True), (1, 1.0, True)), 1.0)):
        others = [other for other in decision.values() if (type(other), other) != (type(value), value)]
        drawn = [decision.neighbour(value, rng) for _ in range(3000)]
        for other in others:
            share = sum((type(each), each) == (type(other), other) for each in drawn) / len(drawn)
            assert share == pytest.approx(1 / len(others), abs=0.05)
    assert IntRange(3, 3).neighbour(3, rng) == 3


@pytest.mark.parametrize(
    ("low", "high", "step", "count", "last"),
    [
        (0.99905, 0.9999, 0.00005, 18, 0.9999),
        (0.1, 0.5, 0.1, 5, 0.5),
        (123456.5, 123457.5, 0.25, 5, 123457.5),
        (-0.3, 0.3, 0.1, 7, 0.3),
        (1e-7, 1e-6, 3e-7, 4, 1e-6),
        (0.0, 0.9, 1e-12, 900_000_000_001, 0.9),
    ],
)
def test_a_grid_keeps_to_its_range_and_to_decimal_numbers(
    low: float, high: float, step: float, count: int, last: float
) -> None:
    grid = FloatRange(low, high, step=step)
    values, rng = grid.values(), np.random.default_rng(1)
    assert values is not None
    assert (len(values), values[0], values[-1]) == (count, low, last)
    for _ in range(50):
        drawn = grid.sample(rng)
        assert isinstance(drawn, float)
        assert low <= drawn <= high
        steps = (drawn - low) / step
        assert abs(steps - round(steps)) < 1e-3
    assert FloatRange(0.1, 0.3, step=0.1).values()[:] == [0.1, 0.2, 0.3]  # type: ignore[index]


@pytest.mark.parametrize(
    ("low", "high"), [(0.99905, 0.9999), (1000.1, 1000.4), (0.99995, 0.99999), (-1e-9, 1e-9), (5.0, 5.0000001)]
)
def test_a_narrow_range_has_more_than_a_few_values(low: float, high: float) -> None:
    rng = np.random.default_rng(2)
    drawn = {FloatRange(low, high).sample(rng) for _ in range(300)}
    assert len(drawn) > 60
    assert all(low <= value <= high for value in drawn if isinstance(value, float))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.9), (1e-4, 0.1), (1.0, 10.0)])
def test_other_ranges_keep_four_digits(low: float, high: float) -> None:
    rng = np.random.default_rng(3)
    assert all(float(f"{value:.4g}") == value for value in (FloatRange(low, high).sample(rng) for _ in range(99)))


WIDTH = {"choice": [8, 16]}


def names(count: int) -> dict[str, Any]:
    return {f"w{n}": WIDTH for n in range(count)}


def optionals(count: int) -> list[Any]:
    return [{"optional": [{"conv": f"$w{n}"}]} for n in range(count)]


def test_names_that_are_used_in_one_place_are_counted_to_the_last() -> None:
    assert number(space_of([*optionals(26), "relu"], **names(26))) == 3**26
    # As part of a definition, within a repeat (where copies share the name), and in both.
    assert number(space_of(["$body", "relu", "$body"], body=optionals(26), **names(26))) == 3**26
    copies = [{"repeat": {"times": 2, "body": [{"choice": ["relu", "gelu"]}, {"conv": "$w0"}]}}]
    assert number(space_of(copies, **names(1))) == 2 * 2 * 2
    both = space_of([{"optional": "$body"}, {"optional": {"linear": "$w0"}}], body=optionals(2), **names(2))
    assert number(both) == len(list(enumerate_genotypes(both)))


def test_what_cannot_be_counted_in_time_is_more_than_a_number() -> None:
    tangled = space_of([*optionals(40), *optionals(40)], **names(40))
    with harness.limited():
        counted = size(tangled)
    # Exactly 4 + 1 for each name that stands in two optional places: 2 * 2 * … as they are used or not.
    assert not counted.exact
    assert 1 < counted.number <= 7**40
    assert counted.describe().startswith("more than")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("times", [0, {"int": [0, 0]}, {"choice": [0]}, "$never"])
def test_what_is_repeated_never_counts_once_even_where_it_is_without_end(times: Any, tied: bool) -> None:
    body = [{"dropout": {"rate": {"float": [0.0, 0.5]}}}]
    counted = size(space_of([{"repeat": {"times": times, "body": body, "tied": tied}}], never={"int": [0, 0]}))
    assert counted == (1, True)


@pytest.mark.parametrize("times", [1100, {"int": [1, 5000]}, {"int": [2, 5000], "step": 7}, "$n"])
def test_large_powers_end_at_a_number(times: Any) -> None:
    space = space_of([{"repeat": {"times": times, "body": {"choice": ["relu", "gelu"]}}}], n={"int": [1, 5000]})
    with harness.limited():
        counted = size(space)
    assert (counted.number, counted.exact) == (10**300, False)
    assert counted.describe() == "more than 1.0e+300"


def test_a_repeat_without_decisions_counts_its_times() -> None:
    assert number(space_of([{"repeat": {"times": {"int": [1, 5000]}, "body": "relu"}}])) == 5000
    assert number(space_of([{"repeat": {"times": {"int": [0, 9]}, "body": {"conv": "$w0"}}}], **names(1))) == 1 + 2 * 9
    tied = {"repeat": {"times": {"int": [0, 9]}, "body": {"choice": ["relu", "gelu"]}, "tied": True}}
    assert number(space_of([tied])) == 1 + 2 * 9
    assert size(space_of([{"dropout": {"float": [0.0, 0.5]}}])).number == math.inf


LAUGHS: dict[str, Any] = {"a0": [{"residual": ["relu", "relu"]}]}
LAUGHS |= {f"a{n}": [{"residual": [f"$a{n - 1}", f"$a{n - 1}"]}] for n in range(1, 12)}


@pytest.mark.parametrize(
    "model",
    [
        [{"repeat": {"times": 5000, "body": {"repeat": {"times": 5000, "body": []}}}}],
        [{"repeat": {"times": 5000, "body": {"repeat": {"times": 5000, "body": {"optional": "relu"}}}}}],
        [{"repeat": {"times": 5000, "body": {"residual": [["relu"] * 50]}}}],
        [{"repeat": {"times": 5000, "body": {"branches": [[], [], [], []]}}}],
        [{"repeat": {"times": 5000, "body": {"cell": {"nodes": 100, "ops": [[]]}}}}],
        ["$a9"] * 4,
    ],
)
def test_a_walk_is_as_long_as_its_limit_at_most(model: Any) -> None:
    space = space_of(model, **LAUGHS)
    with harness.limited(), pytest.raises(Infeasible, match="the architecture"):
        sample(space, np.random.default_rng(0))
    with harness.limited(), pytest.raises(SpecError):
        parse_architecture(model, OPS, LAUGHS)


@pytest.mark.parametrize("entry", ["[$a{}]", "[{{residual: [$a{}]}}]", "{{choice: [$a{}, relu]}}"])
def test_a_chain_of_definitions_is_as_deep_as_layers_may_be(entry: str) -> None:
    import yaml

    let = {f"a{n}": yaml.safe_load(entry.format(n - 1)) for n in range(1, 900)}
    with pytest.raises(SpecError, match="nested more than 60 deep"):
        space_of(["$a899"], a0="relu", **let)


def test_forms_of_sums_that_double_stay_short() -> None:
    twice = {"branches": [["identity"], ["identity"]]}
    canonical = Canonical(OPS)

    def form(times: int) -> str:
        return canonical.network(parse_architecture([{"repeat": {"times": times, "body": twice}}, "relu"], OPS))

    with harness.limited():
        assert form(900) == form(900) != form(901)
        assert len({form(times) for times in range(40)}) == 40
        cell = [{"conv": 4}, {"cell": {"nodes": 60, "ops": ["identity"]}}]
        canonical.network(space_of(cell).resolve(lambda path, decision: "identity").model)


def test_a_cell_of_many_nodes_is_drawn_in_time_and_has_a_limit() -> None:
    cell = {"cell": {"nodes": 100, "ops": ["relu", "identity"], "inputs": 2, "from": 2}}
    space, rng = space_of([cell]), np.random.default_rng(0)
    with harness.limited():
        genotype = sample(space, rng)
        assert mutate(space, genotype, rng) != genotype
    with pytest.raises(SpecError, match="nodes takes a whole number from 1 to 100; got 101"):
        space_of([{"cell": {**cell["cell"], "nodes": 101}}])


def test_labels_are_unique_whatever_options_are_called() -> None:
    for options in (("a", "a", "a#2"), ("a#2", "a", "a"), ("a", "a#2", "a", "a#2")):
        labels = unique_labels(options)
        assert len({json.dumps(label) for label in labels}) == len(options)


def test_a_list_passes_over_what_is_too_large() -> None:
    space = space_of([{"repeat": {"times": {"int": [1, 60]}, "body": {"repeat": {"times": 100, "body": "relu"}}}}])
    assert [genotype["model[0].repeat.times"] for genotype in enumerate_genotypes(space)] == list(range(1, 51))


def test_wide_sums_of_sums_have_a_form() -> None:
    def form(paths: int, layers: int) -> str:
        model = [*[{"branches": [["identity"]] * paths}] * layers, {"conv": 4}]
        return Canonical(OPS).network(parse_architecture(model, OPS))

    with harness.limited():
        wide = form(100, 9)
    assert wide == form(100, 9)
    assert len({wide, form(100, 8), form(99, 9)}) == 3
