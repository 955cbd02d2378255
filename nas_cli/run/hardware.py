"""Where and how the candidates of a run train, and with what."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import nas_cli
from nas_cli.execute.executor import Executor, Limits
from nas_cli.execute.hardware import available_memory, count_workers
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.model.latency import device_name
from nas_cli.run.compose import Experiment
from nas_cli.run.observer import Observer

MEMORY_SHARE = 0.9
"""Of the memory that is free at the start, what all trials together may take."""


def chosen_hardware(experiment: Experiment, session: Session) -> dict[str, Any]:
    """What `auto` came to here. It stays with the run, since other choices may give other results."""
    return {
        "device": session.device.type,
        "workers": count_workers(experiment.spec.hardware.workers, session.device),
        "precision": session.precision.format,
        "layout": "channels-last" if session.precision.channels_last else "channels-first",
    }


def hardware_sentence(experiment: Experiment, session: Session) -> str:
    """Where a search trains and how, and whether that was found by timing."""
    workers = count_workers(experiment.spec.hardware.workers, session.device)
    who = "this process trains" if workers == 0 else f"{workers} worker{'s' if workers > 1 else ''}"
    threads = (
        f", {session.threads} thread{'s' if session.threads > 1 else ''} each" if session.device.type == "cpu" else ""
    )
    timed = ", the fastest here by timing" if session.reasons.get("chosen_by") == "timing" else ""
    return f"{who} on {device_name(session.device)}{threads}; {session.precision}{timed}"


@contextmanager
def open_executor(
    experiment: Experiment, session: Session, observer: Observer, limits: Limits | None = None
) -> Iterator[Executor]:
    """Where candidates are trained; nothing of it is left afterwards, however the search ends."""
    workers = count_workers(experiment.spec.hardware.workers, session.device)
    executor: Executor
    if workers == 0:
        executor = InProcess(session.here(), observer.progress)
    else:
        executor = Processes(session, workers, limits, experiment.spec.plugins, observer.progress)
    try:
        yield executor
    finally:
        executor.close()


def find_limits(experiment: Experiment, session: Session) -> Limits:
    """What a trial may take; `memory: auto` is a worker's share of what is free now."""
    wanted = experiment.spec.search.limits
    workers = max(1, count_workers(experiment.spec.hardware.workers, session.device))
    memory = wanted.memory
    if memory == "auto":
        free = available_memory()
        return Limits(wanted.time, wanted.stall, int(MEMORY_SHARE * free / workers) if free else None)
    return Limits(wanted.time, wanted.stall, memory)


def environment(experiment: Experiment, session: Session) -> dict[str, Any]:
    """Where and with what a run ran, for its report and for whoever repeats it."""
    packages = {}
    for package in ("torch", "numpy", "scikit-learn", "onnx", "onnxruntime"):
        packages[package] = metadata.version(package)
    return {
        "nas": nas_cli.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": packages,
        "seed": experiment.spec.seed,
        **session.describe(),
        "notes": list(session.notes),
    }
