"""Screens candidates before training: whether they can be built, what they cost, and whether constraints allow them."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from nas_cli.errors import Infeasible, SpecError
from nas_cli.execute.session import Session
from nas_cli.run.compose import Experiment
from nas_cli.run.estimate import Estimate
from nas_cli.search.objective import Constraint
from nas_cli.space.edit import replay
from nas_cli.space.space import Resolved
from nas_cli.spec.load import Document
from nas_cli.trial import Genotype, genotype_key

REMEMBERED = 1000
Costs = Callable[[Resolved], Estimate]


@dataclass(frozen=True)
class Screened:
    """A screened candidate. `network` is the digest of its canonical form; "" where the genotype cannot be resolved.

    `reason` says why it must not be trained; "" where it may be.
    """

    resolved: Resolved | None
    network: str
    estimate: Estimate
    reason: str


def screen_baselines(document: Document, experiment: Experiment, session: Session) -> Experiment:
    """`experiment` with a note on each baseline that breaks a constraint on counted costs; it is trained all the same,
    for comparison. Raises SpecError with file:line:column where a baseline cannot be built.
    """
    notes = []
    for name, baseline in experiment.baselines.items():
        try:
            costs = session.problem.costs(baseline)
        except Infeasible as error:
            wrong = SpecError(f"the baseline {name} cannot be built: {error}", ("baselines", name))
            raise document.locate(wrong) from None
        broken = experiment.objective.broken(costs)
        if broken:
            notes.append(
                f"the baseline {name} breaks a constraint: {'; '.join(broken)}. It is trained all the same, and ranks "
                "below every network that breaks none"
            )
    return replace(experiment, notes=(*experiment.notes, *notes))


class Screen:
    """Screens candidates. `costs` estimates the costs of an architecture, or raises Infeasible."""

    def __init__(self, experiment: Experiment, costs: Costs) -> None:
        self._experiment = experiment
        self._costs = costs
        self._known: OrderedDict[bytes, Screened] = OrderedDict()
        self._looks = 0
        self.fruitless = 0
        """Candidates looked at since the last one that was trained."""
        self._refusals: Counter[str] = Counter()
        self._nearest: dict[str, tuple[float, str]] = {}

    def accept(self, genotype: Genotype) -> bool:
        return not self.look(genotype).reason

    def look(self, genotype: Genotype) -> Screened:
        self.fruitless += 1
        key = genotype_key(genotype)
        candidate = self._known.get(key)
        if candidate is None:
            candidate = self._known[key] = self._look(genotype)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return candidate

    def resolved(self, genotype: Genotype) -> Resolved:
        """The architecture and recipe of `genotype`, from memory where it was screened lately."""
        candidate = self._known.get(genotype_key(genotype))
        if candidate is None or candidate.resolved is None:
            return replay(self._experiment.space, genotype)
        return candidate.resolved

    def network(self, resolved: Resolved) -> str:
        """A digest that two architectures share where they are the same network with the same training."""
        return hashlib.blake2b(self._experiment.canonical.key(resolved).encode(), digest_size=12).hexdigest()

    def why_nothing(self) -> str:
        """Which constraints refused candidates, how many, and which candidate came nearest."""
        parts = []
        for name, count in self._refusals.most_common(3):
            nearest = f" (the nearest: {self._nearest[name][1]})" if name in self._nearest else ""
            parts.append(f"{name} refuses {count:,} of {self._looks:,}{nearest}")
        return "; ".join(parts)

    def _look(self, genotype: Genotype) -> Screened:
        self._looks += 1
        resolved, network, estimate = None, "", Estimate({})
        try:
            resolved = replay(self._experiment.space, genotype)
            network = self.network(resolved)
            estimate = self._costs(resolved)
        except Infeasible as error:
            self._refusals["what can be built"] += 1
            return Screened(resolved, network, estimate, str(error))
        sentences = [self._broken(constraint, estimate) for constraint in self._experiment.objective.constraints]
        return Screened(resolved, network, estimate, "; ".join(filter(None, sentences)))

    def _broken(self, constraint: Constraint, estimate: Estimate) -> str:
        """A sentence where the candidate breaks the constraint, as far as its costs are known. Counts the refusal, and
        keeps the nearest one.
        """
        value = estimate.counted.get(constraint.name)
        predicted = value is None and constraint.name == "latency_ms"
        if predicted:
            value = estimate.optimistic(constraint.low, constraint.high)
        sentence = constraint.broken(value) if value is not None else None
        if value is None or sentence is None:
            return ""
        name, distance = str(constraint), max(constraint.low - value, value - constraint.high)
        self._refusals[name] += 1
        if name not in self._nearest or distance < self._nearest[name][0]:
            self._nearest[name] = distance, sentence
        return f"{sentence} (predicted)" if predicted else sentence
