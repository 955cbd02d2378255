"""`nas plan`: what a spec would do, before it does it: its space, its candidates' costs, the time it would take."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import Cache
from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Job
from nas_cli.execute.hardware import count_workers
from nas_cli.execute.session import Session
from nas_cli.execute.worker import run_job
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.directory import CACHE, RUNS
from nas_cli.run.search import hardware_sentence, open_session
from nas_cli.run.seeds import trial_seed
from nas_cli.space.edit import decisions, replay, sample
from nas_cli.space.nodes import to_yaml
from nas_cli.space.space import Resolved
from nas_cli.spec.load import load_document

SAMPLES = 40
TIMED = 5
TIMED_BATCHES = 6


@dataclass(frozen=True)
class Drawn:
    """Candidates drawn at random: those that can be trained with their costs, and why the others cannot."""

    feasible: list[tuple[Resolved, dict[str, float]]]
    reasons: list[str]


def plan(spec: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Checks `spec` and its data and says what a search would do, as JSON data. Writes nothing.

    Costs are those of 40 candidates drawn at random; times are extrapolated from a few batches of five of them.
    Raises UserError as `nas search` does, and NasError where no drawn candidate can be trained.
    """
    experiment = compose(load_document(spec, overrides))
    with open_session(experiment, Cache(RUNS / CACHE)) as session:
        return _plan(experiment, session.here())


def _plan(experiment: Experiment, session: Session) -> dict[str, Any]:
    drawn = draw(experiment, session)
    if not drawn.feasible:
        raise NasError(f"none of {SAMPLES} candidates drawn at random can be trained; the first: {drawn.reasons[0]}")
    epoch_seconds = [
        time_epoch(experiment, session, resolved, k) for k, (resolved, _) in enumerate(drawn.feasible[:TIMED])
    ]
    seconds = [second for second in epoch_seconds if second is not None]
    return {
        "name": experiment.spec.name,
        "objective": experiment.objective.describe(),
        "space": {
            "size": experiment.size if experiment.size != float("inf") else None,
            "decisions": _decisions(experiment),
        },
        "data": {
            "train": session.train_size,
            "validation": session.validation_size,
            "classes": len(session.labels),
            "input": list(session.input_shape),
        },
        "candidates": {
            "drawn": SAMPLES,
            "infeasible": len(drawn.reasons),
            "first_reason": drawn.reasons[0] if drawn.reasons else None,
            "costs": {name: _range([costs[name] for _, costs in drawn.feasible]) for name in drawn.feasible[0][1]},
        },
        "hardware": hardware_sentence(experiment, session),
        "time": _times(experiment, session, seconds),
        "notes": list(experiment.notes),
    }


def draw(experiment: Experiment, session: Session) -> Drawn:
    """Draws 40 candidates and works out what each costs; those over a constraint count as not trainable."""
    rng = np.random.default_rng([experiment.spec.seed, 3])
    drawn = Drawn([], [])
    for _ in range(SAMPLES):
        try:
            genotype = sample(experiment.space, rng)
            resolved = replay(experiment.space, genotype)
            costs = dict(session.costs(resolved.model))
        except Infeasible as error:
            drawn.reasons.append(str(error))
            continue
        broken = experiment.objective.broken(costs)
        if broken:
            drawn.reasons.append("; ".join(broken))
        else:
            drawn.feasible.append((resolved, costs))
    return drawn


def time_epoch(experiment: Experiment, session: Session, resolved: Resolved, number: int) -> float | None:
    """Seconds an epoch of training and validation of one candidate takes, from a few batches; None where it fails."""
    batch_size = int(resolved.train["batch_size"])
    part = session.shortened(TIMED_BATCHES * batch_size)
    job = Job(
        number=number,
        rung=0,
        label="timing",
        architecture=to_yaml(resolved.model),
        train={**resolved.train, "epochs": 2},
        first_epoch=0,
        last_epoch=2,
        total_epochs=2,
        seed=trial_seed(experiment.spec.seed, number),
        checkpoint_in=None,
        checkpoint_out=None,
        weights_out=None,
        measure=(),
    )
    result = run_job(job, part)
    if result.status != "finished":
        return None
    share = (session.train_size + session.validation_size) / (part.train_size + part.validation_size)
    return result.seconds / 2 * share


def _times(experiment: Experiment, session: Session, epoch_seconds: list[float]) -> dict[str, Any]:
    """Seconds of the search and of the final phase; None where it cannot be said."""
    if not epoch_seconds:
        return {"epoch": None, "search": None, "final": None}
    epoch = statistics.fmean(epoch_seconds)
    stop, final = experiment.spec.search.stop, experiment.spec.final
    train_epochs = experiment.space.train["epochs"]
    if not isinstance(train_epochs, int):
        return {"epoch": _range(epoch_seconds), "search": stop.time, "final": None}
    workers = max(1, count_workers(experiment.spec.hardware.workers, session.device))
    per_trial = experiment.make_scheduler().epochs_per_trial()
    trials = stop.trials if stop.trials is not None else experiment.size if stop.time is None else None
    search = trials * per_trial * epoch / workers if trials is not None and trials != float("inf") else None
    if stop.time is not None:
        search = min(search, stop.time) if search is not None else stop.time
    finalists = 1 if experiment.objective.several and final.front == "knee" else final.top
    trainings = (finalists + len(experiment.baselines)) * final.seeds
    return {
        "epoch": _range(epoch_seconds),
        "workers": workers,
        "search": search,
        "final": -(-trainings // workers) * (final.epochs or train_epochs) * epoch,
    }


def _decisions(experiment: Experiment) -> int:
    """Decisions of one typical architecture: the median of ten."""
    rng = np.random.default_rng([experiment.spec.seed, 4])
    counts = []
    for _ in range(10):
        try:
            genotype = sample(experiment.space, rng)
        except Infeasible:
            continue
        counts.append(len(decisions(experiment.space, genotype)))
    return int(statistics.median(counts)) if counts else 0


def _range(values: list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}
