"""Asynchronous successive halving: a few epochs for everyone, more for the best of each rung, no waiting.

Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht & Talwalkar, "A System for Massively Parallel Hyperparameter Tuning",
MLSys 2020, Algorithm 2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from typing import Annotated

from nas_cli.arguments import Between, Side
from nas_cli.errors import SpecError
from nas_cli.search.scheduler import SCHEDULERS
from nas_cli.trial import History, Trial

Merit = tuple[bool, float, int]
"""The sort key of a trial within a rung: constraints kept, reward at the end of that rung, minus its number."""


@SCHEDULERS.register("asha")
class Asha:
    """Successive halving without waiting: promotes a trial once it is among the best 1/reduction of its rung.

    Rung k ends after min_epochs * reduction ** k epochs, the last one after all epochs. Raises SpecError where
    `min_epochs` is more than all epochs.
    """

    def __init__(
        self,
        epochs: int,
        min_epochs: Side = 1,
        reduction: Annotated[int, Between(2, 100)] = 3,
    ) -> None:
        if min_epochs > epochs:
            raise SpecError(f"min_epochs is {min_epochs}, and a training has {epochs} epochs", ("asha", "min_epochs"))
        rungs = [min_epochs]
        while rungs[-1] < epochs:
            rungs.append(min(rungs[-1] * reduction, epochs))
        self.rungs: tuple[int, ...] = tuple(rungs)
        self.reduction = reduction
        self.takes_part: Callable[[int], bool] = lambda number: True
        """Whether the trial of a number takes part: Hyperband distributes trials over several instances."""
        self._forget()

    def first_rung(self, number: int) -> int:
        return 0

    def needed(self, history: History, trials: int | None) -> list[int]:
        """Of `trials` trials at most trials // reduction ** (k + 1) are promoted from rung k; lower ranks never are."""
        self._follow(history)
        numbers: list[int] = []
        for rung in reversed(range(len(self.rungs) - 1)):
            ended, waiting = self._ended[rung], self._waiting[rung]
            places = len(ended) if trials is None else trials // self.reduction ** (rung + 1)
            least = ended[-places] if 0 < places <= len(ended) else None
            for merit in reversed(waiting):
                if places == 0 or (least is not None and merit < least):
                    break
                numbers.append(-merit[2])
        return numbers

    def next(self, history: History) -> tuple[int, int] | None:
        """The best paused trial of the highest rung that has a trial to promote."""
        self._follow(history)
        for rung in reversed(range(len(self.rungs) - 1)):
            ended, waiting = self._ended[rung], self._waiting[rung]
            # Is the best waiting trial among the top 1/reduction of the rung, promoted trials included?
            if waiting and len(ended) - bisect_right(ended, waiting[-1]) < len(ended) // self.reduction:
                return -waiting[-1][2], rung + 1
        return None

    # Answers depend on the history alone. Counts are kept between calls, so that a long history costs little.

    def _forget(self) -> None:
        self._history: History | None = None
        self._read = 0
        self._counted: dict[int, Trial] = {}
        self._ended: list[list[Merit]] = [[] for _ in self.rungs]
        self._waiting: list[list[Merit]] = [[] for _ in self.rungs]

    def _follow(self, history: History) -> None:
        """Counts the trials that changed since the last call: the history holds a new object for each change."""
        if self._history is not history:
            self._forget()
            self._history = history
        for number in history.changes[self._read :]:
            if not self.takes_part(number):
                continue
            before, trial = self._counted.get(number), history.trials[number]
            if before is trial:
                continue
            if before is not None:
                self._count(before, _remove)
            self._count(trial, insort)
            self._counted[number] = trial
        self._read = len(history.changes)

    def _count(self, trial: Trial, change: Callable[[list[Merit], Merit], None]) -> None:
        if trial.status in ("failed", "infeasible"):
            return
        for rung, _, reward in trial.rungs:
            if reward is None:
                continue
            merit = (trial.feasible, reward, -trial.number)
            change(self._ended[rung], merit)
            if trial.status == "paused" and rung == trial.rung:
                change(self._waiting[rung], merit)


def _remove(merits: list[Merit], merit: Merit) -> None:
    del merits[bisect_left(merits, merit)]
