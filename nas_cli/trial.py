"""What is known of a search: genotypes, measurements, trials and their history. All of it is JSON."""

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
"""Every decision that was taken: its path, such as `model[1].repeat[0].choice`, to the value taken."""


def genotype_key(genotype: Genotype) -> bytes:
    """Eight bytes that differ where two genotypes do: 1, 1.0 and true are three values, and -1 is not -2, as for `hash`
    they are. A search of 100,000 trials has no room for more.
    """
    return blake2b(repr(sorted(genotype.items())).encode(), digest_size=8).digest()


Measurement = Mapping[str, float]
"""What was measured, by name: metrics (`accuracy`, `loss`), costs (`params`, `macs`, `latency_ms`), `seconds`."""

NOTHING: Measurement = {}

Status = Literal["running", "paused", "finished", "failed", "infeasible", "duplicate"]
TRAINED: tuple[Status, ...] = ("running", "paused", "finished", "failed")
SETTLED: tuple[Status, ...] = ("paused", "finished", "failed")


class Trial(NamedTuple):
    """One proposal and what became of it. A named tuple, since a search of 100,000 trials makes 200,000 of them, and a
    frozen dataclass of as many fields takes several times as long.

    `rung` is the last rung started; `rungs` holds (rung, measurement, reward) of each rung that ended, of which the
    first need not be rung 0. `reward` is to be maximised; None where there is none (failed, infeasible, running its
    first rung) and -inf never occurs. `rewards` has one number an objective, all to be maximised, `reward` first; ()
    where there is none. `feasible` is False where a constraint is broken (latency too high, say) after measuring, and
    `violation` is by how much: the sum of what is beyond each bound, as a share of it.
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
    """One number an objective; () where there is none."""
    return trial.rewards or (() if trial.reward is None else (trial.reward,))


class History:
    """The trials so far, as the events of a journal changed them; `Strategy` and `Scheduler` read it.

    A change costs the same however many came before: what is asked of a history at every step is counted as it grows.
    """

    def __init__(self) -> None:
        self.trials: dict[int, Trial] = {}
        self.changes: list[int] = []
        """The number of the trial that changed, for each change in order: who follows a history goes on from there."""
        self.counts: Counter[Status] = Counter()
        self.failures_in_a_row = 0
        """Trainings that failed since the last that ended well."""
        self._best: Trial | None = None
        self._settled: list[int] = []

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials.values())

    def __len__(self) -> int:
        return len(self.trials)

    def tell(self, trial: Trial) -> None:
        """A trial as it is now: a new one, or one that changed."""
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
        else:  # the best fell: it broke a constraint on a later rung, say
            self._best = max(filter(_measured, self), key=rank, default=None)

    @property
    def trained_count(self) -> int:
        """How many trials were trained or are being trained: what the trial budget counts."""
        return sum(self.counts[status] for status in TRAINED)

    @property
    def since_best(self) -> int:
        """How many later trials ended a training without becoming the best; 0 without a best."""
        if self._best is None:
            return 0
        return self.settled_after(self._best.number)

    def settled_after(self, number: int) -> int:
        """How many trials later than `number` ended a training."""
        return len(self._settled) - bisect_right(self._settled, number)

    def trained(self) -> list[Trial]:
        """Trials that were trained or are being trained."""
        return [trial for trial in self if trial.status in TRAINED]

    def best(self) -> Trial | None:
        """The highest reward on the highest rung that any trial reached; a tie goes to the earlier trial.

        Trials that break a constraint come after all that keep every one.
        """
        return self._best


def rank(trial: Trial) -> tuple[bool, int, float, int]:
    """Sorts measured trials: keeps the constraints, rung reached, reward there, earlier first."""
    rung, _, reward = trial.rungs[-1]
    assert reward is not None
    return trial.feasible, rung, reward, -trial.number


def prospects(trials: Iterable[Trial]) -> dict[int, float]:
    """The least that the rewards of measured trials would come to in the highest rung of all, by number.

    For each rung that a trial is short of, it gains as little as the trial that gained least there: rewards of
    different rungs do not compare by themselves. So a trial stands above one that was trained longer only where it was
    the better one in the rung that both reached, as those may be that a search leaves behind when its time is up.
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
    """How far predicted latencies were off: the median of |predicted / measured - 1| and of how many trials it is."""
    measured = (trial.measurement for trial in trials if trial.equals is None)
    both = [m for m in measured if "latency_ms" in m and "latency_predicted" in m]
    if not both:
        return None
    return statistics.median(abs(m["latency_predicted"] / m["latency_ms"] - 1) for m in both), len(both)


def _measured(trial: Trial) -> bool:
    return bool(trial.rungs) and trial.rungs[-1][2] is not None
