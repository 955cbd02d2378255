"""`nas plan`: what a spec would do, before it does it: its space, its candidates' costs, the time it would take."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import Cache
from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.execute.hardware import count_workers
from nas_cli.execute.session import Session
from nas_cli.model.transport import program_to_data
from nas_cli.run.compose import Experiment, compose, suited
from nas_cli.run.directory import CACHE, RUNS
from nas_cli.run.observer import Silent
from nas_cli.run.rehearse import rehearse
from nas_cli.run.search import hardware_sentence, open_executor, open_session, undefined_here
from nas_cli.run.seeds import trial_seed
from nas_cli.space.edit import decisions, replay, sample
from nas_cli.space.nodes import to_yaml
from nas_cli.space.space import Resolved
from nas_cli.spec.load import load_document

SAMPLES = 40
TIMED = 5
TIMED_BATCHES = 6
EPOCHS = (1, 3)
REHEARSALS = 5
ENDLESS = 10**15
"""Trials; a larger space takes no less than for ever."""


@dataclass(frozen=True)
class Timing:
    """Seconds that workers take to start, and for each drawn candidate those of an epoch and those that come with
    every training: the network is built, and its validation score measured.
    """

    start: float
    epochs: list[float]
    fixed: list[float]


@dataclass(frozen=True)
class Drawn:
    """What the strategy proposes first: those that can be trained with their costs, and why the others cannot."""

    feasible: list[tuple[Resolved, dict[str, float]]]
    reasons: list[str]


def plan(spec: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Checks `spec` and its data and says what a search would do, as JSON data. Writes nothing.

    Costs are those of the 40 candidates that are proposed first; their times are extrapolated from a few batches of
    five of them, trained on all workers at once, and the search's is found by playing its schedule through with these.
    Raises UserError as `nas search` does, and NasError where no drawn candidate can be trained.
    """
    experiment = compose(load_document(spec, overrides))
    with open_session(experiment, Cache(RUNS / CACHE)) as session:
        return _plan(suited(experiment, undefined_here(session)), session)


