"""The history that journal events fold into."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import tell

from nas_cli.trial import History, Trial, genotype_key, prospects, rank


def test_events_fold_into_trials() -> None:
    history = History()
    events = [
        {"event": "run_started", "run": "runs/x"},
        {"event": "trial_started", "number": 0, "genotype": {"a": 1}, "rung": 0},
        {"event": "trial_finished", "number": 0, "rung": 0, "measurement": {"m": 0.5}, "reward": 0.5, "last": False},
        {"event": "trial_infeasible", "number": 1, "genotype": {"a": 2}, "reason": "too small"},
        {"event": "trial_started", "number": 2, "genotype": {"a": 3}, "rung": 0},
        {"event": "trial_failed", "number": 2, "rung": 0, "reason": "NaN"},
        {"event": "duplicate", "number": 3, "genotype": {"a": 1}, "equals": 0},
        {"event": "trial_started", "number": 0, "rung": 1},
        {"event": "something_new", "number": 9},
    ]
    for event in events:
        tell(history, event)
    assert [t.status for t in history] == ["running", "infeasible", "failed", "duplicate"]
    assert history.trials[0].rung == 1
    assert history.trials[3].reward == 0.5
    assert history.trials[3].equals == 0
    assert [t.number for t in history.trained()] == [0, 2]
    tell(history, {"event": "trial_finished", "number": 0, "rung": 1, "measurement": {"m": 0.7}, "reward": 0.7})
    best = history.best()
    assert best is not None
    assert (best.number, best.reward, len(best.rungs), best.status) == (0, 0.7, 2, "finished")


def test_the_best_keeps_constraints_then_goes_by_rung_then_reward_then_age() -> None:
    history = History()
    for number, (rung, reward, feasible) in enumerate(
        [(0, 0.9, True), (1, 0.5, True), (1, 0.8, False), (1, 0.5, True)]
    ):
        tell(history, {"event": "trial_started", "number": number, "genotype": {"a": number}, "rung": rung})
        tell(
            history,
            {
                "event": "trial_finished",
                "number": number,
                "rung": rung,
                "measurement": {},
                "reward": reward,
                "feasible": feasible,
            },
        )
    best = history.best()
    assert best is not None
    assert best.number == 1


def climber(number: int, *rewards: float, first: int = 0) -> Trial:
    return Trial(number, {}, "paused", rungs=tuple((first + k, {}, reward) for k, reward in enumerate(rewards)))


def test_prospects_add_the_least_that_others_gained() -> None:
    trials = [climber(0, 0.5, 0.75, 0.875), climber(1, 0.5, 0.625), climber(2, 0.25), climber(3, 0.5, first=1)]
    assert prospects(trials) == {0: 0.875, 1: 0.625 + 0.125, 2: 0.25 + 0.125 + 0.125, 3: 0.5 + 0.125}
    assert prospects([climber(0, 0.5, 0.25), climber(1, 0.375)]) == {0: 0.25, 1: 0.125}
    assert prospects([Trial(0, {}, "failed"), climber(1, 0.5)]) == {1: 0.5}
    assert prospects([]) == {}


@given(st.lists(st.lists(st.integers(-50, 50), min_size=1, max_size=4), min_size=2, max_size=8))
def test_by_its_prospect_only_the_better_one_of_a_rung_overtakes_one_that_went_on(curves: list[list[int]]) -> None:
    trials = [climber(number, *map(float, curve)) for number, curve in enumerate(curves)]
    found = prospects(trials)
    for ahead in trials:
        for behind in trials:
            common = len(behind.rungs) - 1
            if common < len(ahead.rungs) and found[behind.number] > found[ahead.number]:
                assert curves[behind.number][common] > curves[ahead.number][common]


def test_the_key_of_a_genotype_tells_values_apart_that_are_equal_or_hash_alike() -> None:
    """hash(-1) == hash(-2), and 1 == 1.0 == True."""
    values = [-1, -2, 1, 1.0, True, "1", None, 0, False, ""]
    assert len({genotype_key({"a": value}) for value in values}) == len(values)
    assert genotype_key({"a": 1, "b": 2}) == genotype_key({"b": 2, "a": 1}) != genotype_key({"a": 2, "b": 1})


@pytest.mark.parametrize("seed", range(40))
def test_what_is_kept_up_to_date_is_what_a_walk_over_all_trials_gives(seed: int) -> None:
    rng, history, number = random.Random(seed), History(), 0
    failures = 0
    for _ in range(150):
        running = [t for t in history if t.status == "running"]
        paused = [t for t in history if t.status == "paused" and t.rung < 2]
        kind = rng.choice(["start", "start", "finish", "finish", "fail", "promote", "infeasible", "duplicate"])
        event: dict[str, Any] = {"number": number, "genotype": {"x": number}}
        if kind == "start":
            event |= {"event": "trial_started", "rung": 0}
        elif kind == "finish" and running:
            trial = rng.choice(running)
            event = {"event": "trial_finished", "number": trial.number, "rung": trial.rung, "measurement": {}}
            event |= {"reward": rng.choice([0.1, 0.2, 0.3]), "last": trial.rung == 2, "feasible": rng.random() < 0.8}
            failures = 0
        elif kind == "fail" and running:
            event = {"event": "trial_failed", "number": rng.choice(running).number, "reason": "x"}
            failures += 1
        elif kind == "promote" and paused:
            trial = rng.choice(paused)
            event = {"event": "trial_started", "number": trial.number, "rung": trial.rung + 1}
        elif kind == "duplicate" and len(history):
            event |= {"event": "duplicate", "equals": rng.choice(list(history)).number}
        else:
            event |= {"event": "trial_infeasible", "reason": "x"}
        tell(history, event)
        number += event["number"] == number
        best = max((t for t in history if t.rungs), key=rank, default=None)
        assert history.best() is best
        assert history.trained_count == len(history.trained())
        assert history.failures_in_a_row == failures
        later = [t for t in history if best and t.number > best.number and t.status in ("paused", "finished", "failed")]
        assert history.since_best == len(later)
