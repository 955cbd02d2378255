"""Asynchronous successive halving: a few epochs for everyone, more for the best of each rung, no waiting.

Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht & Talwalkar, "A System for Massively Parallel Hyperparameter Tuning",
MLSys 2020, Algorithm 2.
"""

from __future__ import annotations

from typing import Annotated

from nas_cli.errors import SpecError
from nas_cli.registry import Between, PositiveInt
from nas_cli.search.scheduler import SCHEDULERS
from nas_cli.trial import History, Trial


@SCHEDULERS.register("asha")
class Asha:
    """Successive halving without waiting: promotes a trial once it is among the best 1/reduction of its rung.

    Rung k ends after min_epochs * reduction ** k epochs, the last one after all epochs. Raises SpecError where
    `min_epochs` is more than that.
    """

    def __init__(
        self, epochs: int, min_epochs: PositiveInt = 1, reduction: Annotated[int, Between(2, 100)] = 3
    ) -> None:
        if min_epochs > epochs:
            raise SpecError(f"min_epochs is {min_epochs}, and a training has {epochs} epochs", ("asha", "min_epochs"))
        rungs = [min_epochs]
        while rungs[-1] < epochs:
            rungs.append(min(rungs[-1] * reduction, epochs))
        self.rungs: tuple[int, ...] = tuple(rungs)
        self.reduction = reduction

    def next(self, history: History) -> tuple[int, int] | None:
        """The best paused trial of the highest rung where one is good enough."""
        for rung in reversed(range(len(self.rungs) - 1)):
            ended = [t for t in history if len(t.rungs) > rung and t.status not in ("failed", "infeasible")]
            merits = {t.number: merit for t in ended if (merit := _merit(t, rung)) is not None}
            waiting = [
                t.number for t in ended if t.status == "paused" and len(t.rungs) == rung + 1 and t.number in merits
            ]
            best = max(waiting, key=merits.__getitem__, default=None)
            if best is None:
                continue
            # It is among the top `allowed`, counting those promoted already, where fewer than that are above it.
            allowed = len(merits) // self.reduction
            if sum(merit > merits[best] for merit in merits.values()) < allowed:
                return best, rung + 1
        return None


def _merit(trial: Trial, rung: int) -> tuple[bool, float, int] | None:
    """What orders the trials of a rung: constraints kept, reward at the end of that rung, earlier first."""
    _, _, reward = trial.rungs[rung]
    return None if reward is None else (trial.feasible, reward, -trial.number)
