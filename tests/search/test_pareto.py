"""Dominance, sorting, crowding, hypervolume and the knee, against their definitions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_cli.search.front import Front
from nas_cli.search.pareto import crowding, dominates, hypervolume, knee, non_dominated_sort
from nas_cli.search.strategies.nsga2 import constrained_fitness
from nas_cli.trial import Trial

numbers = st.integers(0, 6).map(float)


def points(rewards: int, most: int = 12) -> Any:
    return st.lists(st.tuples(*[numbers] * rewards), min_size=1, max_size=most)


@given(st.integers(1, 4).flatmap(points))
def test_fronts_are_what_is_left_undominated_again_and_again(found: list[tuple[float, ...]]) -> None:
    left = list(range(len(found)))
    for front in non_dominated_sort(found):
        assert front == [i for i in left if not any(dominates(found[j], found[i]) for j in left)]
        left = [i for i in left if i not in front]
    assert left == []


def test_dominance_needs_one_reward_that_is_better() -> None:
    assert dominates((1.0, 2.0), (1.0, 1.0))
    assert not dominates((1.0, 1.0), (1.0, 1.0))
    assert not dominates((2.0, 0.0), (1.0, 1.0))


@given(st.integers(1, 4).flatmap(lambda rewards: points(rewards, 6)))
def test_hypervolume_counts_the_cells_that_are_dominated(found: list[tuple[float, ...]]) -> None:
    """On whole numbers: the unit cubes whose upper corner is nowhere above some point."""
    cells = itertools.product(range(1, 7), repeat=len(found[0]))
    expected = sum(any(all(c <= x for c, x in zip(cell, point, strict=True)) for point in found) for cell in cells)
    assert hypervolume(found, (0.0,) * len(found[0])) == pytest.approx(expected)


def test_hypervolume_as_optuna_computes_it() -> None:
    optuna = pytest.importorskip("optuna")
    rng = np.random.default_rng(0)
    for rewards in (2, 3, 4):
        found = rng.random((15, rewards))
        theirs = optuna._hypervolume.compute_hypervolume(-found, np.zeros(rewards))
        assert hypervolume([tuple(point) for point in found.tolist()], (0.0,) * rewards) == pytest.approx(theirs)


def test_crowding_is_infinite_at_the_ends_and_adds_up_between() -> None:
    distances = crowding([(0.0, 10.0), (1.0, 8.0), (4.0, 2.0), (5.0, 0.0)])
    assert distances[0] == distances[3] == math.inf
    assert distances[1] == pytest.approx(4 / 5 + 8 / 10)
    assert distances[2] == pytest.approx(4 / 5 + 8 / 10)


def test_the_knee_is_farthest_from_the_line_through_the_ends() -> None:
    assert knee([(0.95, -90.0), (0.93, -20.0), (0.70, -10.0)]) == 1
    assert knee([(0.5, -1.0)]) == 0
    assert knee([(1.0, 0.0), (0.0, 1.0)]) == 0, "the first of equals"


def trial(number: int, *rewards: float, **more: Any) -> Trial:
    return Trial(number, {}, "finished", reward=rewards[0], rewards=rewards, **more)


@given(points(2, 20))
def test_the_front_of_a_search_is_that_of_all_its_trials(found: list[tuple[float, float]]) -> None:
    front = Front()
    for number, rewards in enumerate(found):
        before = {member.number for member in front.members}
        joined = front.tell(trial(number, *rewards))
        assert joined == (number in {member.number for member in front.members} - before)
    assert {t.rewards for t in front.members} == {found[i] for i in non_dominated_sort(found)[0]}
    assert len({t.rewards for t in front.members}) == len(front), "of equals the first"


def test_what_breaks_a_constraint_or_failed_is_not_on_the_front() -> None:
    front = Front([trial(0, 9.0, 9.0, feasible=False), trial(1, 1.0, 1.0)])
    assert [t.number for t in front.members] == [1]
    assert not front.tell(trial(1, 1.0, 1.0)._replace(status="failed"))
    assert front.knee is None


def test_constrained_domination_puts_the_smaller_violation_first() -> None:
    members = [
        trial(0, 1.0, 1.0),
        trial(1, 0.5, 0.5),
        trial(2, 9.0, 9.0, feasible=False, violation=0.5),
        trial(3, 5.0, 5.0, feasible=False, violation=0.1),
    ]
    fitness = constrained_fitness({t.number: t for t in members})
    assert sorted(fitness, key=fitness.__getitem__, reverse=True) == [0, 1, 3, 2]
