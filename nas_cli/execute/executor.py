"""Where candidates are trained: the Executor protocol, its jobs and their results. Jobs and results are JSON data, so
that they can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Bound = tuple[str, float, float]
"""The name of a cost, its minimum and its maximum."""


@dataclass(frozen=True)
class Job:
    """One rung of one candidate. `architecture` and `train` are plain data; paths are strings.

    Args:
        first_epoch, last_epoch, total_epochs: the job trains the epochs from first to last of a training of total.
        costs: costs known already, which become part of the measurement.
        measure: costs to measure besides the metrics: `latency_ms`.
        bounds: a candidate with a measured cost outside of these is not trained.
        entries: layers to time for the latency table, together with the latency.
        examples: for timing, only the first so many examples of each split are used.
        seconds: a training that takes longer than this from the start of the job is cut short at its next step and
            measured as it is; `epochs` of the measurement then says how many epochs were trained.
        program: the network as `program_to_data` gives it; without it the worker infers it from `architecture`.
    """

    number: int
    rung: int
    label: str
    architecture: Any
    train: Mapping[str, Any]
    first_epoch: int
    last_epoch: int
    total_epochs: int
    seed: int
    checkpoint_in: str | None
    checkpoint_out: str | None
    weights_out: str | None
    costs: Mapping[str, float] = field(default_factory=dict)
    measure: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    entries: tuple[str, ...] = ()
    examples: int | None = None
    seconds: float | None = None
    program: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class JobResult:
    """A job that ended: trained ("finished"), failed, or not trained since a measured cost is outside of its bounds.

    `reason` says in a sentence why it failed; `seconds` is the job's wall time, `training_seconds` that of its training
    steps. `table` holds new entries of the latency table, milliseconds by name. `note` is a sentence for the user.
    """

    number: int
    rung: int
    status: Literal["finished", "failed", "infeasible"]
    measurement: Mapping[str, float]
    reason: str
    seconds: float
    training_seconds: float = 0.0
    table: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Limits:
    """The limits of a job; None is no limit. `time`: seconds of wall time. `stall`: seconds without a training step.

    `memory`: bytes of private memory of its process, without the shared data.
    """

    time: float | None = None
    stall: float | None = None
    memory: int | None = None


class Executor(Protocol):
    """Decides where jobs run. A failed, killed or timed-out job is a result too, never an exception."""

    @property
    def slots(self) -> int:
        """How many jobs may be in flight: submitted, with a result that `wait` has not returned yet."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self, timeout: float | None = None) -> JobResult | None:
        """The result of the next job that ends; None where no job ends within `timeout` seconds.

        Raises OSError where the disk is full or cannot be written, which is no fault of the candidate.
        """
        ...

    def cancel(self) -> None:
        """Ends all running jobs without results; more jobs may be submitted afterwards."""
        ...

    def close(self) -> None:
        """Ends all running jobs and the executor."""
        ...
