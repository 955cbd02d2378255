"""What must hold for every space: hypothesis writes the spaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from fields import inputs_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from space import languages
from space.languages import number

from nas_cli.errors import Infeasible
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.space.canonical import Canonical
from nas_cli.space.edit import crossover, decisions, enumerate_genotypes, mutate, replay, sample
from nas_cli.space.nodes import Op, Seq, to_yaml
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.space import Space

SEEDS = st.integers(0, 2**32 - 1)
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


def parsed(model: Any) -> Space:
    return parse_space(model, {}, languages.LET, OPS, ())


@PROPERTY
@given(languages.MODELS, SEEDS)
def test_a_sampled_genotype_round_trips_through_json_and_the_language(model: Any, seed: int) -> None:
    space = parsed(model)
    genotype = sample(space, np.random.default_rng(seed))
    read_back = json.loads(json.dumps(genotype))
    resolved = replay(space, read_back)
    assert resolved.genotype == genotype
    assert parse_architecture(json.loads(json.dumps(to_yaml(resolved.model))), OPS) == resolved.model


@PROPERTY
@given(languages.MODELS, SEEDS)
def test_a_sampled_architecture_builds_or_says_why_not(model: Any, seed: int) -> None:
    space = parsed(model)
    resolved = replay(space, sample(space, np.random.default_rng(seed)))
    reason, shape = "", None
    try:
        network = build(
            resolved.model, inputs_of((1, 8, 8)), lambda shape: Seq((Op("flatten", {}), Op("linear", {"units": 3})))
        )
        shape = network.steps[-1].shape
    except Infeasible as error:
        reason = str(error)
    assert shape == (3,) or len(reason) > 10


@PROPERTY
@given(languages.MODELS, SEEDS)
def test_a_mutation_changes_one_decision_and_what_hangs_on_it(model: Any, seed: int) -> None:
    space = parsed(model)
    rng = np.random.default_rng(seed)
    parent = sample(space, rng)
    child = mutate(space, parent, rng)
    changed = [path for path in parent if path in child and parent[path] != child[path]]
    if not any(len(d.values() or (1, 2)) > 1 for d in decisions(space, parent).values()):
        assert child == parent
        return
    assert len(changed) == 1
    # What appeared or went belongs to the changed decision: undoing that alone gives the parent back.
    undone = {**child, **parent}
    assert replay(space, undone).genotype == parent


@PROPERTY
@given(languages.MODELS, SEEDS)
def test_a_crossover_takes_every_common_decision_from_a_parent(model: Any, seed: int) -> None:
    space = parsed(model)
    rng = np.random.default_rng(seed)
    first, second = sample(space, rng), sample(space, rng)
    child = crossover(space, first, second, rng)
    assert replay(space, child).genotype == child
    for path, value in child.items():
        assert value in [parent[path] for parent in (first, second) if path in parent] or not (
            path in first or path in second
        )


@PROPERTY
@given(languages.MODELS)
def test_the_size_is_the_number_of_genotypes(model: Any) -> None:
    space = parsed(model)
    count = number(space)
    assume(count <= 400)
    genotypes = [json.dumps(genotype, sort_keys=True) for genotype in enumerate_genotypes(space)]
    assert len(genotypes) == len(set(genotypes)) == count


@PROPERTY
@given(languages.MODELS, SEEDS)
def test_identities_do_not_change_the_canonical_form(model: Any, seed: int) -> None:
    space = parsed(model)
    architecture = replay(space, sample(space, np.random.default_rng(seed))).model
    canonical = Canonical(OPS)
    padded = Seq((Op("identity", {}), *architecture.layers, Op("nn.Identity", {}), Op("dropout", {"rate": 0.0})))
    written = parse_architecture(to_yaml(architecture), OPS)
    assert canonical.network(written) == canonical.network(architecture)
    if not any(type(layer).__name__ == "Cell" and layer.inputs == 2 for layer in architecture.layers):
        assert canonical.network(padded) == canonical.network(architecture)
