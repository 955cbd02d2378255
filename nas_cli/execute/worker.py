"""One job, from its architecture as plain data to its measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

import torch

from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.hardware import NO_SUCH_KERNEL, repeat_exactly
from nas_cli.execute.session import Session
from nas_cli.model.build import build
from nas_cli.model.initialise import initialise
from nas_cli.model.latency import measure_latency
from nas_cli.model.latency_table import measure_entries
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.transport import program_from_data
from nas_cli.space.parse import parse_architecture
from nas_cli.train.checkpoint import DISK_FULL, save_tensors
from nas_cli.train.loop import Epochs, train_network

Progress = Callable[[str, int, int, Mapping[str, float]], None]
"""Told of every epoch that ends: label of the job, epochs done, epochs in all, metrics."""


class Watcher(Protocol):
    """Who is told how a job goes on."""

    @property
    def progress(self) -> Progress: ...

    def beat(self) -> None:
        """A training step ended."""
        ...

    def alone(self) -> AbstractContextManager[object]:
        """Within it no other job runs on this machine."""
        ...


class OnlyJob:
    """The watcher of a job that has the machine for itself."""

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
    """Measures and trains. What the candidate raises becomes a failed result; Ctrl-C and a full disk pass."""
    watcher = watcher or OnlyJob()
    session = session if job.examples is None else session.shortened(job.examples)
    start = time.perf_counter()

    def failed(error: BaseException) -> JobResult:
        return JobResult(job.number, job.rung, "failed", {}, _reason(error), time.perf_counter() - start)

    try:
        repeat_exactly(session.device, strictly=True)
        try:
            return _run(job, session, watcher, start)
        except RuntimeError as error:
            if NO_SUCH_KERNEL not in str(error):
                raise
        repeat_exactly(session.device)  # after the error is gone, and with it the memory that the first try held
        return _run(job, session, watcher, start)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise  # this is no fault of the candidate: the search pauses
        return failed(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a candidate may fail in any way: the search goes on
        return failed(error)


def _run(job: Job, session: Session, watcher: Watcher, start: float) -> JobResult:
    network = _network(job, session)
    measured, table = _measure(network, job, session, watcher)
    costs = {**job.costs, **measured}
    if any(not low <= costs.get(name, low) <= high for name, low, high in job.bounds):
        seconds = time.perf_counter() - start
        return JobResult(job.number, job.rung, "infeasible", costs, "", seconds, table=table)
    clock = Clock(watcher)
    metrics = _train(network, job, session, clock, start)
    measurement = {"epochs": float(job.last_epoch), **metrics, **costs}
    seconds = time.perf_counter() - start
    return JobResult(job.number, job.rung, "finished", measurement, "", seconds, clock.seconds, table)


def make_network(architecture: object, session: Session, seed: int) -> Network:
    """The network of `architecture` with new weights, the session's normalisation and vectors. Raises Infeasible."""
    network = build(parse_architecture(architecture, OPS), session.input_shape, session.head, session.facts)
    return _initialised(network, session, seed)


def _network(job: Job, session: Session) -> Network:
    if job.program is None:
        return make_network(job.architecture, session, job.seed)
    return _initialised(Network(program_from_data(job.program)), session, job.seed)


def _initialised(network: Network, session: Session, seed: int) -> Network:
    initialise(network, torch.Generator().manual_seed(seed))
    network.set_normalisation(session.mean, session.std)
    network.set_vectors(session.vectors)
    return network


def _measure(
    network: Network, job: Job, session: Session, watcher: Watcher
) -> tuple[dict[str, float], dict[str, float]]:
    """The measured costs, and new entries of the latency table."""
    if "latency_ms" not in job.measure:
        return {}, {}
    batch_size, threads = session.latency
    with watcher.alone():
        latency = measure_latency(network, session.device, batch_size, threads)
        table = measure_entries(network, session.device, batch_size, threads, job.entries)
    return {"latency_ms": latency.p50_ms, "latency_spread": latency.spread}, table


def _train(network: Network, job: Job, session: Session, watcher: Watcher, start: float) -> dict[str, float]:
    metrics = train_network(
        network,
        session.data,
        session.task,
        job.train,
        Epochs(job.first_epoch, job.last_epoch, job.total_epochs),
        job.seed,
        session.precision,
        Path(job.checkpoint_in) if job.checkpoint_in else None,
        Path(job.checkpoint_out) if job.checkpoint_out else None,
        lambda epoch, metrics: watcher.progress(job.label, epoch, job.total_epochs, metrics),
        watcher.beat,
        lambda: job.seconds is not None and time.perf_counter() - start >= job.seconds,
    )
    if job.weights_out:
        save_tensors(Path(job.weights_out), network.state_dict(), {"label": job.label, "seed": job.seed})
    return metrics


def _reason(error: BaseException) -> str:
    first = str(error).strip().split("\n", 1)[0][:300]
    if isinstance(error, NasError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
