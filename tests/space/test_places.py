"""The place of a layer: the same in two architectures where the layer is the same, and of one layer alone in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nas_cli.errors import Infeasible
from nas_cli.model.ops import OPS
from nas_cli.space.builtins import builtin_names, load_builtin
from nas_cli.space.canonical import Canonical
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import Branches, Cell, Join, Layer, Op, Residual, Seq, to_yaml
from nas_cli.space.parse import parse_architecture, parse_space
from nas_cli.space.space import Space


def space_of(model: Any, **let: Any) -> Space:
    return parse_space(model, {}, let, OPS, ())


def places(layer: Layer) -> Iterator[str]:
    """Of `layer` and what is inside of it, each with what it is."""
    match layer:
        case Op(name, _, at):
            yield f"{at}.{name}"
        case Join(_, _, at):
            yield f"{at}.join"
        case Residual(body, at):
            yield f"{at}.residual"
            yield from places(body)
        case Seq(layers):
            for inner in layers:
                yield from places(inner)
        case Branches(paths):
            for path in paths:
                yield from places(path)
        case Cell(nodes, at=at):
            yield f"{at}.cell"
            for node in nodes:
                for _, body in node:
                    yield from places(body)


def drawn(space: Space, **taken: Any) -> list[str]:
    """The places of the architecture in which the decisions that are not `taken` have their first values."""

    def decide(path: str, decision: Any) -> Any:
        return taken.get(path.rsplit(".", 1)[-1], decision.values()[0])

    resolved = space.resolve(decide, placed=True)
    return list(places(resolved.model))


def test_a_layer_keeps_its_place_where_there_are_more_before_it() -> None:
    space = space_of([{"repeat": {"times": {"int": [1, 2]}, "body": [{"conv": 8}, "relu"]}}, {"conv": 4}])
    once, twice = drawn(space, times=1), drawn(space, times=2)
    assert once == ["model[0].repeat[0][0].conv", "model[0].repeat[0][1].relu", "model[1].conv"]
    assert twice == [*once[:2], "model[0].repeat[1][0].conv", "model[0].repeat[1][1].relu", "model[1].conv"]


def test_an_optional_layer_moves_none_after_it() -> None:
    space = space_of([{"optional": [{"conv": 8}, "relu"]}, [{"conv": 4}, {"residual": {"conv": 4}}]])
    without, with_it = drawn(space, optional=False), drawn(space, optional=True)
    assert without == ["model[1][0].conv", "model[1][1].residual", "model[1][1].residual.conv"]
    assert with_it == ["model[0].optional[0].conv", "model[0].optional[1].relu", *without]


def test_options_of_a_choice_are_different_layers() -> None:
    space = space_of([{"choice": [{"conv": 8}, [{"conv": 8}, "relu"], "relu"]}])
    assert drawn(space, choice="conv") == ["model[0].choice[0].conv"]
    assert drawn(space, choice="conv+relu") == ["model[0].choice[1][0].conv", "model[0].choice[1][1].relu"]


def test_uses_of_a_name_and_tied_copies_decide_as_one_and_are_different_layers() -> None:
    body = [{"conv": {"channels": {"choice": [8, 16]}}}]
    space = space_of(["$block", {"repeat": {"times": 2, "body": ["$block", *body], "tied": True}}], block=body)
    found = drawn(space)
    assert found == [
        "model[0].$block.conv",
        "model[1].repeat[0][0].$block.conv",
        "model[1].repeat[0][1].conv",
        "model[1].repeat[1][0].$block.conv",
        "model[1].repeat[1][1].conv",
    ]
    resolved = space.resolve(lambda path, decision: 16, placed=True)
    assert list(resolved.genotype) == ["let.block.conv.channels", "model[1].repeat[0][1].conv.channels"]


def test_names_within_names_and_copies_within_copies() -> None:
    space = space_of(
        [{"repeat": {"times": 2, "tied": True, "body": {"repeat": {"times": 2, "body": "$outer"}}}}],
        outer=["$inner", {"branches": ["$inner", "identity"]}],
        inner={"conv": {"channels": {"choice": [8]}}},
    )
    at = [f"model[0].repeat[{i}].repeat[{j}].$outer" for i in range(2) for j in range(2)]
    one = ["{}[0].$inner.conv", "{}[1].branches[0].$inner.conv", "{}[1].branches[1].identity"]
    assert drawn(space) == [place.format(use) for use in at for place in one]


def test_cells_joins_and_what_is_within_them() -> None:
    ops = [{"conv": 8}, [{"conv": 8}, "relu"]]
    space = space_of(
        [
            {"tap": "fine"},
            {"cell": {"nodes": 3, "ops": ops}},
            {"cell": {"nodes": 1, "inputs": 2, "from": 2, "ops": ops, "channels": 8}},
            {"cell": {"nodes": [[{"from": 0, "body": {"conv": 8}}]]}},
            {"join": {"with": "fine", "by": {"choice": ["add", "concat"]}}},
            {"join": "fine"},
        ]
    )
    assert drawn(space) == [
        "model[1].cell",
        *(f"model[1].cell.edge[{edge}][0].conv" for edge in ("0,1", "0,2", "1,2")),
        "model[2].cell",
        *(f"model[2].cell.op[2,{rank}][0].conv" for rank in (0, 1)),
        "model[3].cell",
        "model[3].cell.edge[0,1].conv",
        "model[4].join",
        "model[5].join",
    ]


@pytest.mark.parametrize("name", builtin_names())
def test_places_change_nothing_else_and_no_two_layers_have_one(name: str) -> None:
    builtin = load_builtin(name)
    space = parse_space(builtin.model_for({}), {}, builtin.let, OPS, ())
    canonical, rng = Canonical(OPS), np.random.default_rng(0)
    for _ in range(5):
        genotype = sample(space, rng)
        plain, placed = replay(space, genotype), replay(space, genotype, placed=True)
        assert placed == plain
        assert canonical.key(placed) == canonical.key(plain)
        assert parse_architecture(to_yaml(placed.model), OPS) == parse_architecture(to_yaml(plain.model), OPS)
        found = list(places(placed.model))
        assert len(set(found)) == len(found)
        assert all(place.startswith("model[") for place in found)


def test_nobody_pays_for_places_that_are_not_asked_for() -> None:
    space = space_of([{"conv": 8}, {"choice": ["relu", "gelu"]}])
    first, second = (replay(space, {"model[1].choice": label}) for label in ("relu", "gelu"))
    assert first.model.layers[0] is second.model.layers[0] is space.model.layers[0]
    assert list(places(first.model)) == [".conv", ".relu"]


def test_too_many_layers_are_too_many_with_places_too() -> None:
    space = space_of([{"repeat": {"times": 5000, "body": [{"repeat": {"times": 2, "body": "relu"}}]}}])
    with pytest.raises(Infeasible, match="more than 5,000 layers"):
        space.resolve(lambda path, decision: 0, placed=True)
