"""One job, from its architecture as plain data to its measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.session import Session
from nas_cli.model.build import build
from nas_cli.model.cost import cost
from nas_cli.model.initialise import initialise
from nas_cli.model.latency import measure_latency
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_architecture
from nas_cli.train.checkpoint import DISK_FULL, save_tensors
from nas_cli.train.loop import Epochs, train_network

JobProgress = Callable[[str, int, int, Mapping[str, float]], None]
"""Label of the job, epochs done, epochs in all, metrics."""


def run_job(job: Job, session: Session, progress: JobProgress = lambda *_: None) -> JobResult:
    """Trains and measures. What the candidate raises becomes a failed result; Ctrl-C and a full disk pass."""
    start = time.perf_counter()
    try:
        measurement = _run(job, session, progress)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise  # this is no fault of the candidate: the search pauses
        return JobResult(job.number, job.rung, "failed", {}, _reason(error), time.perf_counter() - start)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a candidate may fail in any way: the search goes on
        return JobResult(job.number, job.rung, "failed", {}, _reason(error), time.perf_counter() - start)
    return JobResult(job.number, job.rung, "finished", measurement, "", time.perf_counter() - start)


def make_network(architecture: object, session: Session, seed: int) -> Network:
    """The network of `architecture` with new weights and the session's normalisation. Raises Infeasible."""
    network = build(parse_architecture(architecture, OPS), session.input_shape, session.head)
    initialise(network, torch.Generator().manual_seed(seed))
    network.set_normalisation(session.mean, session.std)
    return network


def _run(job: Job, session: Session, progress: JobProgress) -> dict[str, float]:
    network = make_network(job.architecture, session, job.seed)
    measurement: dict[str, float] = {name: float(value) for name, value in cost(network).items()}
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
        lambda epoch, metrics: progress(job.label, epoch, job.total_epochs, metrics),
    )
    measurement = {**metrics, **measurement, "epochs": float(job.last_epoch)}
    if "latency_ms" in job.measure:
        batch_size, threads = session.latency
        measurement["latency_ms"] = measure_latency(network, session.device, batch_size, threads).p50_ms
    if job.weights_out:
        save_tensors(Path(job.weights_out), network.state_dict(), {"label": job.label, "seed": job.seed})
    return measurement


def _reason(error: BaseException) -> str:
    first = str(error).strip().split("\n", 1)[0][:300]
    if isinstance(error, NasError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
