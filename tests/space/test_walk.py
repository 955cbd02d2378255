"""Paths, shared decisions, ranges and sizes, on spaces small enough to check by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from space.languages import number

from nas_cli.errors import Infeasible, SpecError
from nas_cli.model.ops import OPS
from nas_cli.space.builtins import load_builtin
from nas_cli.space.decisions import Choice, FloatRange, IntRange, same
from nas_cli.space.edit import enumerate_genotypes, mutate, replay, sample
from nas_cli.space.nodes import to_yaml
from nas_cli.space.parse import parse_space
from nas_cli.space.space import Space


def space_of(model: Any, **let: Any) -> Space:
    return parse_space(model, {}, let, OPS, ())


def draw(space: Space, seed: int = 0) -> dict[str, Any]:
    return sample(space, np.random.default_rng(seed))


def test_paths_read_like_the_text() -> None:
    space = space_of(
        [
            {"conv": {"channels": "$width", "kernel": {"choice": [3, 5]}}},
            {
                "repeat": {
                    "times": {"int": [2, 2]},
                    "body": [{"choice": ["relu", {"mbconv": {"kernel": {"choice": [3]}}}]}],
                }
            },
            {"optional": [{"max_pool": {"size": {"choice": [2]}}}, "relu"]},
        ],
        width={"choice": [8]},
    )
    genotype = {
        "let.width": 8,
        "model[0].conv.kernel": 5,
        "model[1].repeat.times": 2,
        "model[1].repeat[0].choice": "relu",
        "model[1].repeat[1].choice": "mbconv",
        "model[1].repeat[1].choice[1].mbconv.kernel": 3,
        "model[2].optional": True,
        "model[2].optional[0].max_pool.size": 2,
    }
    resolved = replay(space, genotype)
    assert list(resolved.genotype) == list(genotype)
    assert to_yaml(resolved.model) == [
        {"conv": {"channels": 8, "kernel": 5}},
        "relu",
        {"mbconv": {"kernel": 3}},
        {"max_pool": {"size": 2}},
        "relu",
    ]


def test_a_name_is_one_decision_and_an_anchor_is_two() -> None:
    unit = {"choice": ["relu", "gelu"]}
    assert number(space_of(["$unit", "$unit"], unit=unit)) == 2
    assert number(space_of([unit, unit])) == 4
    assert number(space_of([{"repeat": {"times": 3, "body": unit}}])) == 8
    assert number(space_of([{"repeat": {"times": 3, "body": unit, "tied": True}}])) == 2


def test_a_name_counts_only_where_it_is_used() -> None:
    space = space_of(
        [{"choice": ["relu", {"conv": "$width"}]}, {"optional": [{"linear": "$width"}]}], width={"int": [4, 6]}
    )
    # neither use: 1; either alone or both: 3 each
    assert number(space) == 1 + 3 + 3 + 3 == len(list(enumerate_genotypes(space)))


def test_a_name_that_counts_copies_is_settled_once() -> None:
    body = {"choice": ["relu", "gelu"]}
    model = [{"repeat": {"times": "$depth", "body": body}}, {"repeat": {"times": "$depth", "body": body}}]
    space = space_of(model, depth={"choice": [1, 2]})
    assert number(space) == 2 * 2 + 4 * 4 == len(list(enumerate_genotypes(space)))


def test_published_sizes() -> None:
    # NAS-Bench-201: 5^6. DARTS (Liu et al. 2019): two cells, each node picks two inputs and an op of 7 for each.
    cell = math.prod(math.comb(k, 2) * 49 for k in (2, 3, 4, 5))
    for name, expected in (("nasbench201", 5**6), ("darts", cell**2)):
        builtin = load_builtin(name)
        assert number(parse_space(builtin.model, {}, builtin.let, OPS, ())) == expected


def test_a_continuous_space_is_infinite_and_cannot_be_listed() -> None:
    space = space_of([{"dropout": {"float": [0.0, 0.5]}}])
    assert number(space) == math.inf
    with pytest.raises(SpecError, match="continuous range"):
        list(enumerate_genotypes(space))
    assert number(space_of([{"dropout": {"float": [0.0, 0.5], "step": 0.1}}])) == 6


def test_labels_are_unique_and_scalars_stand_for_themselves() -> None:
    space = space_of([{"choice": [{"conv": 4}, {"conv": 8}, ["relu", {"conv": 8}], []]}])
    values = [genotype["model[0].choice"] for genotype in enumerate_genotypes(space)]
    assert values == ["conv", "conv#2", "relu+conv", "nothing"]


@pytest.mark.parametrize(
    "decision",
    [
        IntRange(1, 64, log=True),
        IntRange(16, 64, step=16),
        FloatRange(1e-4, 1e-1, log=True),
        FloatRange(0.0, 1.0, step=0.25),
        FloatRange(-1.0, 1.0),
        Choice((1, 2.0, "a", True), (1, 2.0, "a", True)),
    ],
    ids=str,
)
def test_draws_and_neighbours_are_allowed(decision: Any) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        value = decision.sample(rng)
        near = decision.neighbour(value, rng)
        assert decision.allows(value)
        assert decision.allows(near)
        assert not same(near, value)


def test_a_logarithmic_range_is_even_in_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    drawn = np.log10([float(str(FloatRange(1e-4, 1e-1, log=True).sample(rng))) for _ in range(4000)])
    counts, _ = np.histogram(drawn, bins=3, range=(-4, -1))
    assert counts.min() > 1200


def test_true_is_not_one() -> None:
    decision = Choice((1, True), (1, True))
    assert decision.option(True) == (1, True)
    assert not IntRange(0, 2).allows(True)


def test_replay_names_what_is_missing_or_wrong() -> None:
    space = space_of([{"conv": {"channels": {"choice": [4, 8]}}}])
    with pytest.raises(SpecError, match=r"model\[0\]\.conv\.channels is missing"):
        replay(space, {})
    with pytest.raises(SpecError, match="cannot be 5"):
        replay(space, {"model[0].conv.channels": 5})


def test_a_mutation_keeps_what_still_applies() -> None:
    space = space_of([{"repeat": {"times": {"int": [1, 3]}, "body": {"choice": ["relu", "gelu", "silu"]}}}])
    rng = np.random.default_rng(3)
    parent = draw(space)
    for _ in range(50):
        child = mutate(space, parent, rng)
        shared = [path for path in parent if path in child]
        assert sum(parent[path] != child[path] for path in shared) == 1


def test_an_absurdly_deep_architecture_is_infeasible() -> None:
    space = space_of([{"repeat": {"times": 300, "body": [{"repeat": {"times": 300, "body": "relu"}}]}}])
    with pytest.raises(Infeasible, match="more than"):
        draw(space)
