"""Grid search: every genotype of a small space, in the order of the text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from nas_cli.errors import Infeasible, SpecError
from nas_cli.search.strategy import STRATEGIES
from nas_cli.space.edit import enumerate_genotypes
from nas_cli.space.size import size
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial

MAX_SIZE = 10_000


@STRATEGIES.register("grid")
class Grid:
    """Every genotype once, the last decision changing fastest; for spaces of at most 10,000.

    After the last one it starts over, and every trial from there on is a duplicate. Raises SpecError where the space is
    larger or has a continuous decision.
    """

    several = True

    def __init__(self, space: Space, seed: int) -> None:
        del seed  # grid search is deterministic
        counted = size(space)
        if math.isinf(counted.number):
            raise SpecError(
                "grid takes a space whose every decision has a list of values; a `float` without `step` has none"
            )
        if counted.number > MAX_SIZE or not counted.exact:
            raise SpecError(
                f"grid takes a space of at most {MAX_SIZE:,} architectures; this one has {counted.describe()}"
            )
        self._genotype = _places(enumerate_genotypes(space))

    def ask(self, number: int) -> Genotype:
        return self._genotype(number)

    def tell(self, trial: Trial) -> None:
        """Results change nothing: the order of a grid is fixed."""


def _places(genotypes: Iterator[Genotype]) -> Callable[[int], Genotype]:
    """The genotypes of an iterator by index; after the last one they start over.

    The iterator is read as far as needed only, since enumerating large architectures takes time.
    """
    known: list[Genotype] = []

    def at(number: int) -> Genotype:
        while len(known) <= number and (genotype := next(genotypes, None)) is not None:
            known.append(genotype)
        if not known:
            raise Infeasible("every architecture of the space has too many layers")
        return known[number % len(known)]

    return at
