"""Runs one job, from its architecture as plain data to its measurement."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch

from nas_cli.errors import NasError, RunError, TrialFailed
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.hardware import NO_SUCH_KERNEL, repeat_exactly
from nas_cli.execute.session import Session
from nas_cli.model.latency import measure_latency
from nas_cli.model.latency_table import measure_entries
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.transport import program_from_data
from nas_cli.model.weights import Fresh
from nas_cli.space.parse import parse_architecture
from nas_cli.train.checkpoint import DISK_FULL, DiskFault, save_tensors
from nas_cli.train.loop import Epochs, seed_globally, train_network
from nas_cli.words import printable

Progress = Callable[[str, int, int, Mapping[str, float]], None]
"""Called after every epoch with the job's label, epochs done, epochs in all and metrics."""
TOO_FEW_FOR_BATCH_NORM = "Expected more than 1 value per channel"
"""Part of torch's error message for batch norm over one example without spatial axes."""
LONGEST_REASON = 300
"""Characters of a failed job's reason."""


class Watcher(Protocol):
    """Follows the progress of a job."""

    @property
    def progress(self) -> Progress: ...

    def beat(self) -> None:
        """A training step ended."""
        ...

    def alone(self) -> AbstractContextManager[object]:
        """Within it no other job runs on this machine."""
        ...


class OnlyJob:
    """The watcher of a job that has the machine to itself."""

    def __init__(self, progress: Progress = lambda *_: None) -> None:
        self.progress = progress

    def beat(self) -> None: ...

    def alone(self) -> AbstractContextManager[object]:
        return nullcontext()


class Clock:
    """A watcher that also measures the time from now to the end of the last training step."""

    def __init__(self, watcher: Watcher) -> None:
        self._began = time.perf_counter()
        self._watcher = watcher
        self.seconds = 0.0
        self.progress = watcher.progress
        self.alone = watcher.alone

    def beat(self) -> None:
        self.seconds = time.perf_counter() - self._began
        self._watcher.beat()


def run_job(job: Job, session: Session, watcher: Watcher | None = None) -> JobResult:
    """Measures and trains. Exceptions of the candidate become a failed result. Raises KeyboardInterrupt, and OSError
    where the disk is full or a file of the run cannot be written.
    """
    watcher = watcher or OnlyJob()
    session = session if job.examples is None else session.shortened(job.examples)
    start = time.perf_counter()

    def failed(error: BaseException) -> JobResult:
        return JobResult(job.number, job.rung, "failed", {}, why(error), time.perf_counter() - start)

    try:
        repeat_exactly(session.placement.device, strictly=True)
        try:
            return _run(job, session, watcher, start)
        except RuntimeError as error:
            if NO_SUCH_KERNEL not in str(error):
                raise
        # Outside of the except clause: the error, and the memory that its traceback holds, are gone.
        repeat_exactly(session.placement.device)
        return _run(job, session, watcher, start)
    except DiskFault:
        raise  # no fault of the candidate: the search pauses
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        return failed(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a candidate may fail in any way: the search goes on
        return failed(error)


def _run(job: Job, session: Session, watcher: Watcher, start: float) -> JobResult:
    seed_globally(job.seed)
    network = _network(job, session)
    measured, table = _measure(network, job, session, watcher)
    costs = {**job.costs, **measured}
    if any(not low <= costs.get(name, low) <= high for name, low, high in job.bounds):
        seconds = time.perf_counter() - start
        return JobResult(job.number, job.rung, "infeasible", costs, "", seconds, table=table)
    clock = Clock(watcher)
    metrics, note = _train_from_checkpoint(network, job, session, clock, start)
    measurement = {"epochs": float(job.last_epoch), **metrics, **costs}
    for name, value in measurement.items():
        if not math.isfinite(value):
            raise TrialFailed(f"its {name} is {value}")
    seconds = time.perf_counter() - start
    return JobResult(job.number, job.rung, "finished", measurement, "", seconds, clock.seconds, table, note)


def make_network(architecture: object, session: Session, seed: int) -> Network:
    """The network of `architecture` with random weights and the session's normalisation. Raises Infeasible."""
    return _fresh(session, session.problem.plan(parse_architecture(architecture, OPS)), seed)


def _network(job: Job, session: Session) -> Network:
    if job.program is None:
        return make_network(job.architecture, session, job.seed)
    return _fresh(session, program_from_data(job.program), job.seed)


def _fresh(session: Session, program: Program, seed: int) -> Network:
    return session.problem.network(program, Fresh(torch.Generator().manual_seed(seed), session.assets))


def _measure(
    network: Network, job: Job, session: Session, watcher: Watcher
) -> tuple[dict[str, float], dict[str, float]]:
    """The measured costs, and new entries of the latency table."""
    if "latency_ms" not in job.measure:
        return {}, {}
    batch_size, threads = session.placement.latency
    with watcher.alone():
        samples = session.samples(batch_size)
        latency = measure_latency(network, samples, session.placement.device, threads)
        table = measure_entries(network, samples, session.placement.device, threads, job.entries)
    return {"latency_ms": latency.p50_ms, "latency_spread": latency.spread}, table


def _train_from_checkpoint(
    network: Network, job: Job, session: Session, watcher: Watcher, start: float
) -> tuple[dict[str, float], str]:
    """The metrics, and a note where the checkpoint is damaged: the job then trains from its first epoch, which gives
    the same weights.
    """
    if job.checkpoint_in is None:
        return _train(network, job, session, watcher, start), ""
    try:
        return _train(network, job, session, watcher, start), ""
    except RunError as error:
        damaged = why(error)
    again = replace(job, first_epoch=0, checkpoint_in=None)
    seed_globally(job.seed)
    note = f"{job.label} is trained again from its first epoch: {damaged}"
    return _train(_network(again, session), again, session, watcher, start), note


def _train(network: Network, job: Job, session: Session, watcher: Watcher, start: float) -> dict[str, float]:
    try:
        metrics = train_network(
            network,
            session.data,
            session.problem.task,
            job.train,
            Epochs(job.first_epoch, job.last_epoch, job.total_epochs),
            job.seed,
            session.placement.precision,
            Path(job.checkpoint_in) if job.checkpoint_in else None,
            Path(job.checkpoint_out) if job.checkpoint_out else None,
            lambda epoch, metrics: watcher.progress(job.label, epoch, job.total_epochs, metrics),
            watcher.beat,
            lambda: job.seconds is not None and time.perf_counter() - start >= job.seconds,
        )
    except ValueError as error:
        if TOO_FEW_FOR_BATCH_NORM not in str(error):
            raise
        raise TrialFailed("batch norm cannot learn from a batch of one example: raise train.batch_size") from error
    if job.weights_out:
        save_tensors(Path(job.weights_out), network.state_dict(), {"label": job.label, "seed": job.seed})
    return metrics


def why(error: BaseException) -> str:
    """The error as one printable line, for the journal and the terminal, whatever its text contains."""
    kind = type(error).__name__
    try:
        first = str(error).strip().split("\n", 1)[0]
    except Exception:  # noqa: BLE001 - the candidate's own exception may be as wrong as the candidate
        first = ""
    if isinstance(error, NasError) and first:
        text = first
    else:
        text = f"{kind}: {first}" if first else kind
    return printable(text[:LONGEST_REASON])
