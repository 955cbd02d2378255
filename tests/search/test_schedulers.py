"""What every scheduler keeps, and asynchronous successive halving by the paper."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from journals import tell

from nas_cli.errors import SpecError
from nas_cli.search import SCHEDULERS
from nas_cli.search.scheduler import Scheduler
from nas_cli.search.schedulers.asha import Asha
from nas_cli.testing import check_scheduler
from nas_cli.trial import History


class Journal:
    """A history fed by the events of a search."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.history = History()
        self.rungs = scheduler.rungs

    def start(self, number: int, rung: int = 0) -> None:
        self._apply("trial_started", number, rung=rung, genotype={"x": number})

    def finish(self, number: int, reward: float | None, rung: int = 0, feasible: bool = True) -> None:
        last = rung == len(self.rungs) - 1
        self._apply("trial_finished", number, rung=rung, measurement={}, reward=reward, last=last, feasible=feasible)

    def fail(self, number: int) -> None:
        self._apply("trial_failed", number, reason="the loss is NaN")

    def run(self, *rewards: float) -> None:
        """New trials that end their first rung with these rewards."""
        for reward in rewards:
            number = len(self.history)
            self.start(number)
            self.finish(number, reward)

    def _apply(self, event: str, number: int, **fields: Any) -> None:
        tell(self.history, {"event": event, "number": number, **fields})


@pytest.mark.parametrize("name", list(SCHEDULERS))
@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10, 100])
def test_rungs_rise_to_a_full_training(name: str, epochs: int) -> None:
    rungs = SCHEDULERS[name](epochs, **SCHEDULERS.parse(name)[1]).rungs
    assert rungs[-1] == epochs
    assert all(isinstance(rung, int) and rung >= 1 for rung in rungs)
    assert list(rungs) == sorted(set(rungs))


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_every_scheduler_passes_the_check_for_plugins(name: str) -> None:
    """It promotes paused trials only, by one rung, from the history alone, and a search ends."""
    check_scheduler(name)


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_what_is_running_failed_infeasible_or_a_duplicate_is_never_promoted(name: str) -> None:
    scheduler = SCHEDULERS[name](9, **SCHEDULERS.parse(name)[1])
    journal = Journal(scheduler)
    for number in range(10):
        journal.start(number)
    for number in range(10, 20):
        journal.start(number)
        journal.fail(number)
        tell(journal.history, {"event": "trial_infeasible", "number": number + 10, "genotype": {}, "reason": "small"})
        tell(journal.history, {"event": "duplicate", "number": number + 20, "genotype": {}, "equals": 0})
    assert scheduler.next(journal.history) is None


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_the_answer_is_fast_with_a_long_history(name: str) -> None:
    scheduler = SCHEDULERS[name](27, **SCHEDULERS.parse(name)[1])
    journal = Journal(scheduler)
    journal.run(*np.random.default_rng(0).random(10_000).tolist())
    times = []
    for _ in range(5):
        began = time.process_time()
        scheduler.next(journal.history)
        times.append(time.process_time() - began)
    assert min(times) < 0.05


def test_rungs_of_the_paper_capped_at_a_full_training() -> None:
    assert Asha(9).rungs == (1, 3, 9)
    assert Asha(10).rungs == (1, 3, 9, 10)
    assert Asha(81, min_epochs=3, reduction=3).rungs == (3, 9, 27, 81)
    assert Asha(20, min_epochs=2, reduction=4).rungs == (2, 8, 20)
    assert Asha(1).rungs == (1,)


def test_min_epochs_above_a_full_training_is_refused() -> None:
    with pytest.raises(SpecError, match="min_epochs is 5, and a training has 3 epochs") as caught:
        Asha(3, min_epochs=5)
    assert caught.value.path == ("asha", "min_epochs")
    with pytest.raises(SpecError, match="from 2 to 100"):
        SCHEDULERS.parse({"asha": {"reduction": 1}})


def test_the_best_third_of_a_rung_is_promoted_once() -> None:
    asha = Asha(9)
    journal = Journal(asha)
    journal.run(0.1, 0.9)
    assert asha.next(journal.history) is None, "two trials have no best third"
    journal.run(0.5)
    assert asha.next(journal.history) == (1, 1)
    journal.start(1, rung=1)
    assert asha.next(journal.history) is None, "it is running"
    journal.run(0.2, 0.95, 0.3)
    assert asha.next(journal.history) == (4, 1)
    journal.start(4, rung=1)
    assert asha.next(journal.history) is None


def test_a_trial_promoted_early_takes_no_place_from_a_better_one() -> None:
    """Of six, the two best may go on; one that went on earlier and is third by now does not count."""
    asha = Asha(9)
    journal = Journal(asha)
    journal.run(0.5, 0.1, 0.2)
    journal.start(0, rung=1)
    journal.run(0.6, 0.7, 0.3)
    assert asha.next(journal.history) == (4, 1)
    journal.start(4, rung=1)
    assert asha.next(journal.history) == (3, 1)


def test_higher_rungs_come_first() -> None:
    asha = Asha(9)
    journal = Journal(asha)
    journal.run(*(0.1 * number for number in range(9)))
    for number in (8, 7, 6):
        assert asha.next(journal.history) == (number, 1)
        journal.start(number, rung=1)
        journal.finish(number, 0.1 * number, rung=1)
        journal.run(0.0, 0.0)
    assert asha.next(journal.history) == (8, 2)


def test_failed_trials_leave_their_rung_and_broken_constraints_rank_last() -> None:
    asha = Asha(9)
    journal = Journal(asha)
    journal.run(0.1, 0.2, 0.3)
    journal.start(2, rung=1)
    journal.fail(2)
    assert asha.next(journal.history) is None, "two are left"
    journal.start(3)
    journal.finish(3, 9.0, feasible=False)
    assert asha.next(journal.history) == (1, 1)


def test_promotions_follow_the_paper_written_out() -> None:
    """Algorithm 2 with sorted lists, on random histories."""
    rng = np.random.default_rng(1)
    for _ in range(100):
        asha = Asha(27, reduction=int(rng.integers(2, 5)))
        journal = Journal(asha)
        for _ in range(40):
            expected = None
            for rung in reversed(range(len(asha.rungs) - 1)):
                ended = [t for t in journal.history if len(t.rungs) > rung]
                top = sorted(ended, key=lambda t: -(t.rungs[rung][2] or 0.0))[: len(ended) // asha.reduction]
                candidates = [t.number for t in top if len(t.rungs) == rung + 1]
                if candidates:
                    expected = (candidates[0], rung + 1)
                    break
            job = asha.next(journal.history)
            assert job == expected
            number, rung = job or (len(journal.history), 0)
            journal.start(number, rung)
            journal.finish(number, float(rng.random()), rung)
