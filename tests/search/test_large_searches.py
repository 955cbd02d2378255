"""Schedules and strategies over what has no end."""

from __future__ import annotations

import math

import pytest
from fuzz import harness
from space.languages import number

from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.ops import OPS
from nas_cli.search.objective import Constraint, parse_objective
from nas_cli.search.schedulers.hyperband import Hyperband
from nas_cli.search.strategies.grid import Grid
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space

METRICS = {"accuracy": "maximize"}


def space_of(*model: object) -> Space:
    return parse_space(list(model), {}, {}, OPS, ())


@pytest.mark.parametrize(("epochs", "reduction"), [(27, 3), (81, 4), (100, 2)])
def test_trials_are_dealt_to_brackets_as_in_a_list_of_them_all(epochs: int, reduction: int) -> None:
    hyperband = Hyperband(epochs, 1, reduction)
    last = len(hyperband.rungs) - 1
    sizes = [-(-(last + 1) * reduction**halvings // (halvings + 1)) for halvings in range(last, -1, -1)]
    spread = sorted(((place + 0.5) / size, first) for first, size in enumerate(sizes) for place in range(size))
    dealt = [first for _, first in spread]
    assert [hyperband.first_rung(number) for number in range(2 * len(dealt))] == dealt * 2
    assert hyperband.first_rung(3) == dealt[3]  # asked again, and in another order


@pytest.mark.parametrize("epochs", [10**6, 10**9, 10**12])
def test_a_long_ladder_costs_nothing(epochs: int) -> None:
    with harness.limited():
        hyperband = Hyperband(epochs, 1, 2)
        assert [hyperband.first_rung(number) for number in range(3)] == [0, 0, 1] or hyperband.rungs[-1] == epochs


def test_grid_says_how_large_a_space_is_however_large() -> None:
    for times in (14, 400, 1100, 5000):
        space = space_of({"repeat": {"times": times, "body": [{"choice": ["relu", "gelu"]}]}})
        with harness.limited(), pytest.raises(SpecError, match="at most 10,000 architectures; this one has"):
            Grid(space, 0)


def test_grid_leaves_out_what_has_too_many_layers() -> None:
    times = {"int": [40, 60]}
    space = space_of({"repeat": {"times": times, "body": {"repeat": {"times": 100, "body": "relu"}}}})
    assert number(space) == 21
    grid = Grid(space, 0)
    assert [grid.ask(place)["model[0].repeat.times"] for place in (0, 10, 11)] == [40, 50, 40]
    large = {"repeat": {"times": {"int": [60, 61]}, "body": {"repeat": {"times": 100, "body": "relu"}}}}
    with pytest.raises(Infeasible, match="too many layers"):
        Grid(space_of(large), 0).ask(0)


@pytest.mark.parametrize("value", [10**310, -(10**310), math.inf, math.nan, True, "1e400"])
def test_a_bound_is_a_number_that_a_float_holds(value: object) -> None:
    raw = {"constraints": {"params": {"max": value}}}
    with pytest.raises(SpecError, match="max takes a "):
        parse_objective(raw, METRICS, ("params",))  # type: ignore[arg-type]


def test_a_measurement_without_end_breaks_a_bound() -> None:
    bound = Constraint("loss", high=1.0)
    assert bound.broken(math.inf) == "loss is inf, above the maximum of 1"
    assert bound.broken(math.nan) == "loss is not a number"
