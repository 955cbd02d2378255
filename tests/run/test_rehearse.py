"""The time of a search by its schedule: cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nas_cli.describe.rehearse import MOST_TRIALS, rehearse
from nas_cli.search.scheduler import Full, Scheduler
from nas_cli.search.schedulers.asha import Asha
from nas_cli.search.schedulers.hyperband import Hyperband


def seconds(scheduler: Scheduler, trials: int, workers: int, *costs: tuple[float, float], seed: int = 0) -> float:
    return rehearse(scheduler, trials, workers, costs, np.random.default_rng(seed))


def test_full_trainings_one_after_another() -> None:
    assert seconds(Full(10), 4, 1, (1.0, 0.5)) == 4 * 10.5


def test_a_worker_that_has_nothing_left_waits_for_the_other() -> None:
    """Three of 10 s and one of 40 s, the last: two workers take 10 + 40 s."""
    assert seconds(Full(10), 4, 2, (1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (4.0, 0.0)) == 50.0


@pytest.mark.parametrize("seed", range(5))
def test_of_three_trials_the_best_goes_on(seed: int) -> None:
    """Three first epochs and two more of the best: four jobs."""
    assert seconds(Asha(3), 3, 1, (1.0, 0.25), seed=seed) == 5 + 4 * 0.25


def test_what_goes_on_is_large_as_a_rule() -> None:
    """Of three trials of 1, 2 and 9 s an epoch the last goes on more often than each third time."""
    ends = [seconds(Asha(3), 3, 1, (1.0, 0.0), (2.0, 0.0), (9.0, 0.0), seed=seed) for seed in range(60)]
    assert set(ends) <= {12 + 2 * 1.0, 12 + 2 * 2.0, 12 + 2 * 9.0}
    assert ends.count(30.0) > 30


def test_many_trials_cost_about_what_halving_promises() -> None:
    """1 + 2/3 + 6/9 epochs a trial; promotions that a later trial would have taken come on top."""
    each = seconds(Asha(9), 900, 1, (1.0, 0.0)) / 900
    assert 1 + 2 / 3 + 6 / 9 <= each <= 1.2 * (1 + 2 / 3 + 6 / 9)


def test_a_trial_that_starts_in_a_later_rung_trains_all_of_it_there() -> None:
    hyperband = Hyperband(9)
    first = next(number for number in range(20) if hyperband.first_rung(number) == 2)
    before = seconds(hyperband, first, 1, (1.0, 0.0))
    assert seconds(Hyperband(9), first + 1, 1, (1.0, 0.0)) - before == 9.0


def test_a_long_search_is_so_many_times_a_shorter_one() -> None:
    once, thrice = (seconds(Full(2), n * MOST_TRIALS, 2, (1.0, 0.0)) for n in (1, 3))
    assert thrice == 3 * once == 3 * MOST_TRIALS
