"""What every strategy keeps, whatever it does: one suite over the registry."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from nas_cli.registry import Registry
from nas_cli.search import STRATEGIES
from nas_cli.search.strategy import Strategy
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space
from nas_cli.testing import check_strategy, finished, tell_all
from nas_cli.trial import Trial

OPS: Registry[Any] = Registry("op")


@OPS.register("conv")
def conv(channels: int = 8, kernel: int = 3) -> None: ...


@OPS.register("dropout")
def dropout(rate: float = 0.0) -> None: ...


for plain_op in ("relu", "gelu", "pool"):
    OPS.register(plain_op)(lambda: None)

CHAIN = [{"choice": ["relu", "gelu", "pool"]}, {"choice": ["relu", "gelu"]}, {"optional": ["pool"]}]
LET = {"width": {"choice": [8, 16]}}
FINITE = [
    {"conv": {"channels": "$width"}},
    {"repeat": {"times": {"int": [0, 2]}, "body": [{"choice": ["relu", {"conv": {"channels": "$width"}}]}]}},
]
CONDITIONAL = [
    *FINITE,
    {"repeat": {"times": {"int": [1, 30]}, "body": [{"choice": ["relu", "gelu"]}], "tied": True}},
    {"optional": [{"dropout": {"rate": {"float": [0.0, 0.5]}}}]},
    {"conv": {"channels": {"int": [2, 300], "log": True}, "kernel": {"int": [1, 99], "step": 2}}},
    {"choice": [{"dropout": {"rate": {"float": [1e-4, 1e-1], "log": True}}}, "pool"]},
]


def make_space(model: list[Any]) -> Space:
    return parse_space(model, {}, LET, OPS, ())


def make(name: str, space: Space, seed: int = 3) -> Strategy:
    if name == "optuna":
        pytest.importorskip("optuna")
    return STRATEGIES[name](space, seed, **STRATEGIES.parse(name)[1])


def space_for(name: str) -> Space:
    return make_space(FINITE if name == "grid" else CONDITIONAL)


def state(strategy: Strategy) -> str:
    """All that a strategy knows, as text."""
    fields = {name: getattr(value, "__dict__", value) for name, value in vars(strategy).items() if name != "space"}
    return repr(fields)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_asking_changes_nothing(name: str) -> None:
    strategy = make(name, space_for(name))
    for told in range(4):
        before = state(strategy)
        first = [strategy.ask(number) for number in (100, 7, 100)]
        assert state(strategy) == before
        assert first[0] == first[2] == strategy.ask(100)
        tell_all(strategy, 25, first=25 * told)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_strategy_passes_the_check_for_plugins(name: str) -> None:
    """Its proposals are points of the space whatever was told, and the same tells give the same proposals."""
    make(name, space_for(name))
    check_strategy(name, space=space_for(name))


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "grid"])
def test_another_seed_proposes_otherwise(name: str) -> None:
    space = space_for(name)
    assert [make(name, space, 1).ask(n) for n in range(5)] != [make(name, space, 2).ask(n) for n in range(5)]


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_strategy_survives_a_search_where_nothing_can_be_built(name: str) -> None:
    strategy = make(name, space_for(name))
    asked = set()
    for number in range(100):
        genotype = strategy.ask(number)
        asked.add(str(genotype))
        strategy.tell(Trial(number, genotype, "infeasible", reason="too small"))
    assert len(asked) >= 14, "14 is the size of the space that grid takes"
    strategy.tell(Trial(100, {}, "infeasible", reason="more than 20,000 layers"))
    strategy.ask(101)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_small_space_is_used_up(name: str) -> None:
    """Every strategy finds all 12 architectures, and goes on answering when there are no more."""
    strategy = make(name, make_space(CHAIN))
    asked = tell_all(strategy, 60)
    assert len({str(sorted(genotype.items())) for genotype in asked}) == 12


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_space_with_one_architecture(name: str) -> None:
    assert tell_all(make(name, make_space(["relu"])), 30) == [{}] * 30


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("random", "grid")])
def test_what_learns_prefers_what_keeps_the_constraints(name: str) -> None:
    """Rewards are highest where the constraint is broken; proposals must go where it is kept."""
    space = make_space([{"choice": ["relu", "gelu"]} for _ in range(12)])
    strategy = make(name, space)
    shares = []
    for number in range(300):
        genotype = strategy.ask(number)
        count = sum(value == "gelu" for value in genotype.values())
        shares.append(count)
        strategy.tell(finished(number, genotype, count / 12, feasible=count <= 4))
    # Of all 4,096 architectures 19 % keep the constraint. The reward keeps pulling to its very edge.
    assert np.mean([count <= 4 for count in shares[100:]]) > 0.27
    assert np.mean(shares[100:]) < 5.7


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("random", "grid")])
def test_what_learns_learns_across_rungs(name: str) -> None:
    """A reward of a later rung may be lower than one of the first; the trial that was promoted is still the better."""
    space = make_space([{"choice": ["relu", "gelu"]} for _ in range(16)])
    strategy = make(name, space)
    counts = []
    for number in range(200):
        genotype = strategy.ask(number)
        count = sum(value == "gelu" for value in genotype.values())
        counts.append(count)
        trial = finished(number, genotype, 100.0 + count)
        strategy.tell(trial._replace(status="paused"))
        if count >= 10:
            rungs = (*trial.rungs, (1, {}, 0.1 * count))
            strategy.tell(trial._replace(rung=1, reward=0.1 * count, rungs=rungs))
    assert np.mean(counts[100:]) > 10.0


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_the_class_describes_itself(name: str) -> None:
    assert STRATEGIES.describe(name)
    assert list(inspect.signature(STRATEGIES[name]).parameters)[:2] == ["space", "seed"]
