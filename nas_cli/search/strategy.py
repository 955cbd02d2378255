"""The parts that all strategies share: the protocol, the registry, and the memory of past trials."""

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
"""A draw that is too large to be resolved counts as so many tries, until a draw can be resolved."""
MOST_REFUSED = 200


class Strategy(Protocol):
    """Decides what to try. Its constructor takes (space, seed) and the spec's arguments.

    `ask` may get a number more than once, and numbers in any order. `tell` gets trials in the order of the journal, at
    each change: started, a rung ended, finished, failed, infeasible, duplicate. A resumed search tells the same trials
    again, so everything a strategy knows must come from `tell`.

    A strategy with `several = True` uses all of a trial's `rewards`. Others use the single `reward`, and are refused
    where a search has several objectives.
    """

    def ask(self, number: int) -> Genotype:
        """The genotype for trial `number`. Changes no state: the randomness comes from (seed, number) alone."""
        ...

    def tell(self, trial: Trial) -> None: ...


STRATEGIES: Registry[Callable[..., Strategy]] = Registry("strategy", supplied=2, guard=hold_strategy)


def strategy(name: str) -> Callable[[Callable[..., Strategy]], Callable[..., Strategy]]:
    """Decorator: registers a class, whose constructor takes (space, seed) and the spec's arguments, under `name`."""
    return STRATEGIES.register(name)


Standing = tuple[bool, int, float, int]


class Memory:
    """The trials told so far: how those with a reward rank, and which genotypes were tried.

    Trials are ordered as by `trial.rank`: first those that keep the constraints; then by rung, since rewards of
    different rungs do not compare and a trial is promoted for being among the best of its rung; then by reward; then
    the earlier. A duplicate always has the rank of its twin. Infeasible and failed trials have no rank, even where an
    earlier rung gave them a reward.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.genotypes: dict[int, Genotype] = {}
        self._standings: dict[int, Standing] = {}
        self._twins: dict[int, int] = {}
        self._tried: set[bytes] = set()
        self._seen: set[int] = set()

    def add(self, trial: Trial) -> bool:
        """Adds a trial. True where it has a rank now and had none before: it becomes a member of the population."""
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
                return False  # the twin failed on a later rung
            self._twins[trial.number] = twin
        else:
            rung = trial.rungs[-1][0] if trial.rungs else 0
            self._standings[trial.number] = (trial.feasible, rung, trial.reward, -trial.number)
        new = trial.number not in self.genotypes
        self.genotypes[trial.number] = trial.genotype
        return new

    def standing(self, number: int) -> Standing:
        """The sort key of a member; a member that failed later is below all others."""
        return self._standings.get(self._twins.get(number, number), (False, -1, 0.0, -number))

    def fresh(self, draw: Callable[[int], Genotype]) -> Genotype:
        """The first draw that no trial has, running ones included, and that the space accepts.

        `draw` takes the number of fruitless tries so far, at most 20. In a nearly exhausted space the last draw may be
        a repetition: it costs nothing, since the search records it as a duplicate. Where the space accepts none of 200
        draws, the last one is returned, and the search records why it is infeasible. Raises Infeasible where no draw
        can be resolved.
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
    """A child of one or two tournament winners; `recombined` and `mutated` are probabilities.

    `attempt` counts fruitless tries: the child is mutated more often where all genotypes nearby were tried.
    """
    child = winner()
    if rng.random() < recombined:
        child = crossover(space, child, winner(), rng)
    for _ in range(int(rng.random() < mutated) + attempt // 4):
        child = mutate(space, child, rng)
    return child
