"""Rewards, constraints and what is said of wrong ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from nas_cli.errors import SpecError, TrialFailed
from nas_cli.search.objective import Objective, parse_objective

METRICS: dict[str, Any] = {"accuracy": "maximize", "loss": "minimize", "macro_f1": "maximize"}
COSTS = ("params", "macs", "latency_ms")


def parse(raw: object) -> Objective:
    return parse_objective(raw, METRICS, COSTS)


def test_a_metric_is_maximized_or_minimized() -> None:
    assert parse({"maximize": "accuracy"}).rewards({"accuracy": 0.9, "loss": 0.1}) == (0.9,)
    objective = parse({"minimize": "loss"})
    assert objective.rewards({"accuracy": 0.9, "loss": 0.1}) == (-0.1,)
    assert objective.goals[0].shown(-0.1) == 0.1
    assert parse({"minimize": "latency_ms"}).names == {"latency_ms"}
    assert parse("loss") == objective


def test_left_out_it_is_the_first_metric_of_the_task() -> None:
    assert parse(None) == parse({}) == parse({"maximize": "accuracy"})
    only = parse({"constraints": {"params": {"max": 10}}})
    assert only.goals[0].kind == "maximize"
    assert only.names == {"accuracy", "params"}
    assert parse_objective(None, {"loss": "minimize"}, COSTS).rewards({"loss": 2.0}) == (-2.0,)


def test_a_reward_names_what_it_needs() -> None:
    objective = parse({"reward": "accuracy * (latency_ms / 2) ** -0.07"})
    assert objective.names == {"accuracy", "latency_ms"}
    assert objective.rewards({"accuracy": 0.9, "latency_ms": 4.0}) == (0.9 * 2.0**-0.07,)
    assert objective.goals[0].shown(0.5) == 0.5


def test_constraints_are_checked_where_the_measurement_has_their_name() -> None:
    constraints = {"params": {"max": 200_000}, "macs": {"min": 10, "max": 20.5}, "accuracy": {"min": 0.5}}
    objective = parse({"maximize": "accuracy", "constraints": constraints})
    assert objective.broken({}) == []
    assert objective.broken({"params": 200_000, "macs": 10}) == []
    assert objective.broken({"params": 200_001, "macs": 9.0, "accuracy": 0.25}) == [
        "params is 200,001, above the maximum of 200,000",
        "macs is 9, below the minimum of 10",
        "accuracy is 0.25, below the minimum of 0.5",
    ]
    assert objective.broken({"params": math.nan}) == ["params is not a number"]
    assert objective.describe() == (
        "maximize accuracy, with params at most 200,000 and macs at least 10 and at most 20.5 and accuracy at least 0.5"
    )


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        (3, (), "got 3"),
        ({"maximise": "accuracy"}, ("maximise",), "objective has no 'maximise'; did you mean 'maximize'?"),
        ({"maximize": "acuracy"}, ("maximize",), "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ({"maximize": None}, ("maximize",), "unknown metric 'None'"),
        ({"maximize": ["accuracy"]}, ("maximize",), "unknown metric"),
        ("acuracy", ("minimize",), "did you mean 'accuracy'?"),
        ({"maximize": "loss"}, ("maximize",), "loss is better when smaller; write minimize: loss"),
        ({"minimize": "accuracy"}, ("minimize",), "accuracy is better when larger; write maximize: accuracy"),
        ({"maximize": "params"}, ("maximize",), "write minimize: params"),
        ({"maximize": "accuracy", "minimize": "loss"}, ("minimize",), "got maximize and minimize"),
        ({"reward": 3}, ("reward",), "reward takes an expression such as 'accuracy / latency_ms'; got 3"),
        ({"reward": "accuracy / latencyms"}, ("reward",), "column 12 .*'latencyms'; did you mean 'latency_ms'?"),
        ({"constraints": [1]}, ("constraints",), "constraints takes a mapping"),
        ({"constraints": {"parms": {"max": 1}}}, ("constraints", "parms"), "did you mean 'params'?"),
        ({"constraints": {"params": 10}}, ("constraints", "params"), "params takes {max: NUMBER}"),
        ({"constraints": {"params": {}}}, ("constraints", "params"), "params takes {max: NUMBER}"),
        ({"constraints": {"params": {"most": 1}}}, ("constraints", "params", "most"), "allowed: min, max"),
        ({"constraints": {"params": {"max": "1"}}}, ("constraints", "params", "max"), "max takes a number; got '1'"),
        ({"constraints": {"params": {"max": True}}}, ("constraints", "params", "max"), "got true"),
        (
            {"constraints": {"params": {"max": math.inf}}},
            ("constraints", "params", "max"),
            "takes a finite number; got",
        ),
        ({"constraints": {"params": {"min": 2, "max": 1}}}, ("constraints", "params"), "nothing lies between"),
    ],
)
def test_a_wrong_objective_is_answered_with_place_and_word(raw: object, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("?", r"\?").replace("{", r"\{")) as caught:
        parse(raw)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "measurement", "problem"),
    [
        ("accuracy / latency_ms", {"accuracy": 1.0, "latency_ms": 0.0}, "divides by zero"),
        ("accuracy ** 999999", {"accuracy": 10.0}, "is too large a number"),
        ("accuracy * 1e300 * 1e300 * 0", {"accuracy": 1.0}, "is too large a number"),
        ("(0 - accuracy) ** 0.5", {"accuracy": 1.0}, "is not a real number"),
        ("sqrt(-accuracy)", {"accuracy": 1.0}, "is not a real number"),
        ("log(accuracy - 1)", {"accuracy": 1.0}, "is not a real number"),
        ("exp(accuracy)", {"accuracy": 1e9}, "is too large a number"),
        ("accuracy", {"accuracy": math.nan}, "is not a real number where accuracy = nan"),
        ("max(0, loss)", {"loss": math.nan}, "is not a real number"),
        ("1 / loss", {"loss": math.inf}, "is too large a number"),
        ("accuracy / latency_ms", {"accuracy": 1.0}, "the reward needs latency_ms, which was not measured"),
    ],
)
def test_a_reward_that_is_no_number_fails_the_trial(text: str, measurement: dict[str, float], problem: str) -> None:
    with pytest.raises(TrialFailed, match=problem):
        parse({"reward": text}).rewards(measurement)


def test_a_nan_loss_fails_the_trial() -> None:
    with pytest.raises(TrialFailed, match="the reward loss is not a real number where loss = nan"):
        parse({"minimize": "loss"}).rewards({"loss": math.nan})


def test_a_list_is_several_goals() -> None:
    objective = parse([{"maximize": "accuracy"}, {"minimize": "macs"}, {"constraints": {"params": {"max": 100}}}])
    assert objective.several
    assert objective.rewards({"accuracy": 0.9, "macs": 5.0, "params": 7}) == (0.9, -5.0)
    assert objective.names == {"accuracy", "macs", "params"}
    assert objective.describe() == "maximize accuracy and minimize macs, with params at most 100"
    assert parse(["accuracy", {"reward": "accuracy / latency_ms"}]).names == {"accuracy", "latency_ms"}
    assert not parse([{"maximize": "accuracy"}]).several


def test_a_violation_is_a_share_of_the_bound() -> None:
    objective = parse({"constraints": {"params": {"max": 100}, "accuracy": {"min": 0.5}}})
    assert objective.violation({"params": 150, "accuracy": 0.4}) == pytest.approx(0.5 + 0.2)
    assert objective.violation({"params": 100, "accuracy": 0.5}) == 0.0


@pytest.mark.parametrize(
    ("raw", "said", "path"),
    [
        ([], "a list of objectives needs a goal, such as {maximize: accuracy}", ()),
        ([{"constraints": {"params": {"max": 1}}}], "a list of objectives needs a goal", ()),
        ([{"maximize": "accuracy"}, {"minimise": "macs"}], "did you mean 'minimize'", (1, "minimise")),
        ([{"maximize": "accuracy"}, {"maximize": "accuracy"}], "accuracy stands in the list twice", (1,)),
        ([{"maximize": "accuracy"}, 3], "an objective is a mapping such as", (1,)),
        ({"maximize": "accuracy", "minimize": "loss"}, "Several make a list: [{maximize: accuracy}", ("minimize",)),
    ],
)
def test_a_wrong_list_is_answered(raw: object, said: str, path: tuple[Any, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(raw)
    assert said in caught.value.message
    assert caught.value.path == path
