"""Estimates the training times of candidates by training a few of them for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.session import Session
from nas_cli.model.transport import program_to_data
from nas_cli.run.compose import Experiment
from nas_cli.seeds import trial_seed
from nas_cli.space.nodes import to_yaml
from nas_cli.space.space import Resolved

TIMED = 5
TIMED_BATCHES = 6
EPOCHS = (1, 3)
STARTING, TIMING = 30.0, 2.5
"""Seconds at most until the workers are there; and for all trainings together from then on, which on a machine that is
busy otherwise have as long as the workers took to start.
"""
TRAINED = 0.6
"""Of the seconds that are left, the share that a training may take; the rest is for its validation score."""
MOST_MACS = 2e10
"""Multiply-accumulates of a forward pass of one batch that are tried in this very process, which nothing could stop."""
FAR = 2.0
"""Extrapolation is doubtful beyond this many times the multiply-accumulates of the largest timed candidate."""

Costed = tuple[Resolved, Mapping[str, float]]


@dataclass(frozen=True)
class Timing:
    """Seconds that workers take to start, and for each drawn candidate those of an epoch and those that come with
    every training: the network is built, and its validation score measured.
    """

    start: float
    epochs: list[float]
    fixed: list[float]


def time_candidates(
    experiment: Experiment, session: Session, executor: Executor, drawn: Sequence[Costed], began: float
) -> tuple[Timing | None, list[str]]:
    """Trains a few of `drawn` on a few batches, on all workers at once as a search does; and says what could not be
    timed. `began` is when the workers were started, in seconds of the monotonic clock.

    Each is trained for one epoch and for three: the difference is what epochs take, the rest what its first steps
    prepare. What has not ended after a few seconds counts as far as it came, or not at all. Other candidates are taken
    to need as much more as they have more multiply-accumulates.
    """
    chosen = _chosen(drawn, isinstance(executor, InProcess))
    # A job without layers ends at once, whatever the spec says: by then the workers are there.
    ready = [_job(experiment, session, None, number, 1, 2) for number in range(executor.slots)]
    if len(_run(executor, ready, began + STARTING)) < len(ready):
        return None, [f"nothing was timed: the workers were not there after {STARTING:.0f} s"]
    start = time.monotonic() - began
    until = time.monotonic() + max(TIMING, start)
    warm = [_job(experiment, session, chosen[0][0], number, 1, 2) for number in range(executor.slots)] if chosen else []
    jobs: list[Job] = []
    for resolved, _ in chosen:
        first = executor.slots + len(jobs)
        for number, epochs in enumerate(EPOCHS, first):
            jobs.append(_job(experiment, session, resolved, number, epochs, _examples(resolved)))
    results = {result.number: result for result in _run(executor, [*warm, *jobs], until)}
    timed = _timed(session, chosen, results, executor.slots)
    if not timed:
        failed = next((result.reason for result in results.values() if result.reason), "")
        why = failed or f"a step of the smallest of them takes longer than the {max(TIMING, start):.2g} s there are"
        return None, [f"no candidate could be timed: {why}"]
    macs, epoch, fixed = (list(column) for column in zip(*timed, strict=True))
    wanted = [costs["macs"] for _, costs in drawn]
    timing = Timing(start, _extrapolate(macs, epoch, wanted), _extrapolate(macs, fixed, wanted))
    return timing, _untimed(max(wanted) / max(1.0, max(macs)))


def _timed(
    session: Session, chosen: Sequence[Costed], results: Mapping[int, JobResult], first: int
) -> list[tuple[float, float, float]]:
    """The multiply-accumulates of each of `chosen` that was trained, its seconds an epoch, and those that come with
    every training, on all examples. Its jobs are numbered from `first`, in order.
    """
    timed = []
    for place, (resolved, costs) in enumerate(chosen):
        numbers = range(first + len(EPOCHS) * place, first + len(EPOCHS) * (place + 1))
        done = [results[n] for n in numbers if n in results and results[n].status == "finished"]
        if not done:
            continue
        trained, prepared, around = _parts(done)
        part = session.shortened(_examples(resolved))
        epoch = trained * session.train_size / part.train_size
        timed.append((costs["macs"], epoch, prepared + around * session.validation_size / part.validation_size))
    return timed


def _untimed(times: float) -> list[str]:
    if times <= FAR:
        return []
    return [
        "the largest candidates were not timed, since their steps take too long: they have up to "
        f"{times:.0f} times as many multiply-accumulates as those that were, and are taken to need as much more"
    ]


def _chosen(drawn: Sequence[Costed], in_this_process: bool) -> list[Costed]:
    """A few candidates from the cheapest to the dearest: these two first, the middle one next. Those too large to train
    in this process, where nothing could stop them, are left out.
    """
    by_cost = sorted(drawn, key=lambda candidate: candidate[1]["macs"])
    places = [int(place) for place in np.unique(np.linspace(0, len(by_cost) - 1, TIMED).round())]
    middle = places[len(places) // 2]
    order = dict.fromkeys([places[0], places[-1], middle, *places])
    chosen = [by_cost[place] for place in order]
    if not in_this_process:
        return chosen
    return [each for each in chosen if each[1]["macs"] * int(each[0].train["batch_size"]) <= MOST_MACS]


def _parts(done: Sequence[JobResult]) -> tuple[float, float, float]:
    """Seconds of an epoch, of what the first steps prepare, and of what is around the training."""
    points = sorted((result.measurement["epochs"], result.training_seconds) for result in done)
    (least, short), (most, long) = points[0], points[-1]
    around = min(result.seconds - result.training_seconds for result in done)
    if most - least < 0.5:  # the same, or as good as: what was prepared cannot be told from the rest
        return max(1e-6, long / most), 0.0, around
    trained = max(1e-6, (long - short) / (most - least))
    return trained, max(0.0, short - least * trained), around


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


def _run(executor: Executor, jobs: Sequence[Job], until: float) -> list[JobResult]:
    """The results of the jobs that end before `until`, on all slots."""
    results: list[JobResult] = []
    running = 0
    for job in [*jobs, *[None] * executor.slots]:
        if running == executor.slots or (job is None and running):
            result = executor.wait(max(0.0, until - time.monotonic()))
            if result is None:
                break
            results.append(result)
            running -= 1
        left = until - time.monotonic()
        if job is None or left <= 0:
            continue
        executor.submit(replace(job, seconds=TRAINED * left))
        running += 1
    return results


def _examples(resolved: Resolved) -> int:
    return TIMED_BATCHES * int(resolved.train["batch_size"])


def _job(
    experiment: Experiment, session: Session, resolved: Resolved | None, number: int, epochs: int, examples: int
) -> Job:
    """`epochs` on so many examples; without a candidate a job that has no layers."""
    return Job(
        number=number,
        rung=0,
        label="timing",
        architecture=to_yaml(resolved.model) if resolved is not None else [],
        train={**resolved.train, "epochs": epochs} if resolved is not None else {},
        first_epoch=0,
        last_epoch=epochs,
        total_epochs=epochs,
        seed=trial_seed(experiment.spec.seed, number),
        checkpoint_in=None,
        checkpoint_out=None,
        weights_out=None,
        examples=examples,
        program=program_to_data(session.problem.plan(resolved.model)) if resolved is not None else None,
    )
