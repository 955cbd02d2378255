"""Where candidates are trained: the protocol, a job, and what comes back. All of it is JSON, so that it can travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Job:
    """One rung of one candidate. `architecture` and `train` are plain data; paths are texts.

    Epochs `first_epoch` to `last_epoch` of a training of `total_epochs` are due. `measure` names what must be measured
    besides metrics, params and macs: `latency_ms`.
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
    measure: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobResult:
    """A job that ended, well or not. `reason` is a sentence where it failed; `seconds` is its wall time."""

    number: int
    rung: int
    status: Literal["finished", "failed"]
    measurement: Mapping[str, float]
    reason: str
    seconds: float


class Executor(Protocol):
    """Decides where jobs run. A failed, killed or timed-out job is a result too, never an exception."""

    @property
    def slots(self) -> int:
        """How many jobs may be submitted and not yet waited for."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self) -> JobResult:
        """The result of a submitted job, whichever is first."""
        ...

    def close(self) -> None: ...
