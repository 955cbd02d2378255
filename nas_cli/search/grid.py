"""Grid search: every genotype of a small space, in the order of the text."""

from __future__ import annotations

import math

from nas_cli.errors import SpecError
from nas_cli.search.strategy import STRATEGIES
from nas_cli.space.edit import enumerate_genotypes
from nas_cli.space.size import size
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial

MAX_SIZE = 10_000


@STRATEGIES.register("grid")
class Grid:
    """Every genotype once, the last decision changing fastest; for spaces of at most 10,000.

    Number `size` starts over, and every trial from there on is a duplicate. Raises SpecError where the space is larger
    or has a continuous decision.
    """

    several = True

    def __init__(self, space: Space, seed: int) -> None:
        del seed  # nothing is left to chance
        count = size(space)
        if math.isinf(count):
            raise SpecError(
                "grid takes a space whose every decision has a list of values; a `float` without `step` has none"
            )
        if count > MAX_SIZE:
            raise SpecError(f"grid takes a space of at most {MAX_SIZE:,} architectures; this one has {count:,}")
        self.genotypes = tuple(enumerate_genotypes(space))
        self.size = len(self.genotypes)

    def ask(self, number: int) -> Genotype:
        return self.genotypes[number % self.size]

    def tell(self, trial: Trial) -> None:
        """What comes next does not depend on what came before."""
