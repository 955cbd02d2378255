"""The state of a search: genotypes, measurements, trials and their history. All values are JSON data."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import pairwise
from typing import Literal, NamedTuple

Scalar = str | int | float | bool | None
Genotype = Mapping[str, Scalar]
"""The decisions of an architecture: path, such as `model[1].repeat[0].choice`, to value."""


def genotype_key(genotype: Genotype) -> bytes:
    """A 64-bit digest of a genotype, short since a search may have 100,000 trials. Unlike `hash`, it tells 1 from 1.0
    from True, and -1 from -2.
    """
    return blake2b(repr(sorted(genotype.items())).encode(), digest_size=8).digest()


Measurement = Mapping[str, float]
"""Measured values by name: metrics (`accuracy`, `loss`), costs (`params`, `macs`, `latency_ms`), `seconds`."""

NOTHING: Measurement = {}

Status = Literal["running", "paused", "finished", "failed", "infeasible", "duplicate"]
TRAINED: tuple[Status, ...] = ("running", "paused", "finished", "failed")
SETTLED: tuple[Status, ...] = ("paused", "finished", "failed")


class Trial(NamedTuple):
    """A proposed candidate with its state and results. A named tuple, since a search of 100,000 trials makes 200,000 of
    them, and a frozen dataclass of as many fields takes several times as long.

    `rung` is the last rung started; `rungs` holds (rung, measurement, reward) of each rung that ended, the first of
    which need not be rung 0. `reward` is maximised; it is None without a measurement (failed, infeasible, in its first
    rung), and never -inf. `rewards` has one number per objective, all maximised, `reward` first; () without a
    measurement. `feasible` is False where a measured value breaks a constraint (latency too high, say), and `violation`
    is the sum of the relative excesses over the bounds.
    """

    number: int
    genotype: Genotype
    status: Status = "running"
    rung: int = 0
    measurement: Measurement = NOTHING
    reward: float | None = None
    reason: str = ""
    equals: int | None = None
    rungs: tuple[tuple[int, Measurement, float | None], ...] = ()
    feasible: bool = True
    rewards: tuple[float, ...] = ()
    violation: float = 0.0

    def now(self, status: Status, rung: int, reason: str = "") -> Trial:
        """The same trial in another state."""
        return Trial(
            self.number,
            self.genotype,
            status,
            rung,
            self.measurement,
            self.reward,
            reason or self.reason,
            self.equals,
            self.rungs,
            self.feasible,
            self.rewards,
            self.violation,
        )


def rewards_of(trial: Trial) -> tuple[float, ...]:
    """The rewards of a trial, one per objective; () for a trial without any."""
    return trial.rewards or (() if trial.reward is None else (trial.reward,))


class History:
    """The trials so far, as the events of a journal changed them; `Strategy` and `Scheduler` read it.

    A change takes constant time: quantities that are needed at every step are updated incrementally.
    """

    def __init__(self) -> None:
        self.trials: dict[int, Trial] = {}
        self.changes: list[int] = []
        """The number of the changed trial, for each change in order. A follower of a history reads on from its last."""
        self.counts: Counter[Status] = Counter()
        self.failures_in_a_row = 0
        """Failed trainings since the last successful one."""
        self._best: Trial | None = None
        self._settled: list[int] = []

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials.values())

    def __len__(self) -> int:
        return len(self.trials)

    def tell(self, trial: Trial) -> None:
        """Records the current state of a trial, new or changed."""
        before = self.trials.get(trial.number)
        self.trials[trial.number] = trial
        self.changes.append(trial.number)
        self._count(before, trial)
        self._compare(trial)
        if trial.status == "failed":
            self.failures_in_a_row += 1
        elif trial.status in ("paused", "finished"):
            self.failures_in_a_row = 0

    def _count(self, before: Trial | None, trial: Trial) -> None:
        was_settled = False
        if before is not None:
            self.counts[before.status] -= 1
            was_settled = before.status in SETTLED
        self.counts[trial.status] += 1
        if (trial.status in SETTLED) != was_settled:
            if was_settled:
                del self._settled[bisect_left(self._settled, trial.number)]
            else:
                insort(self._settled, trial.number)

    def _compare(self, trial: Trial) -> None:
        best = self._best
        if best is None or best.number != trial.number:
            if _measured(trial) and (best is None or rank(trial) > rank(best)):
                self._best = trial
        elif _measured(trial) and rank(trial) >= rank(best):
            self._best = trial
        else:  # the best trial got worse: it broke a constraint on a later rung, say
            self._best = max(filter(_measured, self), key=rank, default=None)

    @property
    def trained_count(self) -> int:
        """The number of trials that were trained or are being trained, as the trial budget counts them."""
        return sum(self.counts[status] for status in TRAINED)

    @property
    def since_best(self) -> int:
        """The number of trials after the best one that ended a training; 0 without a best."""
        if self._best is None:
            return 0
        return self.settled_after(self._best.number)

    def settled_after(self, number: int) -> int:
        """The number of trials after trial `number` that ended a training."""
        return len(self._settled) - bisect_right(self._settled, number)

    def trained(self) -> list[Trial]:
        """Trials that were trained or are being trained."""
        return [trial for trial in self if trial.status in TRAINED]

    def best(self) -> Trial | None:
        """The trial with the highest reward on the highest rung that any trial reached; a tie goes to the earlier one.

        Feasible trials come before those that break a constraint.
        """
        return self._best


def rank(trial: Trial) -> tuple[bool, int, float, int]:
    """The sort key of measured trials: feasible, rung reached, reward there, earlier number."""
    rung, _, reward = trial.rungs[-1]
    assert reward is not None
    return trial.feasible, rung, reward, -trial.number


def prospects(trials: Iterable[Trial]) -> dict[int, float]:
    """Pessimistic estimates of the rewards of measured trials on the highest rung of all, by number.

    Rewards of different rungs are not comparable. So for each rung that a trial lacks, it gets the smallest gain that
    any other trial made on that rung. A trial can then rank above one that was trained longer only if it was better on
    the last rung that both reached, as may happen where a search ran out of time.
    """
    measured = [trial for trial in trials if _measured(trial)]
    least: dict[int, float] = {}
    for trial in measured:
        for (_, _, before), (rung, _, after) in pairwise(trial.rungs):
            if before is not None and after is not None:
                least[rung] = min(after - before, least.get(rung, math.inf))
    highest = max((trial.rungs[-1][0] for trial in measured), default=0)
    found = {}
    for trial in measured:
        rung, _, reward = trial.rungs[-1]
        assert reward is not None
        found[trial.number] = reward + sum(least.get(higher, 0.0) for higher in range(rung + 1, highest + 1))
    return found


def prediction_error(trials: Iterable[Trial]) -> tuple[float, int] | None:
    """The median error of predicted latencies, |predicted / measured - 1|, and the number of trials that it is of."""
    measured = (trial.measurement for trial in trials if trial.equals is None)
    both = [m for m in measured if "latency_ms" in m and "latency_predicted" in m]
    if not both:
        return None
    return statistics.median(abs(m["latency_predicted"] / m["latency_ms"] - 1) for m in both), len(both)


def _measured(trial: Trial) -> bool:
    return bool(trial.rungs) and trial.rungs[-1][2] is not None
