"""The verdict of the final phase against hand-computed cases."""

from __future__ import annotations

import math

import pytest

from nas_cli.errors import NasError
from nas_cli.record.events import FinalFailed, FinalFinished, FinalTraining
from nas_cli.run.final.selection import noise, select
from nas_cli.search.expression import parse_expression
from nas_cli.search.objective import Goal

ONE = (Goal("maximize", parse_expression("accuracy", ("accuracy",))),)
TWO = (*ONE, Goal("minimize", parse_expression("macs", ("macs",))))


def trained(**rewards: list[float | None]) -> list[FinalTraining]:
    """A final training for each reward; None is one that failed."""
    done: list[FinalTraining] = []
    for name, group in rewards.items():
        for seed, reward in enumerate(group, 1):
            if reward is None:
                done.append(FinalFailed(name, seed, "NaN"))
            else:
                done.append(FinalFinished(name, seed, {}, reward, True))
    return done


def test_the_best_mean_wins_and_its_best_seed_is_kept() -> None:
    selection = select(trained(a=[0.90, 0.80], b=[0.86, 0.88]), ONE, None, 0)
    assert [s.candidate for s in selection.standings] == ["b", "a"]
    assert (selection.winner.candidate, selection.winner.seed) == ("b", 2)


def test_noise_is_two_standard_errors_of_the_difference() -> None:
    selection = select(trained(a=[0.90, 0.92], b=[0.80, 0.84], c=[0.5, 0.5]), ONE, None, 0)
    a, b, c = selection.standings
    pooled = (0.0002 + 0.0008 + 0.0) / 3  # sample variances of the three pairs, one degree of freedom each
    assert noise(a, b, [a, b, c], None, 0) == pytest.approx(2 * math.sqrt(pooled / 2 + pooled / 2))
    drawn = 0.91 * 0.09 / 100 + 0.82 * 0.18 / 100
    assert noise(a, b, [a, b, c], "accuracy", 100) == pytest.approx(2 * math.sqrt(pooled + drawn))


def test_the_verdict_says_what_is_within_noise() -> None:
    close = select(trained(**{"trial-3": [0.90, 0.91], "baseline-plain": [0.90, 0.90]}), ONE, "accuracy", 300)
    assert close.within_noise == ("baseline-plain",)
    assert "within noise of baseline plain" in close.verdict
    clear = select(trained(**{"trial-3": [0.95, 0.95], "baseline-plain": [0.60, 0.60]}), ONE, "accuracy", 300)
    assert clear.within_noise == ()
    assert "by more than noise" in clear.verdict


def test_one_seed_and_no_known_noise_says_nothing_it_cannot_know() -> None:
    alone = select(trained(**{"trial-1": [0.9]}), ONE, "accuracy", 300)
    assert "nothing else was trained" in alone.verdict
    two = select(trained(**{"trial-1": [0.9], "trial-2": [0.7]}), ONE, None, 0)
    assert "(0.9000 with 1 seed), ahead of trial 2 (0.7000); with one seed each, nothing says" in two.verdict
    assert [standing.spread for standing in two.as_event().ranking] == [None, None]


def test_failed_trainings_are_passed_over() -> None:
    selection = select(trained(a=[None, 0.7], b=[None, None]), ONE, None, 0)
    assert [s.candidate for s in selection.standings] == ["a"]
    with pytest.raises(NasError, match="every final training failed; the first: NaN"):
        select(trained(a=[None], b=[None]), ONE, None, 0)


def test_what_breaks_a_constraint_comes_last() -> None:
    done = [FinalFinished("over", 1, {}, 0.9, False), FinalFinished("inside", 1, {}, 0.5, True)]
    assert select(done, ONE, None, 0).winner.candidate == "inside"


def of_two(name: str, accuracy: float, macs: float, feasible: bool = True) -> FinalFinished:
    return FinalFinished(name, 1, {}, accuracy, feasible, rewards=(accuracy, -macs))


def test_of_two_objectives_the_knee_of_what_was_trained_is_kept() -> None:
    done = [of_two("trial-1", 0.95, 90.0), of_two("trial-2", 0.93, 20.0), of_two("trial-3", 0.70, 10.0)]
    done += [of_two("trial-4", 0.92, 50.0), of_two("trial-5", 0.99, 5.0, feasible=False)]
    selection = select(done, TWO, "accuracy", 300)
    assert selection.front == ("trial-1", "trial-2", "trial-3")
    assert selection.winner.candidate == "trial-2"
    assert "accuracy 0.9300, macs 20" in selection.verdict
    assert "the knee of the front of 3 of the 5" in selection.verdict
    ranking = selection.as_event().ranking
    assert [standing.candidate for standing in ranking] == ["trial-1", "trial-2", "trial-3", "trial-4", "trial-5"]
    assert ranking[1].means == (0.93, -20.0)


def test_a_baseline_that_is_better_in_every_objective_is_kept() -> None:
    done = [of_two("trial-1", 0.90, 50.0), of_two("baseline-plain", 0.91, 40.0)]
    selection = select(done, TWO, "accuracy", 300)
    assert selection.winner.candidate == "baseline-plain"
    assert selection.front == ("baseline-plain",)
    assert "as good as the one other" in selection.verdict
