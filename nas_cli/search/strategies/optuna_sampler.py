"""Optuna's samplers as a strategy. Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD
2019; TPE: Bergstra et al., NeurIPS 2011; CMA-ES: Hansen, 2016; NSGA-III: Deb & Jain, 2014.
"""

from __future__ import annotations

from collections import defaultdict
from importlib.util import find_spec
from typing import Annotated, Literal

import numpy as np

from nas_cli.arguments import Between, Members
from nas_cli.errors import MissingExtraError, SpecError
from nas_cli.search.strategy import STRATEGIES, Memory
from nas_cli.space.edit import mutate
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial, rewards_of

Name = Literal["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random"]
Group = tuple[bool, int]
Values = tuple[float, ...]

STARTS_AT_RANDOM = ("tpe", "gp", "cmaes")
HAS_GENERATIONS = ("nsga2", "nsga3")
MARGIN = 1e-3


@STRATEGIES.register("optuna")
class Optuna:
    """One of Optuna's samplers: tpe, gp, cmaes, nsga2, nsga3, qmc or random.

    `startup` is the number of random trials before a model is used (tpe, gp, cmaes), `population` the size of a
    generation (nsga2, nsga3). Decisions that only some architectures have are drawn one by one by tpe, and uniformly by
    the others; cmaes also draws uniformly from choices of three or more layers, which have no order.

    A trial counts once, with its latest rewards. Rewards of different rungs, or of trials that break a constraint, do
    not compare with others: trials on a lower rung, and all that break a constraint, are told to Optuna with rewards
    shifted down so that each ranks below every trial of the group above. A proposal that was tried before or breaks a
    constraint is mutated until it is new and allowed.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        sampler: Name = "tpe",
        startup: Members | None = None,
        population: Annotated[int, Between(2, 10_000)] | None = None,
    ) -> None:
        _need("optuna", "the strategy 'optuna'")
        if sampler == "cmaes":
            _need("cmaes", "the sampler 'cmaes'")
        from nas_cli.search.strategies.optuna_study import OptunaStudy

        options = {
            **_option("n_startup_trials", "startup", startup, sampler, STARTS_AT_RANDOM),
            **_option("population_size", "population", population, sampler, HAS_GENERATIONS),
        }
        self.several = sampler != "cmaes"
        self.space = space
        self.seed = seed
        self.memory = Memory(space)
        self.study = OptunaStudy(space, sampler, seed, options)
        self.standings = Standings()
        self.shifts: dict[Group, Values] = {}
        self.originals: dict[int, int] = {}
        self.copies: defaultdict[int, list[int]] = defaultdict(list)

    def ask(self, number: int) -> Genotype:
        rng = np.random.default_rng([self.seed, number])
        proposals: list[Genotype] = []

        def draw(attempt: int) -> Genotype:
            if not proposals:
                proposals.append(self.study.propose(_seed(rng)))
                return proposals[0]
            genotype = proposals[0]
            for _ in range(1 + attempt // 4):
                genotype = mutate(self.space, genotype, rng)
            return genotype

        return self.memory.fresh(draw)

    def tell(self, trial: Trial) -> None:
        self.memory.add(trial)
        if trial.number not in self.originals:
            self._start(trial)
        if self.originals[trial.number] == trial.number:
            self._place(trial)
        self._settle(self.originals[trial.number])

    def _start(self, trial: Trial) -> None:
        """Starts a trial in the study. A duplicate gets a trial of its own, which always has its twin's rewards."""
        original = trial.number if trial.equals is None else self.originals.get(trial.equals, trial.number)
        self.originals[trial.number] = original
        self.copies[original].append(trial.number)
        seed = _seed(np.random.default_rng([self.seed, trial.number]))
        self.study.start(trial.number, seed, None if trial.status == "infeasible" else trial.genotype)

    def _place(self, trial: Trial) -> None:
        rewards = rewards_of(trial)
        if trial.status in ("failed", "infeasible") or (trial.status != "running" and not rewards):
            self.standings.fail(trial.number)
        elif rewards:
            self.study.expect(len(rewards))
            rung = trial.rungs[-1][0] if trial.rungs else 0
            self.standings.place(trial.number, (trial.feasible, rung), rewards)

    def _settle(self, number: int) -> None:
        """Tells Optuna the changed rewards: those of one trial, or of all trials where the shift of a group changed."""
        shifts = self.standings.shifts()
        changed = [number] if shifts == self.shifts else self.copies
        self.shifts = shifts
        for original in changed:
            if original in self.standings:
                values = self.standings.values(original, shifts)
                for copy in self.copies[original]:
                    self.study.end(copy, values)


class Standings:
    """The rewards of trials by group, within which they compare: (keeps the constraints, rung)."""

    def __init__(self) -> None:
        self._group: dict[int, Group | None] = {}
        self._members: defaultdict[Group, dict[int, Values]] = defaultdict(dict)

    def __contains__(self, number: int) -> bool:
        """Whether the trial was measured or failed."""
        return number in self._group

    def place(self, number: int, group: Group, rewards: Values) -> None:
        self.fail(number)
        self._group[number] = group
        self._members[group][number] = rewards

    def fail(self, number: int) -> None:
        group = self._group.get(number)
        self._group[number] = None
        if group is not None:
            del self._members[group][number]
            if not self._members[group]:
                del self._members[group]

    def shifts(self) -> dict[Group, Values]:
        """What is added to each group's rewards, 0 or less, so that the group lies below the group above it."""
        shifts: dict[Group, Values] = {}
        floor: Values | None = None
        for group in sorted(self._members, reverse=True):
            columns = list(zip(*self._members[group].values(), strict=True))
            if floor is None:
                shift = tuple(0.0 for _ in columns)
            else:
                ceiling = [low - MARGIN * max(1.0, abs(low)) for low in floor]
                shift = tuple(min(0.0, top - max(column)) for top, column in zip(ceiling, columns, strict=True))
            shifts[group] = shift
            floor = tuple(min(column) + down for column, down in zip(columns, shift, strict=True))
        return shifts

    def values(self, number: int, shifts: dict[Group, Values]) -> Values | None:
        """The shifted rewards of a trial; None where it failed."""
        group = self._group[number]
        if group is None:
            return None
        rewards = self._members[group][number]
        return tuple(reward + shift for reward, shift in zip(rewards, shifts[group], strict=True))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _need(package: str, purpose: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(package, "optuna", purpose)


def _option(option: str, argument: str, value: int | None, sampler: str, takers: tuple[str, ...]) -> dict[str, int]:
    if value is None:
        return {}
    if sampler not in takers:
        raise SpecError(
            f"{argument} is for {', '.join(takers)}; the sampler {sampler} takes none", ("optuna", argument)
        )
    return {option: value}
