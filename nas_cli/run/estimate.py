"""What a candidate costs, known before it is trained: counted, or predicted from what was measured."""

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
"""Of what is kept in 32 bits, in 16."""
WEIGHT_AND_GRADIENT = 8
"""Bytes of each weight, in float32."""
LEAST_MARGIN = 0.1
TRUSTED = 5
"""Predictions that must have been compared with a measurement before one counts."""


@dataclass(frozen=True)
class Estimate:
    """`counted` costs are exact, of `program`.

    `latency_ms` is predicted, None where it cannot be; `margin` is how far it may be off, as a share of it. `missing`
    names the entries that the latency table lacks.
    """

    counted: Measurement
    program: Program | None = None
    latency_ms: float | None = None
    margin: float = 0.0
    missing: tuple[str, ...] = ()

    def optimistic(self, low: float, high: float) -> float | None:
        """The latency within the margin that is nearest to `low`..`high`; None where nothing can be said."""
        if self.latency_ms is None:
            return None
        fastest, slowest = self.latency_ms * (1 - self.margin), self.latency_ms * (1 + self.margin)
        return fastest if fastest > high else slowest if slowest < low else min(max(self.latency_ms, low), high)


def require_memory(counted: Mapping[str, float], batch_size: int, memory: int | None) -> None:
    """Raises Infeasible where a step on `batch_size` examples keeps more than `memory` bytes, even with activations in
    16 bits and an optimizer without moments: such a candidate would only be tried to be stopped. None is no limit.
    """
    needed = HALF * counted["activation_mb"] * 1e6 * batch_size + WEIGHT_AND_GRADIENT * counted["params"]
    if memory is not None and needed > memory:
        raise Infeasible(
            f"a training step on {batch_size} examples would keep {in_bytes(needed)}, and a trial may take "
            f"{in_bytes(memory)} (search.limits.memory)"
        )


@dataclass
class Estimator:
    """Of one run. `memory` is what a trial may take, in bytes.

    The latency table is part of the run's journal, so that a resumed run knows what it knew.
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
        """Raises Infeasible where the network cannot be built, or could not be trained in the memory that there is."""
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
        """Takes what the first job of a trial measured into the table, and new entries into the journal."""
        if "latency_ms" in result.measurement:
            program = self.session.problem.plan(resolved.model)
            seen = self.table.observe(program, result.measurement["latency_ms"], result.table)
            self.journal.append(LayersMeasured(result.table, seen))
