"""The costs of a candidate before it is trained: counted, or predicted from earlier measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nas_cli.errors import Infeasible
from nas_cli.execute.executor import JobResult
from nas_cli.execute.session import Session
from nas_cli.figures import in_bytes
from nas_cli.model.cost import cost
from nas_cli.model.latency_table import LatencyTable
from nas_cli.model.program import Program
from nas_cli.record.events import LayersMeasured
from nas_cli.record.journal import Journal
from nas_cli.run.compose import Experiment
from nas_cli.space.space import Resolved
from nas_cli.trial import Measurement

HALF = 0.5
"""Activations in bf16/fp16 take half the bytes of float32."""
WEIGHT_AND_GRADIENT = 8
"""Bytes of each weight and its gradient, in float32."""
LEAST_MARGIN = 0.1
TRUSTED = 5
"""Predictions are used after so many of them have been compared with a measurement."""


@dataclass(frozen=True)
class Estimate:
    """Costs of a candidate. `counted` costs are the exact ones of `program`.

    `latency_ms` is predicted, None where that is not possible; `margin` is its possible error, as a share of it.
    `missing` names the entries that the latency table lacks.
    """

    counted: Measurement
    program: Program | None = None
    latency_ms: float | None = None
    margin: float = 0.0
    missing: tuple[str, ...] = ()

    def optimistic(self, low: float, high: float) -> float | None:
        """The latency within the margin of error that is nearest to `low`..`high`; None without a prediction."""
        if self.latency_ms is None:
            return None
        fastest, slowest = self.latency_ms * (1 - self.margin), self.latency_ms * (1 + self.margin)
        return fastest if fastest > high else slowest if slowest < low else min(max(self.latency_ms, low), high)


def require_memory(counted: Mapping[str, float], batch_size: int, memory: int | None) -> None:
    """Raises Infeasible where a training step on `batch_size` examples needs more than `memory` bytes (None: no limit),
    even with activations in 16 bits and an optimizer without moments: its training would only be stopped.
    """
    needed = HALF * counted["activation_mb"] * 1e6 * batch_size + WEIGHT_AND_GRADIENT * counted["params"]
    if memory is not None and needed > memory:
        raise Infeasible(
            f"a training step on {batch_size} examples would keep {in_bytes(needed)}, and a trial may take "
            f"{in_bytes(memory)} (search.limits.memory)"
        )


@dataclass
class Estimator:
    """Estimates the costs of a run's candidates. `memory` is the limit of a trial, in bytes.

    The latency table is kept in the run's journal, so that a resumed run has the same table.
    """

    experiment: Experiment
    session: Session
    journal: Journal
    memory: int | None = None
    table: LatencyTable = field(default_factory=LatencyTable)

    def __post_init__(self) -> None:
        for event in self.journal.course.latency_table:
            self.table.recall(event.entries, event.seen or {})

    def __call__(self, resolved: Resolved) -> Estimate:
        """Raises Infeasible where the network cannot be built, or could not be trained within `memory`."""
        program = self.session.problem.plan(resolved.model)
        counted = {name: float(value) for name, value in cost(program).items()}
        require_memory(counted, min(int(resolved.train["batch_size"]), self.session.train_size), self.memory)
        if "latency_ms" not in self.experiment.measured:
            return Estimate(counted, program)
        missing = tuple(self.table.missing(program))
        error, count = self.table.error()
        latency = self.table.predict(program) if count >= TRUSTED else None
        return Estimate(counted, program, latency, max(LEAST_MARGIN, 3 * error), missing)

    def learn(self, result: JobResult, resolved: Resolved) -> None:
        """Adds the measurements of a trial's first job to the latency table, and new entries to the journal."""
        if "latency_ms" in result.measurement:
            program = self.session.problem.plan(resolved.model)
            seen = self.table.observe(program, result.measurement["latency_ms"], result.table)
            self.journal.append(LayersMeasured(result.table, seen))
