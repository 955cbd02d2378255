"""Optuna's samplers behind ask and tell: each on a small space, asked without a trace, and replayed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from nas_cli.errors import MissingExtraError, SpecError
from nas_cli.registry import Registry
from nas_cli.search.strategies import optuna_sampler
from nas_cli.search.strategies.optuna_sampler import Optuna, Standings
from nas_cli.search.strategies.random import Random
from nas_cli.search.strategy import Strategy
from nas_cli.space.edit import replay
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial

pytest.importorskip("optuna")
pytest.importorskip("cmaes")

OPS: Registry[Any] = Registry("op")
OPS.register("relu")(lambda: None)
OPS.register("gelu")(lambda: None)


@OPS.register("conv")
def conv(channels: int = 8, rate: float = 0.1) -> None: ...


def small() -> Space:
    rate = {"float": [1e-4, 1.0], "log": True}
    layer = {"conv": {"channels": {"int": [1, 64]}, "rate": rate}}
    return parse_space([layer, {"choice": ["relu", "gelu"]}, {"optional": [layer]}], {}, {}, OPS, ())


def quality(genotype: Genotype) -> float:
    """Best at 48 channels, a rate of 0.01, and without the second layer."""
    values = list(genotype.values())
    channels, rate = (next(v for v in values if isinstance(v, kind)) for kind in (int, float))
    return -abs(int(channels) - 48) / 48 - abs(float(np.log10(rate)) + 2) / 2 - 0.3 * (len(genotype) > 4)


def done(number: int, genotype: Genotype, *rewards: float) -> Trial:
    return Trial(number, genotype, "finished", 0, {}, rewards[0], rungs=((0, {}, rewards[0]),), rewards=tuple(rewards))


def run(strategy: Strategy, trials: int, several: bool = False) -> list[Trial]:
    told = []
    for number in range(trials):
        genotype = strategy.ask(number)
        value = quality(genotype)
        told.append(done(number, genotype, *((value, -len(genotype)) if several else (value,))))
        strategy.tell(Trial(number, genotype))
        strategy.tell(told[-1])
    return told


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random"])
def test_each_sampler_goes_on_after_a_replay_as_if_nothing_had_happened(sampler: Any) -> None:
    trials = 14 if sampler == "gp" else 25
    live = Optuna(small(), 1, sampler)
    told = run(live, trials)
    assert len({str(sorted(t.genotype.items())) for t in told}) == trials, "nothing twice"
    for trial in told:
        assert replay(small(), trial.genotype).genotype == trial.genotype
    resumed = Optuna(small(), 1, sampler)
    for trial in told:
        resumed.tell(Trial(trial.number, trial.genotype))
        resumed.tell(trial)
    assert resumed.ask(trials) == live.ask(trials) == live.ask(trials)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3"])
def test_several_objectives(sampler: Any) -> None:
    assert len(run(Optuna(small(), 2, sampler), 15, several=True)) == 15


def test_tpe_is_better_than_random() -> None:
    """Means over eight seeds of the best of 40."""
    best = {
        name: np.mean([max(quality(t.genotype) for t in run(make(seed), 40)) for seed in range(8)])
        for name, make in (("tpe", lambda s: Optuna(small(), s)), ("random", lambda s: Random(small(), s)))
    }
    assert best["tpe"] > best["random"] + 0.02


def test_an_option_for_another_sampler_is_refused() -> None:
    with pytest.raises(SpecError, match="population is for nsga2, nsga3; the sampler tpe takes none") as caught:
        Optuna(small(), 0, "tpe", population=10)
    assert caught.value.path == ("optuna", "population")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(optuna_sampler, "find_spec", lambda name: None if name == "optuna" else real(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'nas-cli\[optuna\]'"):
        Optuna(small(), 0)


def test_rewards_of_lower_rungs_and_of_broken_constraints_are_lowered_below_the_others() -> None:
    standings = Standings()
    standings.place(0, (True, 1), (0.5,))
    standings.place(1, (True, 1), (0.7,))
    standings.place(2, (True, 0), (0.9,))
    standings.place(3, (False, 1), (2.0,))
    values = {number: standings.values(number, standings.shifts()) for number in range(4)}
    assert values[0] == (0.5,)
    assert values[1] == (0.7,)
    assert values[2] is not None
    assert values[3] is not None
    assert values[3] < values[2] < (0.5,)
    standings.fail(2)
    assert standings.values(2, standings.shifts()) is None
