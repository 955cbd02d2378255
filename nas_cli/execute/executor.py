"""Where candidates are trained: the protocol, a job, and what comes back. All of it is JSON, so that it can travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Bound = tuple[str, float, float]
"""A cost, and the least and the most that it may be."""


@dataclass(frozen=True)
class Job:
    """One rung of one candidate. `architecture` and `train` are plain data; paths are texts.

    Epochs `first_epoch` to `last_epoch` of a training of `total_epochs` are due. `costs` is known already and becomes
    part of the measurement. `measure` names what must be measured besides metrics: `latency_ms`. A candidate whose
    measured cost is outside of `bounds` is not trained. `program` is the network as `program_to_data` gives it; without
    it the worker infers it from the architecture. `entries` of the latency table are measured with the latency. Of the
    data only the first `examples` of each part are used, where that is given: for timing. A training that has not ended
    `seconds` after the job began is cut short at its next step and measured as it is; `epochs` of the measurement then
    says how far it came.
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
    """A job that ended: trained, failed, or not trained since its measured costs are outside of its bounds.

    `reason` is a sentence where it failed; `seconds` is its wall time, `training_seconds` that of its training steps.
    `table` holds new entries of the latency table, milliseconds by name. `note` is a sentence for the user.
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
    """What a job may take; None is no limit. `time`: seconds in all. `stall`: seconds without a training step.

    `memory`: bytes of its process, the shared data left out.
    """

    time: float | None = None
    stall: float | None = None
    memory: int | None = None


class Executor(Protocol):
    """Decides where jobs run. A failed, killed or timed-out job is a result too, never an exception."""

    @property
    def slots(self) -> int:
        """How many jobs may be submitted and not yet waited for."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self, timeout: float | None = None) -> JobResult | None:
        """The result of a submitted job, whichever is first; None where none ended within `timeout` seconds.

        Raises OSError where the disk is full or cannot be written: that is no fault of the candidate.
        """
        ...

    def cancel(self) -> None:
        """Ends whatever runs and gives no result of it; more jobs may be submitted afterwards."""
        ...

    def close(self) -> None:
        """Ends whatever runs, for good."""
        ...
