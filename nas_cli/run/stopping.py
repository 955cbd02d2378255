"""The stop conditions of a search."""

from __future__ import annotations

from nas_cli.run.compose import Experiment
from nas_cli.search.front import Front
from nas_cli.trial import History

GRACE = 0.2
"""Trainings that run when the search time is over may go on for this share of the search time."""
MEASURING = 30.0
"""Trainings that are cut short get at least so many seconds to start, to end a step and to be measured."""


def time_left(experiment: Experiment, whole: bool, seconds: float) -> float | None:
    """Seconds that a training may take that starts `seconds` after the search; None for no limit.

    If a `whole` training has ended, the limit includes the grace period, and the training is dropped after it. If none
    has, the training is cut short when the search time is over and counts as it is, so that there is a result.
    """
    limit = experiment.spec.search.stop.time
    if limit is None:
        return None
    return max(0.0, (limit * (1 + GRACE) if whole else limit) - seconds)


def patience(experiment: Experiment, whole: bool, seconds: float) -> float | None:
    """How long a search of `seconds` waits for running trainings before it ends them; None for no limit."""
    limit = experiment.spec.search.stop.time
    if limit is None:
        return None
    longest = limit * (1 + GRACE) if whole else limit + max(limit, MEASURING)
    return max(0.0, longest - seconds)


def stop_now(experiment: Experiment, history: History, front: Front, seconds: float) -> str:
    """The condition (time, target or patience) that ends a search of `seconds` now, as a sentence; "" for none."""
    stop, objective = experiment.spec.search.stop, experiment.objective
    if stop.time is not None and seconds >= stop.time:
        return f"the search time of {stop.time:g} s is used up"
    best = history.best()
    if best is None:
        return ""
    if best.feasible and stop.target is not None:
        assert best.reward is not None
        goal = objective.goals[0]
        if best.reward >= goal.shown(stop.target):
            return f"trial {best.number} reached the target: {goal.shown(best.reward):.6g}"
    if objective.several:
        since = history.settled_after(front.newest) if front.newest is not None else 0
        if stop.patience is not None and since >= stop.patience:
            return f"no trial has joined the front for {since} trials"
        return ""
    if stop.patience is not None and history.since_best >= stop.patience:
        return f"no trial was better than trial {best.number} for {history.since_best} trials"
    return ""


def budget_spent(experiment: Experiment, history: History) -> str:
    """A sentence where no further trial may be started, "" otherwise; paused trials may still be promoted."""
    trials = experiment.spec.search.stop.trials
    if trials is not None and history.trained_count >= trials:
        return f"{trials} trials were trained"
    return ""


def only_failures(experiment: Experiment, history: History) -> str:
    """A sentence where as many trainings in a row have failed as `search.failures.max` allows, "" otherwise."""
    most, failed = experiment.spec.search.failures.max, history.failures_in_a_row
    if failed < most:
        return ""
    return f"the last {failed} trainings failed, as many as search.failures.max; {first_failure(history, failed)}"


def first_failure(history: History, last: int | None = None) -> str:
    """The first failed trial, or the first of the `last` failed ones, with its reason."""
    failed = [trial for trial in history if trial.status == "failed"]
    first = failed[0 if last is None else -last]
    return f"the first, trial {first.number}: {first.reason}"


def why_nothing_trained(history: History, reason: str) -> str:
    """Why a search ended without one trained candidate."""
    first = next((t for t in history if t.status in ("failed", "infeasible")), None)
    if first is None:
        return (
            f"the search ended before any candidate was trained: {reason}. Give it more time (search.stop.time), or "
            "smaller networks or batches"
        )
    failed = sum(t.status == "failed" for t in history)
    infeasible = sum(t.status == "infeasible" for t in history)
    return (
        f"no candidate could be trained ({failed} failed, {infeasible} infeasible), and {reason}; "
        f"trial {first.number}, the first: {first.reason}"
    )
