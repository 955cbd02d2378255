"""What each strategy does, beyond what all keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nas_cli.errors import SpecError
from nas_cli.registry import Registry
from nas_cli.search.strategies.actions import BINS, Actions
from nas_cli.search.strategies.evolution import Evolution
from nas_cli.search.strategies.genetic import Genetic
from nas_cli.search.strategies.grid import Grid
from nas_cli.search.strategies.reinforce import Baseline, Reinforce
from nas_cli.search.strategy import Memory
from nas_cli.space.decisions import Choice, Decision, FloatRange, IntRange
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space
from nas_cli.trial import Genotype, Trial

OPS: Registry[Any] = Registry("op")
for op in ("a", "b", "c"):
    OPS.register(op)(lambda: None)


@OPS.register("drop")
def drop(rate: float = 0.5, repeats: int = 1) -> None: ...


def space_of(*layers: Any) -> Space:
    return parse_space(list(layers), {}, {}, OPS, ())


def chain(length: int) -> Space:
    return space_of(*[{"choice": ["a", "b", "c"]}] * length)


def done(number: int, genotype: Genotype, reward: float, feasible: bool = True, rung: int = 0) -> Trial:
    return Trial(number, genotype, "finished", rung, {}, reward, rungs=((rung, {}, reward),), feasible=feasible)


def distance(a: Genotype, b: Genotype) -> int:
    return sum(a[path] != b[path] for path in a)


# Memory ---------------------------------------------------------------------------------------------------------------


def test_standings_keep_constraints_first_then_rung_then_reward_then_age() -> None:
    memory = Memory(chain(2))
    memory.add(done(0, {"x": 0}, 5.0, feasible=False, rung=2))
    memory.add(done(1, {"x": 1}, 9.0))
    memory.add(done(2, {"x": 2}, 1.0, rung=1))
    memory.add(done(3, {"x": 3}, 9.0))
    assert sorted(range(4), key=memory.standing, reverse=True) == [2, 1, 3, 0]


def test_a_duplicate_stands_where_its_twin_stands_later_on_too() -> None:
    memory = Memory(chain(2))
    assert memory.add(done(0, {"x": 0}, 0.3))
    assert memory.add(Trial(1, {"x": 1}, "duplicate", reward=0.3, equals=0))
    assert memory.standing(1) == memory.standing(0)
    assert not memory.add(done(0, {"x": 0}, 0.2, rung=1))
    assert memory.standing(1) == (True, 1, 0.2, 0)
    memory.add(Trial(0, {"x": 0}, "failed", reward=0.2))
    assert memory.standing(1) < (False, 0, -1e9, -1)
    assert not memory.add(Trial(2, {"x": 2}, "duplicate", reward=0.2, equals=0)), "its twin failed"


def test_a_duplicate_of_a_running_trial_is_no_member() -> None:
    memory = Memory(chain(2))
    memory.add(Trial(0, {"x": 0}))
    assert not memory.add(Trial(1, {"x": 1}, "duplicate", equals=0))


def test_one_and_true_are_two_values() -> None:
    memory = Memory(chain(2))
    memory.add(Trial(0, {"x": 1}))
    assert memory.fresh(lambda attempt: {"x": [1, True][min(attempt, 1)]})["x"] is True


# Evolution and genetic ------------------------------------------------------------------------------------------------


def test_evolution_mutates_the_best_of_its_sample_once_the_population_is_full() -> None:
    strategy = Evolution(chain(10), 0, population=5, sample=100)
    for number in range(4):
        strategy.tell(done(number, strategy.ask(number), float(number == 2)))
    first_four = [strategy.ask(number) for number in range(3)]
    assert len({str(genotype) for genotype in first_four}) == 3
    strategy.tell(done(4, strategy.ask(4), 0.0))
    best = strategy.memory.genotypes[2]
    assert {distance(strategy.ask(number), best) for number in range(5, 25)} == {1}


def test_in_evolution_the_oldest_dies_however_good() -> None:
    strategy = Evolution(chain(10), 0, population=5, sample=100)
    for number in range(10):
        strategy.tell(done(number, strategy.ask(number), float(-number)))
    assert list(strategy.population) == [5, 6, 7, 8, 9]
    assert {distance(strategy.ask(number), strategy.memory.genotypes[5]) for number in range(10, 30)} == {1}


def test_the_elite_lives_on_and_generations_follow_one_another() -> None:
    strategy = Genetic(chain(10), 0, population=6, tournament=2, elite=2)
    for number in range(5):
        strategy.tell(done(number, strategy.ask(number), float(10 - number)))
    assert strategy.parents == []
    strategy.tell(done(5, strategy.ask(5), 0.0))
    assert strategy.parents == [0, 1, 2, 3, 4, 5]
    for number in range(6, 10):
        strategy.tell(done(number, strategy.ask(number), 1.0))
    assert strategy.parents == [0, 1, 6, 7, 8, 9]


def test_without_mutation_children_are_made_of_their_parents() -> None:
    strategy = Genetic(chain(12), 0, population=2, tournament=1, crossover=1.0, mutation=0.0, elite=0)
    parents = [dict.fromkeys(strategy.ask(0), value) for value in "ab"]
    for number, genotype in enumerate(parents):
        strategy.tell(done(number, genotype, 1.0))
    children = [strategy.ask(number) for number in range(10, 30)]
    assert any(len(set(child.values())) == 2 for child in children)
    assert all(value in "ab" for child in children for value in child.values())


# Grid -----------------------------------------------------------------------------------------------------------------


def test_grid_goes_through_the_space_in_order() -> None:
    strategy = Grid(chain(2), 0)
    assert ["".join(map(str, strategy.ask(n).values())) for n in range(10)] == [
        *("aa", "ab", "ac", "ba", "bb", "bc", "ca", "cb", "cc"),
        "aa",
    ]


def test_grid_refuses_what_it_cannot_go_through() -> None:
    with pytest.raises(SpecError, match="every decision has a list of values"):
        Grid(space_of({"drop": {"rate": {"float": [0.0, 0.5]}}}), 0)
    with pytest.raises(SpecError, match=r"at most 10,000 architectures; this one has 19,683"):
        Grid(chain(9), 0)
    grid = Grid(space_of({"drop": {"rate": {"float": [0.0, 0.5], "step": 0.25}}}), 0)
    assert [list(grid.ask(number).values()) for number in range(4)] == [[0.0], [0.25], [0.5], [0.0]]


# Reinforce ------------------------------------------------------------------------------------------------------------


def test_the_policy_is_conditioned_on_the_state() -> None:
    """Reward only where the second decision equals the first: no policy without a state can do better than 1/3."""
    strategy = Reinforce(chain(8), 1)
    for number in range(400):
        genotype = strategy.ask(number)
        first, second = list(genotype.values())[:2]
        strategy.tell(done(number, genotype, float(first == second)))
    drawn = [list(strategy.ask(number).values())[:2] for number in range(1000, 1200)]
    assert np.mean([first == second for first, second in drawn]) > 0.8


def test_the_entropy_bonus_keeps_the_policy_open() -> None:
    def distinct(entropy: float) -> int:
        """Of 200 drawn after 150 noisy trials."""
        strategy = Reinforce(chain(8), 1, entropy=entropy)
        noise = np.random.default_rng(0)
        for number in range(150):
            genotype = strategy.ask(number)
            strategy.tell(done(number, genotype, sum(op == "a" for op in genotype.values()) + noise.normal()))
        return len({str(strategy._draw(0.0, np.random.default_rng(n))) for n in range(200)})

    assert distinct(0.0) < distinct(0.3) < distinct(1.0)


def test_the_gradient_is_that_of_the_objective() -> None:
    """The step of one tell against numeric differences of advantage * log P + entropy * H."""
    advantage, entropy, action = 1.3, 0.2, 1
    strategy = Reinforce(chain(1), 0, learning_rate=1.0, entropy=entropy)
    (path,) = strategy.ask(0)
    start = np.array([0.3, -0.2, 0.5])
    strategy.weights[path, 3, None] = start.copy()
    strategy._learn({path: "abc"[action]}, advantage)

    def objective(logits: np.ndarray) -> float:
        log = logits - np.log(np.exp(logits).sum())
        return float(advantage * log[action] - entropy * (np.exp(log) * log).sum())

    step = 1e-6
    numeric = [(objective(start + step * e) - objective(start - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(strategy.weights[path, 3, None] - start, numeric, atol=1e-7)


def test_the_baseline_is_a_moving_mean_in_units_of_the_spread() -> None:
    baseline = Baseline(decay=0.9)
    assert baseline.advantage(50.0) == 0.0
    assert baseline.advantage(51.0) == 1.0
    assert baseline.mean == pytest.approx(50.5)
    for reward in np.random.default_rng(0).normal(1000.0, 5.0, 300):
        last = baseline.advantage(float(reward))
    assert abs(baseline.mean - 1000.0) < 5.0
    assert 2.0 < baseline.variance**0.5 < 8.0
    assert -2.0 <= last <= 2.0
    assert baseline.advantage(1e9) == 2.0


def test_equal_rewards_teach_nothing_but_entropy() -> None:
    strategy = Reinforce(chain(3), 0, entropy=0.0)
    for number in range(20):
        strategy.tell(done(number, strategy.ask(number), 0.7))
    assert all(not weight.any() for weight in strategy.weights.values())


@pytest.mark.parametrize(
    "decision",
    [
        Choice(tuple(range(30)), tuple(range(30))),
        IntRange(3, 3),
        IntRange(0, 4),
        IntRange(1, 1024, log=True),
        IntRange(0, 1_000_000_000, step=7),
        FloatRange(0.1, 0.1),
        FloatRange(0.0, 0.5, step=0.1),
        FloatRange(0.0, 0.5, step=0.01),
        FloatRange(1e-4, 1e-1, log=True),
        FloatRange(-3.0, 5.0),
    ],
)
def test_actions_cover_a_decision(decision: Decision) -> None:
    actions = Actions(decision)
    rng = np.random.default_rng(0)
    assert isinstance(decision, Choice) or 1 <= len(actions) <= BINS
    for _ in range(200):
        for action in range(len(actions)):
            value = actions.draw(action, rng)
            assert decision.allows(value)
            # A step rounds a value downwards, and that may take it out of its bin.
            assert abs(actions.index(value) - action) <= 1
    for _ in range(200):
        assert 0 <= actions.index(decision.sample(rng)) < len(actions)
