"""`nas plan`: what a spec would do, before it does it: its space, its candidates' costs, the time it would take."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.axes import Axes
from nas_cli.data import Cache
from nas_cli.data.kind import TARGET_KINDS
from nas_cli.describe.rehearse import rehearse
from nas_cli.describe.timing import Timing, time_candidates
from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.session import Session
from nas_cli.record.directory import CACHE, RUNS
from nas_cli.record.trust import distrust_spec
from nas_cli.run.compose import Experiment, compose, suited
from nas_cli.run.estimate import require_memory
from nas_cli.run.hardware import find_limits, open_executor
from nas_cli.run.observer import Silent
from nas_cli.run.preflight import try_plugins
from nas_cli.run.screen import screen_baselines
from nas_cli.run.search import open_session, undefined_here
from nas_cli.space.edit import decisions, replay, sample
from nas_cli.space.space import Resolved
from nas_cli.spec.load import load_document

SAMPLES = 40
DRAWING = 2.0
"""Seconds after which no further candidate is drawn."""
REHEARSALS = 5
ENDLESS = 10**15
"""Most trials of an estimate: a larger space is as good as endless."""


@dataclass(frozen=True)
class Drawn:
    """What the strategy proposes first: those that can be trained with their costs, and why the others cannot."""

    feasible: list[tuple[Resolved, dict[str, float]]]
    reasons: list[str]

    @property
    def count(self) -> int:
        return len(self.feasible) + len(self.reasons)


def plan(
    spec: Path,
    overrides: Sequence[str] = (),
    tell: Callable[[str], None] = lambda text: None,
    plugins: bool = False,
) -> dict[str, Any]:
    """Checks `spec` and its data and says what a search would do, as JSON data. Writes nothing.

    Costs are those of the 40 candidates that are proposed first, or of as many as a few seconds allow; their times are
    extrapolated from a few batches of five of them, trained on all workers at once for a few seconds, and the search's
    is found by playing its schedule through with these. `tell` hears what is being done. `plugins` is as in
    `start_search`. Raises UserError as that does, and NasError where no drawn candidate can be trained.
    """
    document = load_document(spec, overrides)
    experiment = compose(document, None if plugins else distrust_spec(spec, document.data.get("plugins")))
    with open_session(experiment, Cache(RUNS / CACHE)) as session:
        try_plugins(experiment, session)
        experiment = screen_baselines(document, suited(experiment, undefined_here(session)), session)
        return _plan(experiment, session, tell)


def _plan(experiment: Experiment, session: Session, tell: Callable[[str], None]) -> dict[str, Any]:
    limits = find_limits(experiment, session)
    # The workers start while candidates are drawn.
    with open_executor(experiment, session, Silent(), limits) as executor:
        began = time.monotonic()
        tell("drawing candidates and starting the workers")
        drawn = draw(experiment, session, limits.memory if session.placement.on_cpu else None)
        if not drawn.feasible:
            raise NasError(f"none of the first {drawn.count} candidates can be trained; the first: {drawn.reasons[0]}")
        tell("training a few candidates for a few seconds")
        timing, troubles = time_candidates(experiment, session, executor, drawn.feasible, began)
    times, warnings = _times(experiment, session, timing)
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
            "classes": len(session.problem.labels),
            "called": TARGET_KINDS[session.problem.task.wanted.target].called,
            "input": _shapes(session.problem.inputs),
        },
        "candidates": {
            "drawn": drawn.count,
            "infeasible": len(drawn.reasons),
            "first_reason": drawn.reasons[0] if drawn.reasons else None,
            "costs": {name: _range([costs[name] for _, costs in drawn.feasible]) for name in drawn.feasible[0][1]},
        },
        "hardware": str(session.placement),
        "time": times,
        "notes": [*troubles, *warnings, *experiment.notes, *session.notes],
    }


def draw(experiment: Experiment, session: Session, memory: int | None = None) -> Drawn:
    """What the strategy would propose first, 40 times at most, and what each costs; those over a constraint are not
    trained, nor are those that need more than `memory` bytes.

    How a learning strategy goes on from there cannot be foretold.
    """
    strategy = experiment.make_strategy()
    drawn = Drawn([], [])
    until = time.monotonic() + DRAWING
    for number in range(SAMPLES):
        if number and time.monotonic() >= until:
            break
        try:
            genotype = strategy.ask(number)
            resolved = replay(experiment.space, genotype)
            costs = dict(session.problem.costs(resolved.model))
            require_memory(costs, min(int(resolved.train["batch_size"]), session.train_size), memory)
        except Infeasible as error:
            drawn.reasons.append(str(error))
            continue
        broken = experiment.objective.broken(costs)
        if broken:
            drawn.reasons.append("; ".join(broken))
        else:
            drawn.feasible.append((resolved, costs))
    return drawn


def _times(experiment: Experiment, session: Session, timing: Timing | None) -> tuple[dict[str, Any], list[str]]:
    """Seconds of an epoch, of the search and of the final phase (None where unknown), with notes."""
    stop, final = experiment.spec.search.stop, experiment.spec.final
    if timing is None:
        return {"epoch": None, "search": stop.time, "final": None}, []
    train_epochs = experiment.space.train["epochs"]
    if not isinstance(train_epochs, int):
        return {"epoch": _range(timing.epochs), "search": stop.time, "final": None}, []
    workers = max(1, session.placement.workers)
    trials = stop.trials if stop.trials is not None else experiment.size.number if stop.time is None else None
    search = None
    if trials is not None and trials != float("inf"):
        search = timing.start + _rehearsed(experiment, timing, int(min(trials, ENDLESS)), workers)
    if stop.time is not None:
        search = min(search, stop.time) if search is not None else stop.time
    finalists = 1 if experiment.objective.several and final.front == "knee" else final.top
    trainings = (finalists + len(experiment.baselines)) * final.seeds
    epoch, fixed = statistics.fmean(timing.epochs), statistics.fmean(timing.fixed)
    allowed, warnings = _allowed_epochs(experiment, timing, workers)
    return {
        "epoch": _range(timing.epochs),
        "workers": workers,
        "search": search,
        "final": math.ceil(trainings / workers) * (fixed + (final.epochs or allowed or train_epochs) * epoch),
    }, warnings


def _allowed_epochs(experiment: Experiment, timing: Timing, workers: int) -> tuple[int | None, list[str]]:
    """Epochs after which the first trainings would be cut short for want of time, with a sentence; None where they end
    in time.
    """
    limit, scheduler = experiment.spec.search.stop.time, experiment.make_scheduler()
    if limit is None:
        return None, []
    first = range(min(workers, len(timing.epochs)))
    wanted = [scheduler.rungs[scheduler.first_rung(number)] for number in first]
    needed = [timing.fixed[number] + wanted[number] * timing.epochs[number] for number in first]
    fastest = min(first, key=needed.__getitem__)
    if needed[fastest] <= limit:
        return None, []
    epochs = max(0.0, limit - timing.fixed[fastest]) / timing.epochs[fastest]
    return max(1, math.floor(epochs)), [
        f"the first candidates need about {needed[fastest]:.0f} s each, and the search has {limit:g} s "
        f"(search.stop.time): they would be cut short after about {epochs:.2g} of {wanted[fastest]} epochs. More time, "
        "fewer epochs or a schedule that stops weak candidates early (asha) serves better"
    ]


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


def _shapes(inputs: Mapping[str, Axes]) -> list[int] | dict[str, list[int]]:
    """The shape of an example, or of several fields that of each by its name."""
    shapes = {field: list(axes.shape) for field, axes in inputs.items()}
    return shapes if len(shapes) > 1 else next(iter(shapes.values()))
