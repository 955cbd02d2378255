"""The executor, limits and environment of a run."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import nas_cli
from nas_cli.execute.executor import Executor, Limits
from nas_cli.execute.hardware import available_memory
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.run.compose import Experiment
from nas_cli.run.observer import Observer

MEMORY_SHARE = 0.9
"""The share of the memory free at the start that all running trials together may take."""


@contextmanager
def open_executor(
    experiment: Experiment, session: Session, observer: Observer, limits: Limits | None = None
) -> Iterator[Executor]:
    """The executor that trains candidates; it is closed afterwards, however the search ends."""
    workers = session.placement.workers
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
    """The limits of a trial; `memory: auto` is a worker's share of the memory free now."""
    wanted = experiment.spec.search.limits
    workers = max(1, session.placement.workers)
    memory = wanted.memory
    if memory == "auto":
        free = available_memory()
        return Limits(wanted.time, wanted.stall, int(MEMORY_SHARE * free / workers) if free else None)
    return Limits(wanted.time, wanted.stall, memory)


def environment(experiment: Experiment, session: Session) -> dict[str, Any]:
    """Versions, platform, seed and hardware of a run, for its report and for repeating it."""
    packages = {}
    for package in ("torch", "numpy", "scikit-learn", "onnx", "onnxruntime"):
        packages[package] = metadata.version(package)
    return {
        "nas": nas_cli.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": packages,
        "seed": experiment.spec.seed,
        **session.placement.describe(),
        "notes": list(session.notes),
    }
