"""Regularized evolution: the oldest dies, however good, so that nothing survives by one lucky measurement.

Real, Aggarwal, Huang & Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019, Algorithm 1.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from nas_cli.arguments import Members
from nas_cli.search.strategy import STRATEGIES, Memory
from nas_cli.space.edit import mutate, sample
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial


@STRATEGIES.register("evolution")
class Evolution:
    """Regularized (aging) evolution: mutates the best of a random sample of the youngest trials."""

    def __init__(self, space: Space, seed: int, population: Members = 20, sample: Members = 10) -> None:
        self.space = space
        self.seed = seed
        self.size = population
        self.sample = sample
        self.memory = Memory(space)
        self.population: deque[int] = deque(maxlen=population)

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        if len(self.population) < self.size:
            return self.memory.fresh(lambda _: sample(self.space, rng))
        sampled = rng.choice(self.population, self.sample)
        parent = self.memory.genotypes[max(sampled.tolist(), key=self.memory.standing)]
        return self.memory.fresh(lambda attempt: self._mutate(parent, 1 + attempt // 4, rng))

    def _mutate(self, genotype: Genotype, times: int, rng: np.random.Generator) -> Genotype:
        """Mutates `times` times: more than once where a parent's neighbours were all tried."""
        for _ in range(times):
            genotype = mutate(self.space, genotype, rng)
        return genotype

    def tell(self, trial: Trial) -> None:
        if self.memory.add(trial):
            self.population.append(trial.number)  # drops the oldest