def _plan(experiment: Experiment, session: Session) -> dict[str, Any]:
    drawn = draw(experiment, session)
    if not drawn.feasible:
        raise NasError(f"none of the first {SAMPLES} candidates can be trained; the first: {drawn.reasons[0]}")
    timing = time_candidates(experiment, session, drawn)
    return {
        "name": experiment.spec.name,
        "objective": experiment.objective.describe(),
        "space": {
            "size": experiment.size.number if experiment.size.number != float("inf") else None,
            "exact": experiment.size.exact,
            "described": experiment.size.describe(),
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
        "time": _times(experiment, session, timing),
        "notes": [*experiment.notes, *session.notes],
    }


def draw(experiment: Experiment, session: Session) -> Drawn:
    """What the strategy would propose first, 40 times, and what each costs; those over a constraint are not trained.

    A strategy that learns goes on from there as nobody can foretell.
    """
    strategy = experiment.make_strategy()
    drawn = Drawn([], [])
    for number in range(SAMPLES):
        try:
            genotype = strategy.ask(number)
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


def time_candidates(experiment: Experiment, session: Session, drawn: Drawn) -> Timing | None:
    """Trains a few of `drawn` on a few batches, on all workers at once as a search does; None where all of them fail.

    Each is trained for one epoch and for three: the difference is what epochs take, the rest what its first steps
    prepare. Other candidates are taken to need as much more as they have more multiply-accumulates.
    """
    by_cost = sorted(drawn.feasible, key=lambda candidate: candidate[1]["macs"])
    places = np.unique(np.linspace(0, len(by_cost) - 1, TIMED).round().astype(int))
    chosen = [by_cost[place] for place in places]
    with open_executor(experiment, session, Silent()) as executor:
        began = time.monotonic()
        warm = [_timing_job(experiment, session, chosen[0][0], -1 - slot, 1) for slot in range(executor.slots)]
        _run(executor, warm)
        started = time.monotonic() - began
        jobs = [
            _timing_job(experiment, session, resolved, len(EPOCHS) * k + n, epochs)
            for k, (resolved, _) in enumerate(chosen)
            for n, epochs in enumerate(EPOCHS)
        ]
        results = {result.number: result for result in _run(executor, jobs)}
    start = max(0.0, started - results[0].seconds)  # what the first job took more than it did later is a start too
    macs, epoch, fixed = [], [], []
    for k, (resolved, costs) in enumerate(chosen):
        short, long = (results[len(EPOCHS) * k + n] for n in range(len(EPOCHS)))
        if short.status != "finished" or long.status != "finished":
            continue
        part = session.shortened(_examples(resolved))
        trained = max(1e-6, (long.training_seconds - short.training_seconds) / (EPOCHS[1] - EPOCHS[0]))
        around = min(result.seconds - result.training_seconds for result in (short, long))
        prepared = max(0.0, short.training_seconds - EPOCHS[0] * trained)
        macs.append(costs["macs"])
        epoch.append(trained * session.train_size / part.train_size)
        fixed.append(prepared + around * session.validation_size / part.validation_size)
    if not macs:
        return None
    wanted = [costs["macs"] for _, costs in drawn.feasible]
    return Timing(start, _extrapolate(macs, epoch, wanted), _extrapolate(macs, fixed, wanted))


def _extrapolate(macs: list[float], seconds: list[float], wanted: list[float]) -> list[float]:
    """What candidates of `wanted` multiply-accumulates take, by the line nearest to those that were timed."""
    slope, base = _line(macs, seconds)
    return [max(min(seconds), base + slope * each) for each in wanted]


def _line(macs: list[float], timed: list[float]) -> tuple[float, float]:
    """Slope and offset, neither below zero, of the line nearest to the points by least squares."""
    costs, seconds = np.array(macs), np.array(timed)
    if len(set(macs)) < 2:
        return 0.0, float(seconds.mean())
    slope, base = np.polyfit(costs, seconds, 1)
    if slope < 0:
        return 0.0, float(seconds.mean())
    return (float(slope), float(base)) if base >= 0 else (float((costs @ seconds) / (costs @ costs)), 0.0)


def _run(executor: Executor, jobs: list[Job]) -> list[JobResult]:
    """The results of all jobs, on all slots."""
    results: list[JobResult] = []
    for running, job in enumerate(jobs):
        if running >= executor.slots:
            results += filter(None, [executor.wait()])
        executor.submit(job)
    while len(results) < len(jobs):
        results += filter(None, [executor.wait()])
    return results


def _examples(resolved: Resolved) -> int:
    return TIMED_BATCHES * int(resolved.train["batch_size"])


def _timing_job(experiment: Experiment, session: Session, resolved: Resolved, number: int, epochs: int) -> Job:
    return Job(
        number=number,
        rung=0,
        label="timing",
        architecture=to_yaml(resolved.model),
        train={**resolved.train, "epochs": epochs},
        first_epoch=0,
        last_epoch=epochs,
        total_epochs=epochs,
        seed=trial_seed(experiment.spec.seed, abs(number)),
        checkpoint_in=None,
        checkpoint_out=None,
        weights_out=None,
        examples=_examples(resolved),
        program=program_to_data(session.plan(resolved.model)),
    )


def _times(experiment: Experiment, session: Session, timing: Timing | None) -> dict[str, Any]:
    """Seconds of an epoch, of the search and of the final phase; None where it cannot be said."""
    if timing is None:
        return {"epoch": None, "search": None, "final": None}
    stop, final = experiment.spec.search.stop, experiment.spec.final
    train_epochs = experiment.space.train["epochs"]
    if not isinstance(train_epochs, int):
        return {"epoch": _range(timing.epochs), "search": stop.time, "final": None}
    workers = max(1, count_workers(experiment.spec.hardware.workers, session.device))
    trials = stop.trials if stop.trials is not None else experiment.size.number if stop.time is None else None
    search = None
    if trials is not None and trials != float("inf"):
        search = timing.start + _rehearsed(experiment, timing, int(min(trials, ENDLESS)), workers)
    if stop.time is not None:
        search = min(search, stop.time) if search is not None else stop.time
    finalists = 1 if experiment.objective.several and final.front == "knee" else final.top
    trainings = (finalists + len(experiment.baselines)) * final.seeds
    epoch, fixed = statistics.fmean(timing.epochs), statistics.fmean(timing.fixed)
    return {
        "epoch": _range(timing.epochs),
        "workers": workers,
        "search": search,
        "final": math.ceil(trainings / workers) * (fixed + (final.epochs or train_epochs) * epoch),
    }


def _rehearsed(experiment: Experiment, timing: Timing, trials: int, workers: int) -> float:
    """Seconds of the search itself, on average over a few draws of which trials are good."""
    costs = list(zip(timing.epochs, timing.fixed, strict=True))
    draws = (np.random.default_rng([experiment.spec.seed, draw]) for draw in range(REHEARSALS))
    return statistics.fmean(rehearse(experiment.make_scheduler(), trials, workers, costs, rng) for rng in draws)


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
