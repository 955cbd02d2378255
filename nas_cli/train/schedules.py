"""Learning-rate schedules: from progress, the share of the training that is over, to a factor on the learning rate.

Progress counts from the full training, also where a trial is stopped after its first rung. So all trials of a rung are
at the same point of the same curve, which makes them comparable, and a promoted trial continues as if never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from nas_cli.arguments import Between
from nas_cli.registry import Registry
from nas_cli.train.guards import hold_schedule

Schedule = Callable[[float], float]
"""Takes progress in 0..1 (steps done over all steps) and gives the factor for the next step."""
Share = Annotated[float, Between(0, 0.9)]

SCHEDULES: Registry[Callable[..., Schedule]] = Registry("learning-rate schedule", guard=hold_schedule)


def schedule(name: str) -> Callable[[Callable[..., Schedule]], Callable[..., Schedule]]:
    """Decorator: registers a function from the spec's arguments to a Schedule under `name`."""
    return SCHEDULES.register(name)


def _after(warmup: float, progress: float) -> float:
    return (progress - warmup) / (1 - warmup)


@SCHEDULES.register("cosine")
def cosine(warmup: Share = 0.0) -> Schedule:
    """From the full rate to zero along half a cosine (Loshchilov & Hutter 2017); warmup: the share that rises first."""

    def factor(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, _after(warmup, progress))))

    return factor


@SCHEDULES.register("one_cycle")
def one_cycle(
    warmup: Share = 0.3, start: Annotated[float, Between(0, 1)] = 0.04, end: Annotated[float, Between(0, 1)] = 4e-6
) -> Schedule:
    """Up along half a cosine from start times the rate, then down to end times the rate (Smith & Topin 2018)."""

    def factor(progress: float) -> float:
        if progress < warmup:
            low, high, place = start, 1.0, progress / warmup
        else:
            low, high, place = 1.0, end, min(1.0, _after(warmup, progress))
        return high + (low - high) * 0.5 * (1 + math.cos(math.pi * place))

    return factor


@SCHEDULES.register("constant")
def constant(warmup: Share = 0.0) -> Schedule:
    """The full rate all along, after a linear warmup."""
    return lambda progress: progress / warmup if progress < warmup else 1.0
