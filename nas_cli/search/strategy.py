"""What every strategy shares: the protocol, the registry, and the memory of what it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from nas_cli.errors import Infeasible
from nas_cli.registry import Registry
from nas_cli.search.guards import hold_strategy
from nas_cli.space.edit import crossover, mutate
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial, genotype_key

TRIES = 20
HOPELESS = 4
"""Tries that a draw stands for that is too large to be walked, where none before it could be."""
MOST_REFUSED = 200


class Strategy(Protocol):
    """Decides what to try. It is made with (space, seed) and the arguments of the spec.

    Numbers may be asked more than once and in any order; trials are told in the order of the journal, each at every
    change of it: started, a rung ended, finished, failed, infeasible, duplicate. A resumed search tells the same trials
    again, so everything a strategy knows must come from `tell`.

    A strategy with `several = True` looks at all of a trial's `rewards`; others at the one `reward`, and are refused
    where a search has several objectives.
    """

    def ask(self, number: int) -> Genotype:
        """What trial `number` tries. Changes no state: the randomness comes from (seed, number) alone."""
        ...

    def tell(self, trial: Trial) -> None: ...


STRATEGIES: Registry[Callable[..., Strategy]] = Registry("strategy", supplied=2, guard=hold_strategy)


def strategy(name: str) -> Callable[[Callable[..., Strategy]], Callable[..., Strategy]]:
    """Decorator: makes a class, made with (space, seed) and the arguments of the spec, the strategy of that name."""
    return STRATEGIES.register(name)


Standing = tuple[bool, int, float, int]


class Memory:
    """The trials told so far: how those with a reward compare, and which genotypes were tried.

    Trials compare as `trial.rank` says: one that keeps the constraints is above all that break one; then the one that
    was trained longer, since rewards of different rungs do not compare and a trial is promoted for being among the best
    of its rung; then the higher reward; then the earlier. A duplicate stands where its twin stands, now and later on.
    Infeasible and failed trials stand nowhere, even where an earlier rung gave them a reward.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.genotypes: dict[int, Genotype] = {}
        self._standings: dict[int, Standing] = {}
        self._twins: dict[int, int] = {}
        self._tried: set[bytes] = set()
        self._seen: set[int] = set()

    def add(self, trial: Trial) -> bool:
        """True where the trial has a standing now and had none before: it becomes a member of the population."""
        if trial.number not in self._seen:
            self._seen.add(trial.number)
            self._tried.add(genotype_key(trial.genotype))
        if trial.status in ("failed", "infeasible") or trial.reward is None:
            if trial.status != "running":
                self._standings.pop(trial.number, None)
            return False
        twin = trial.number if trial.equals is None else self._twins.get(trial.equals, trial.equals)
        if twin != trial.number and twin in self.genotypes:
            if twin not in self._standings:
                return False  # it failed on a later rung
            self._twins[trial.number] = twin
        else:
            rung = trial.rungs[-1][0] if trial.rungs else 0
            self._standings[trial.number] = (trial.feasible, rung, trial.reward, -trial.number)
        new = trial.number not in self.genotypes
        self.genotypes[trial.number] = trial.genotype
        return new

    def standing(self, number: int) -> Standing:
        """How a member compares with others; a member that failed later is below all."""
        return self._standings.get(self._twins.get(number, number), (False, -1, 0.0, -number))

    def fresh(self, draw: Callable[[int], Genotype]) -> Genotype:
        """The first draw that was not tried before, running trials included, and that the space accepts.

        `draw` takes the number of fruitless tries so far, at most 20. In a space that is nearly used up the last draw
        may be a repetition: it costs nothing, since the search records it as a duplicate. Where the space accepts none
        of 200 draws, the last is returned, and the search says why it is infeasible. Raises Infeasible where no draw
        can be resolved at all.
        """
        genotype: Genotype | None = None
        problem: Infeasible | None = None
        known, refused = 0, 0
        while known < TRIES and refused < MOST_REFUSED:
            try:
                drawn = draw(min(TRIES, known + refused // (MOST_REFUSED // TRIES)))
            except Infeasible as error:
                problem = error
                known += 1 if genotype is not None else HOPELESS
                continue
            if genotype_key(drawn) in self._tried:
                genotype = drawn
                known += 1
            elif self._space.accept(drawn):
                return drawn
            else:
                genotype = drawn
                refused += 1
        if genotype is None:
            assert problem is not None
            raise problem
        return genotype


def breed(
    space: Space,
    winner: Callable[[], Genotype],
    recombined: float,
    mutated: float,
    attempt: int,
    rng: np.random.Generator,
) -> Genotype:
    """A child of one or two winners: recombined and mutated with these probabilities.

    `attempt` counts fruitless tries: it is mutated more often where everything near was tried.
    """
    child = winner()
    if rng.random() < recombined:
        child = crossover(space, child, winner(), rng)
    for _ in range(int(rng.random() < mutated) + attempt // 4):
        child = mutate(space, child, rng)
    return child
