"""From the result of a job to the event of its trial."""

from __future__ import annotations

from nas_cli import errors
from nas_cli.errors import NasError
from nas_cli.execute.executor import JobResult
from nas_cli.record.events import TrialEvent, TrialFailed, TrialFinished, TrialInfeasible
from nas_cli.record.rules import LARGEST
from nas_cli.search.objective import Objective
from nas_cli.trial import Measurement, Trial


def rewards_of(measurement: Measurement, objective: Objective) -> tuple[float, ...]:
    """One reward per objective. Raises TrialFailed where one cannot be computed or is too large for a journal."""
    rewards = objective.rewards(measurement)
    named = [*measurement.items(), *zip(map(str, objective.goals), rewards, strict=True)]
    for name, value in named:
        if not abs(value) < LARGEST:
            raise errors.TrialFailed(f"{name} is {value:.3g}, and numbers of {LARGEST:g} and more are not compared")
    return rewards


def outcome(trial: Trial, result: JobResult, objective: Objective, last: bool, cut: bool) -> TrialEvent:
    """The event for `result`, of a job of `trial`. If the job finished, `last` says that this was the trial's last
    rung, and `cut` that the search time was over before the rung was complete.
    """
    seconds = {"seconds": round(result.seconds, 3), "training_seconds": round(result.training_seconds, 3)}
    measurement = {**result.measurement, **seconds}
    broken = objective.broken(measurement)
    if result.status == "infeasible":
        return TrialInfeasible(trial.number, trial.genotype, "; ".join(broken), measurement=measurement)
    if result.status == "failed":
        return TrialFailed(trial.number, result.reason, result.rung)
    try:
        rewards = rewards_of(measurement, objective)
    except NasError as error:
        return TrialFailed(trial.number, str(error), result.rung)
    return TrialFinished(
        trial.number,
        result.rung,
        measurement,
        rewards[0],
        rewards if objective.several else (),
        last=last,
        cut=cut,
        feasible=not broken,
        violation=objective.violation(measurement) if broken else 0.0,
    )
