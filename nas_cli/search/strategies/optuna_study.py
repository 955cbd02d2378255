"""An Optuna study in which asking changes nothing and past trials can be revised. Imports optuna.

Optuna's samplers keep their state in the storage of their study: the trials, and attributes that a sampler leaves on a
trial or on the study (generations, a stored optimizer, the position in a sequence). `Ledger` is a storage that undoes
what a mere `ask` left there, and in which a reward may change later, as promotions to later rungs require. The sampler
is created anew, with its own seed, for each `ask`: it has no state of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_cli.errors import Infeasible
from nas_cli.space.decisions import Choice, Decision, FloatRange, IntRange
from nas_cli.space.edit import decisions, sample
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Scalar

NAME = "nas"
SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "nsga3": optuna.samplers.NSGAIIISampler,
    "qmc": optuna.samplers.QMCSampler,
    "random": optuna.samplers.RandomSampler,
    "tpe": optuna.samplers.TPESampler,
}
MOST_LOOKED_AT = 10_000
"""Decisions of random architectures, at most, that are read to find out which ones all architectures share."""
LEAVES_NOTES = {"cmaes", "nsga2", "nsga3", "qmc"}
"""Samplers that leave attributes on the trials they propose, or on the study, and read them later."""


def distribution_of(decision: Decision) -> BaseDistribution:
    """Optuna's distribution for a decision. Choices and grids are drawn by index: an integer where the options have an
    order (two options, sorted numbers, a grid), a category otherwise.
    """
    match decision:
        case Choice(_, labels):
            return _order(len(labels)) if _in_order(labels) else CategoricalDistribution(range(len(labels)))
        case IntRange(low, high, step, log):
            if log:
                return IntDistribution(low, high, log=True)  # Optuna has no steps here: `to_value` keeps to them
            return IntDistribution(low, high - (high - low) % step, step=step)
        case FloatRange(low, high, log):
            grid = decision.values()
            return FloatDistribution(low, high, log=log) if grid is None else _order(len(grid))


def _order(count: int) -> IntDistribution:
    return IntDistribution(0, count - 1)


def _in_order(labels: tuple[Scalar, ...]) -> bool:
    numbers = [label for label in labels if isinstance(label, int | float) and not isinstance(label, bool)]
    ordered = len(numbers) == len(labels) and numbers in (sorted(numbers), sorted(numbers, reverse=True))
    return ordered or len(labels) == 2


def to_value(decision: Decision, drawn: Any) -> Scalar:
    """The value of `decision` that Optuna means by `drawn`."""
    match decision:
        case Choice(_, labels):
            return labels[int(drawn)]
        case IntRange(low, _, step, _):
            return low + (int(drawn) - low) // step * step
        case FloatRange():
            grid = decision.values()
            return decision.at(decision.place(float(drawn))) if grid is None else grid[int(drawn)]


def to_drawn(decision: Decision, value: Scalar) -> Any:
    """The value that Optuna has for `value` of `decision`."""
    if isinstance(decision, Choice):
        return decision.option(value)[0]
    assert isinstance(value, int | float)
    if isinstance(decision, IntRange) or decision.values() is None:
        return value
    return 0 if decision.step is None else round((value - decision.low) / decision.step)


class Ledger(optuna.storages.InMemoryStorage):
    """The storage of one study. A trial's id is its index in `trials`; trials may be changed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.directions = [StudyDirection.MAXIMIZE]
        self.trials: list[FrozenTrial] = []
        self.notes: dict[str, Any] = {}
        self.create_new_study(self.directions, NAME)

    def append(self) -> FrozenTrial:
        """A running trial without parameters."""
        index = len(self.trials)
        self.trials.append(FrozenTrial(index, TrialState.RUNNING, None, None, None, {}, {}, {}, {}, {}, index))
        return self.trials[-1]

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Trials and notes that are added within are removed at the end."""
        count, notes = len(self.trials), dict(self.notes)
        try:
            yield
        finally:
            del self.trials[count:]
            self.notes = notes

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self.directions

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self.notes

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self.notes[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.trials[trial_id].system_attrs[key] = value

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self.trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        assert not deepcopy, "samplers read and never change"
        return [trial for trial in self.trials if states is None or trial.state in states]


class OptunaStudy:
    """Asks and tells one of Optuna's samplers in the terms of a search space.

    Parameters are named by the paths of decisions. Samplers that draw several parameters jointly get those that every
    architecture has, judged by 50 random architectures (fewer if they are large) and all that were told; the others are
    drawn one by one.
    """

    def __init__(self, space: Space, sampler: str, seed: int, options: Mapping[str, int]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._sampler = sampler
        self._seed = seed
        self._options = options
        self._ledger = Ledger()
        self._trials: dict[int, FrozenTrial] = {}
        self._known: dict[str, BaseDistribution] = {}
        self._distributions: dict[int, tuple[Decision, BaseDistribution]] = {}
        self._shared: dict[str, BaseDistribution] | None = None
        rng = np.random.default_rng(seed)
        looked_at = 0
        for _ in range(50):
            if looked_at > MOST_LOOKED_AT:
                break
            with suppress(Infeasible):
                looked_at += len(self._know(decisions(space, sample(space, rng))))

    def _know(self, taken: Mapping[str, Decision]) -> dict[str, tuple[str, BaseDistribution]]:
        """An architecture's parameters by path; notes them, and that parameters it lacks are not shared by all."""
        parameters = {path: self._parameter(path, decision) for path, decision in taken.items()}
        self._known.update(parameters.values())
        if self._shared is None:
            self._shared = dict(sorted(parameters.values()))
        names = {name for name, _ in parameters.values()}
        if not self._shared.keys() <= names:
            self._shared = {name: known for name, known in self._shared.items() if name in names}
        return parameters

    def _parameter(self, path: str, decision: Decision) -> tuple[str, BaseDistribution]:
        """The name and distribution of a decision's parameter. A path's second distribution gets a second name."""
        if id(decision) not in self._distributions:
            self._distributions[id(decision)] = decision, distribution_of(decision)
        distribution = self._distributions[id(decision)][1]
        known = self._known.get(path, distribution)
        return (
            (path, known)
            if known is distribution or known == distribution
            else (f"{path} of {distribution}", distribution)
        )

    def expect(self, count: int) -> None:
        """Sets the number of rewards of a trial, known from the first trial that has any."""
        if count != len(self._ledger.directions):
            self._ledger.directions = [StudyDirection.MAXIMIZE] * count

    def propose(self, seed: int) -> Genotype:
        """The next proposal of the sampler, seeded with `seed`. Changes no state. Raises Infeasible as `resolve`."""
        with self._ledger.forgetting(), quiet():
            return self._space.resolve(self._ask(seed)).genotype

    def _ask(self, seed: int) -> Callable[[str, Decision], Scalar]:
        """Adds a trial, with the sampler's notes on it. Returns a function that decides its parameters."""
        sampler = self._make(seed)
        study = optuna.load_study(study_name=NAME, storage=self._ledger, sampler=sampler)
        trial = self._ledger.append()
        sampler.before_trial(study, trial)
        together = sampler.sample_relative(study, trial, self._together())

        def decide(path: str, decision: Decision) -> Scalar:
            name, distribution = self._parameter(path, decision)
            if distribution.single():
                values = decision.values()
                assert values is not None
                return values[0]
            if name in together:
                return to_value(decision, together[name])
            return to_value(decision, sampler.sample_independent(study, trial, name, distribution))

        return decide

    def _make(self, seed: int) -> BaseSampler:
        options: dict[str, Any] = dict(self._options)
        if self._sampler == "tpe":
            options["constant_liar"] = True
        if self._sampler == "qmc":
            # One sequence for the whole search.
            options |= {"seed": self._seed, "scramble": True, "independent_sampler": SAMPLERS["random"](seed=seed)}
        if self._sampler in ("cmaes", "gp", "qmc"):
            options["warn_independent_sampling"] = False
        return SAMPLERS[self._sampler](**{"seed": seed, **options})

    def _together(self) -> dict[str, BaseDistribution]:
        """The parameters that the sampler draws jointly."""
        shared = {name: known for name, known in (self._shared or {}).items() if not known.single()}
        if self._sampler == "cmaes":
            return {name: known for name, known in shared.items() if not isinstance(known, CategoricalDistribution)}
        if self._sampler == "tpe" and len(self._ledger.directions) > 1:
            return {}  # with several objectives Optuna's TPE takes parameters one by one
        return shared

    def start(self, number: int, seed: int, genotype: Genotype | None) -> None:
        """Adds a running trial; `genotype` is None where its decisions are unknown."""
        if self._sampler in LEAVES_NOTES:
            with quiet():
                self._ask(seed)
        else:
            self._ledger.append()
        trial = self._trials[number] = self._ledger.trials[-1]
        if genotype is None:
            return
        decided = decisions(self._space, genotype)
        for path, (name, distribution) in self._know(decided).items():
            trial.params[name] = to_drawn(decided[path], genotype[path])
            trial.distributions[name] = distribution

    def end(self, number: int, values: Sequence[float] | None) -> None:
        """Ends a trial with these values, one per objective, or as failed (None). This replaces an earlier end."""
        trial = self._trials[number]
        trial.state = TrialState.FAIL if values is None else TrialState.COMPLETE
        trial.values = values


@contextmanager
def quiet() -> Iterator[None]:
    """Silences warnings: Optuna's on experimental features, SciPy's on sequences whose length is no power of two."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
