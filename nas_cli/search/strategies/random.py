"""Random search: the baseline that every other strategy has to beat.

Bergstra & Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012.
"""

from __future__ import annotations

import numpy as np

from nas_cli.search.strategy import STRATEGIES, Memory
from nas_cli.space.edit import sample
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial


@STRATEGIES.register("random")
class Random:
    """Every decision drawn evenly from its values, nothing twice."""

    several = True

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        self.seed = seed
        self.memory = Memory(space)

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        return self.memory.fresh(lambda _: sample(self.space, rng))

    def tell(self, trial: Trial) -> None:
        self.memory.add(trial)
