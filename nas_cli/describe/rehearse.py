"""Estimates the time of a search: plays its schedule through with known times, without training."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np

from nas_cli.record.events import TrialFinished, TrialStarted
from nas_cli.search.scheduler import Scheduler
from nas_cli.trial import History

MOST_TRIALS = 1000
"""Times of longer searches are extrapolated in proportion to the number of trials."""


def rehearse(
    scheduler: Scheduler, trials: int, workers: int, costs: Sequence[tuple[float, float]], rng: np.random.Generator
) -> float:
    """Seconds until `trials` trials are over on so many workers.

    `costs` has for each trial, over and over, the seconds of an epoch and those that come with every job. Which trials
    are good is drawn, so that it goes with the seconds (correlation 0.7): larger networks are better as a rule
    (Krishnakumar et al., "NAS-Bench-Suite-Zero", 2022), and what goes on costs more than what does not.
    """
    played = min(trials, MOST_TRIALS)
    each = list(islice(cycle(costs), played))
    history, rewards = History(), rng.random(played)
    rewards[np.lexsort((rng.random(played), np.array([epoch for epoch, _ in each])))] += np.arange(played) / played
    running: list[tuple[float, int, int]] = []
    now, proposed = 0.0, 0
    while True:
        while len(running) < workers:
            number, rung = scheduler.next(history) or (proposed, scheduler.first_rung(proposed))
            if number == proposed:
                if proposed == played:
                    break
                proposed += 1
            history.tell(TrialStarted(number, rung, {}).change(history.trials))
            before = scheduler.rungs[rung - 1] if rung > scheduler.first_rung(number) else 0
            epoch, fixed = each[number]
            heapq.heappush(running, (now + fixed + (scheduler.rungs[rung] - before) * epoch, number, rung))
        if not running:
            return now * trials / played
        now, number, rung = heapq.heappop(running)
        last = rung == len(scheduler.rungs) - 1
        ended = TrialFinished(number, rung, {}, float(rewards[number]), last=last)
        history.tell(ended.change(history.trials))
