"""The canonical form against NAS-Bench-201's published counts and hand-made pairs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from space.languages import number

from nas_cli.model.ops import OPS
from nas_cli.space.builtins import load_builtin
from nas_cli.space.canonical import Canonical
from nas_cli.space.edit import enumerate_genotypes, enumerate_resolved, replay
from nas_cli.space.parse import parse_architecture, parse_space


def form(model: Any) -> str:
    return Canonical(OPS).network(parse_architecture(model, OPS))


CONV, POOL = {"conv": 8}, {"max_pool": 2}
SAME = {
    "a default written out": ([{"conv": 8}], [{"conv": {"channels": 8, "kernel": 3}}]),
    "identity": ([CONV, "identity", "relu"], [CONV, "relu"]),
    "an empty body": ([CONV, {"branches": [["relu"]]}], [CONV, "relu"]),
    "the order of a sum": (
        [{"branches": [["relu"], ["gelu"]]}],
        [{"branches": [["gelu"], ["relu"]]}],
    ),
    "a sum of sums": (
        [{"branches": [[{"branches": [["relu"], ["gelu"]]}], ["tanh"]]}],
        [{"branches": [["relu"], ["gelu"], ["tanh"]]}],
    ),
    "a zero path": ([{"branches": [["relu"], ["zero"]]}], ["relu"]),
    "an op on nothing": ([{"branches": [["relu"], ["zero", CONV]]}], ["relu"]),
    "a tap that nothing joins": ([CONV, {"tap": "a"}, "relu"], [CONV, "relu"]),
    "the name of a tap": ([{"tap": "a"}, CONV, {"join": "a"}], [{"tap": "b"}, CONV, {"join": "b"}]),
    "dropout that drops nothing": ([CONV, {"dropout": 0.0}], [CONV]),
    "a nested list": ([[CONV], ["relu"]], [CONV, "relu"]),
}
DIFFERENT = {
    "order": ([CONV, "relu"], ["relu", CONV]),
    "an argument": ([{"conv": 8}], [{"conv": 16}]),
    "once and twice": ([{"branches": [["relu"], ["relu"]]}], ["relu"]),
    "residual and plain": ([{"residual": [CONV]}], [CONV]),
    "add and concat": (
        [{"branches": [["relu"], ["gelu"]]}],
        [{"branches": {"paths": [["relu"], ["gelu"]], "join": "concat"}}],
    ),
    "where a tap stands": ([{"tap": "a"}, CONV, {"join": "a"}], [CONV, {"tap": "a"}, {"join": "a"}]),
}


@pytest.mark.parametrize("pair", SAME.values(), ids=list(SAME))
def test_the_same_network(pair: tuple[Any, Any]) -> None:
    assert form(pair[0]) == form(pair[1])


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_different_networks(pair: tuple[Any, Any]) -> None:
    assert form(pair[0]) != form(pair[1])


def test_nasbench201_has_15625_architectures_and_4930_networks() -> None:
    builtin = load_builtin({"nasbench201": {"cells": 1}})
    cell = parse_space(["$cell"], {}, builtin.let, OPS, ())
    canonical = Canonical(OPS)
    forms = {canonical.network(resolved.model) for resolved in enumerate_resolved(cell)}
    assert number(cell) == 15_625
    assert len(forms) == 4_930


def test_nasbench201_forms_agree_with_an_expansion_by_hand() -> None:
    """Every pair of 400 cells: equal forms exactly where the expanded sums of products are equal."""
    builtin = load_builtin("nasbench201")
    cell = parse_space(["$cell"], {}, builtin.let, OPS, ())
    canonical = Canonical(OPS)

    def expand(genotype: dict[str, Any]) -> tuple[Any, ...]:
        values: dict[int, tuple[Any, ...]] = {0: ("input",)}
        for node in (1, 2, 3):
            terms: list[Any] = []
            for source in range(node):
                op = genotype[f"let.cell.cell.edge[{source},{node}]"]
                if op == "zero" or not values[source]:
                    continue
                terms += values[source] if op == "identity" else [(op, values[source])]
            values[node] = tuple(sorted(terms, key=repr))
        return values[3]

    genotypes = list(itertools.islice(enumerate_genotypes(cell), 0, None, 39))
    expanded = {repr(expand(genotype)) for genotype in genotypes}
    pairs = {(repr(expand(g)), canonical.network(replay(cell, g).model)) for g in genotypes}
    assert len(pairs) == len(expanded) == len({form for _, form in pairs})
