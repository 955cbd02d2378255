"""NSGA-II: a genetic algorithm for several objectives, kept diverse along their Pareto front.

Deb, Pratap, Agarwal & Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE Transactions on
Evolutionary Computation 6(2), 2002: non-dominated sorting, crowding distance, constrained domination (section VI).
"""

from __future__ import annotations

import numpy as np

from nas_cli.arguments import Fraction, Members
from nas_cli.search.pareto import crowding, non_dominated_sort
from nas_cli.search.strategy import STRATEGIES, Memory, breed
from nas_cli.space.edit import sample
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial, rewards_of

Fitness = tuple[int, float]
"""(minus the front's index, crowding distance): larger is better."""


@STRATEGIES.register("nsga2")
class Nsga2:
    """For several objectives: parents are chosen by front and crowding; feasible trials beat infeasible ones."""

    several = True

    def __init__(
        self,
        space: Space,
        seed: int,
        population: Members = 20,
        crossover: Fraction = 0.5,
        mutation: Fraction = 1.0,
    ) -> None:
        self.space = space
        self.seed = seed
        self.size = population
        self.crossover = crossover
        self.mutation = mutation
        self.memory = Memory(space)
        self.members: dict[int, Trial] = {}
        self.fitness: dict[int, Fitness] = {}

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        if len(self.members) < self.size:
            return self.memory.fresh(lambda _: sample(self.space, rng))
        return self.memory.fresh(
            lambda attempt: breed(self.space, lambda: self._winner(rng), self.crossover, self.mutation, attempt, rng)
        )

    def _winner(self, rng: np.random.Generator) -> Genotype:
        """The winner of a binary tournament."""
        entrants = rng.choice(list(self.members), 2)
        return self.members[max(entrants.tolist(), key=self.fitness.__getitem__)].genotype

    def tell(self, trial: Trial) -> None:
        """Selects after each measured child, so that workers never wait for a generation to end.

        This is the steady-state form: Durillo et al., "On the Effect of the Steady-State Selection Scheme in
        Multi-Objective Genetic Algorithms", EMO 2009.
        """
        self.memory.add(trial)
        if trial.status == "failed":
            self.members.pop(trial.number, None)  # a member can fail on a later rung
        if trial.status in ("paused", "finished") and rewards_of(trial):
            self.members[trial.number] = trial
            self._select()

    def _select(self) -> None:
        """Keeps the best: whole fronts, and the least crowded trials of the last front."""
        self.fitness = constrained_fitness(self.members)
        if len(self.members) > self.size:
            worst = min(self.members, key=lambda number: (self.fitness[number], -number))
            del self.members[worst]
            self.fitness = constrained_fitness(self.members)


def constrained_fitness(members: dict[int, Trial]) -> dict[int, Fitness]:
    """Fitness by constrained domination: first feasible trials by front, then infeasible ones by their violation.

    Rewards of different rungs do not compare: all fronts of a higher rung rank above those of a lower one.
    """
    fitness: dict[int, Fitness] = {}
    depth = 0
    for rung in sorted({trial.rung for trial in members.values()}, reverse=True):
        kept = [trial for trial in members.values() if trial.feasible and trial.rung == rung]
        for front in non_dominated_sort([rewards_of(trial) for trial in kept]):
            distances = crowding([rewards_of(kept[index]) for index in front])
            for index, distance in zip(front, distances, strict=True):
                fitness[kept[index].number] = -depth, distance
            depth += 1
    broken = sorted((trial for trial in members.values() if not trial.feasible), key=lambda t: (t.violation, t.number))
    for place, trial in enumerate(broken):
        fitness[trial.number] = -depth - place, 0.0
    return fitness
