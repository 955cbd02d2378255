"""A genetic algorithm: generations, tournament selection, uniform crossover, mutation, elitism.

Goldberg & Deb, "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms", FOGA 1991 (tournaments);
Xie & Yuille, "Genetic CNN", ICCV 2017 (for architectures).
"""

from __future__ import annotations

import numpy as np

from nas_cli.arguments import Fraction, Members, NonNegativeInt
from nas_cli.search.strategy import STRATEGIES, Memory, breed
from nas_cli.space.edit import sample
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial


@STRATEGIES.register("genetic")
class Genetic:
    """Generations bred by tournament, crossover and mutation; the elite lives on without being trained again."""

    def __init__(
        self,
        space: Space,
        seed: int,
        population: Members = 20,
        tournament: Members = 4,
        crossover: Fraction = 0.5,
        mutation: Fraction = 0.8,
        elite: NonNegativeInt = 5,
    ) -> None:
        self.space = space
        self.seed = seed
        self.size = population
        self.tournament = tournament
        self.crossover = crossover
        self.mutation = mutation
        self.elite = min(elite, population - 1)
        self.memory = Memory(space)
        self.parents: list[int] = []
        self.children: list[int] = []

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        if not self.parents:
            return self.memory.fresh(lambda _: sample(self.space, rng))
        return self.memory.fresh(
            lambda attempt: breed(self.space, lambda: self._winner(rng), self.crossover, self.mutation, attempt, rng)
        )

    def _winner(self, rng: np.random.Generator) -> Genotype:
        entrants = rng.choice(self.parents, self.tournament)
        return self.memory.genotypes[max(entrants.tolist(), key=self.memory.standing)]

    def tell(self, trial: Trial) -> None:
        """Completes a generation when enough children have a reward; later children count for the next one."""
        if not self.memory.add(trial):
            return
        self.children.append(trial.number)
        survivors = self._survivors()
        if len(survivors) + len(self.children) >= self.size:
            self.parents = survivors + self.children
            self.children = []

    def _survivors(self) -> list[int]:
        return sorted(self.parents, key=self.memory.standing, reverse=True)[: self.elite]
