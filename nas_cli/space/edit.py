"""Samples, mutates, crosses and enumerates genotypes. Each function walks the space with its own `decide`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nas_cli.errors import Infeasible, SpecError
from nas_cli.registry import show
from nas_cli.space.decisions import Decision
from nas_cli.space.space import Resolved, Space
from nas_cli.trial import Genotype, Scalar

MOST_REFUSED = 200


def sample(space: Space, rng: np.random.Generator) -> dict[str, Scalar]:
    """A genotype with every decision drawn uniformly from its values."""
    return space.resolve(lambda path, decision: decision.sample(rng)).genotype


def replay(space: Space, genotype: Genotype, placed: bool = False) -> Resolved:
    """The point of the space that `genotype` names; `placed` as `Space.resolve` takes it.

    Raises SpecError where a decision is missing or not allowed.
    """
    return space.resolve(lambda path, decision: _taken(genotype, path, decision), placed)


def decisions(space: Space, genotype: Genotype) -> dict[str, Decision]:
    """The decisions that lead to `genotype`, in the order of the walk. Raises SpecError as `replay` does."""
    found: dict[str, Decision] = {}

    def decide(path: str, decision: Decision) -> Scalar:
        found[path] = decision
        return _taken(genotype, path, decision)

    space.resolve(decide)
    return found


def _taken(genotype: Genotype, path: str, decision: Decision) -> Scalar:
    if path not in genotype:
        raise SpecError(f"the decision {path} is missing")
    value = genotype[path]
    if not decision.allows(value):
        raise SpecError(f"{path} cannot be {show(value)} in this space")
    return value


def mutate(space: Space, genotype: Genotype, rng: np.random.Generator) -> dict[str, Scalar]:
    """Changes one decision, drawn uniformly from those that have an alternative.

    Decisions that exist only because of the new value are drawn afresh; all others stay.
    """
    open_paths = [path for path, decision in decisions(space, genotype).items() if has_alternative(decision)]
    if not open_paths:
        return dict(genotype)
    changed = open_paths[int(rng.integers(len(open_paths)))]

    def decide(path: str, decision: Decision) -> Scalar:
        if path == changed:
            return decision.neighbour(genotype[path], rng)
        if path in genotype and decision.allows(genotype[path]):
            return genotype[path]
        return decision.sample(rng)

    return space.resolve(decide).genotype


def crossover(space: Space, first: Genotype, second: Genotype, rng: np.random.Generator) -> dict[str, Scalar]:
    """Uniform crossover: each decision comes from a random parent that has it, or is drawn afresh if none has."""

    def decide(path: str, decision: Decision) -> Scalar:
        parents = [p[path] for p in (first, second) if path in p and decision.allows(p[path])]
        return parents[int(rng.integers(len(parents)))] if parents else decision.sample(rng)

    return space.resolve(decide).genotype


def enumerate_genotypes(space: Space) -> Iterator[dict[str, Scalar]]:
    """The genotypes of `enumerate_resolved`, in its order."""
    return (resolved.genotype for resolved in enumerate_resolved(space))


def enumerate_resolved(space: Space) -> Iterator[Resolved]:
    """Every point of the space once, the last decision changing fastest; architectures with too many layers are
    skipped.

    Raises SpecError where a decision is continuous, and Infeasible where 200 points in a row have too many layers.
    """
    refused = 0
    prefix: list[int] = []
    while True:
        trail: list[tuple[int, int]] = []

        def decide(
            path: str, decision: Decision, prefix: list[int] = prefix, trail: list[tuple[int, int]] = trail
        ) -> Scalar:
            values = decision.values()
            if values is None:
                raise SpecError(f"the space cannot be enumerated: {path} is a continuous range; give it a step")
            index = prefix[len(trail)] if len(trail) < len(prefix) else 0
            trail.append((index, len(values)))
            return values[index]

        try:
            resolved = space.resolve(decide)
        except Infeasible:
            refused += 1
            if refused == MOST_REFUSED:
                raise
        else:
            refused = 0
            yield resolved
        while trail and trail[-1][0] + 1 == trail[-1][1]:
            trail.pop()
        if not trail:
            return
        prefix = [index for index, _ in trail]
        prefix[-1] += 1


def has_alternative(decision: Decision) -> bool:
    values = decision.values()
    return values is None or len(values) > 1
