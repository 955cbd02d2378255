"""What a wrong space is answered: the place, what was read, what is allowed, the nearest right word."""

from __future__ import annotations

from typing import Any

import pytest

from nas_cli.errors import SpecError
from nas_cli.model.ops import OPS
from nas_cli.space.builtins import builtin_names, load_builtin
from nas_cli.space.parse import parse_architecture, parse_space

CASES: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "unknown op": (["covn"], ("model", 0), "unknown op 'covn'; did you mean 'conv'?"),
    "unknown structure": ([{"repeet": {"times": 1}}], ("model", 0), "did you mean 'repeat'?"),
    "unknown torch module": (["nn.GEUL"], ("model", 0), "did you mean 'nn.GELU'?"),
    "unknown argument": ([{"conv": {"chanels": 3}}], ("model", 0, "conv", "chanels"), "did you mean 'channels'?"),
    "missing argument": ([{"conv": {"kernel": 3}}], ("model", 0, "conv"), "op 'conv' needs channels"),
    "wrong type": ([{"conv": {"channels": "wide"}}], ("model", 0, "conv", "channels"), "got 'wide'"),
    "wrong range": ([{"conv": {"channels": 0}}], ("model", 0, "conv", "channels"), "from 1 to 1,000,000"),
    "wrong option": (
        [{"conv": {"channels": {"choice": [8, "x"]}}}],
        ("model", 0, "conv", "channels", "choice", 1),
        "got 'x'",
    ),
    "range of the wrong kind": (
        [{"conv": {"channels": {"float": [1.0, 2.0]}}}],
        ("model", 0, "conv", "channels", "float"),
        "a whole number",
    ),
    "range upside down": (
        [{"conv": {"channels": {"int": [9, 3]}}}],
        ("model", 0, "conv", "channels", "int"),
        "9 down to 3",
    ),
    "logarithm of zero": (
        [{"dropout": {"rate": {"float": [0.0, 0.5], "log": True}}}],
        ("model", 0, "dropout", "rate", "float"),
        "above 0",
    ),
    "unknown name": ([{"conv": {"channels": "$widht"}}], ("model", 0, "conv", "channels"), "did you mean 'width'?"),
    "a name that is itself": (["$loop"], ("let", "loop", 0), "$loop → $loop"),
    "two layers in one": ([{"conv": 3, "relu": None}], ("model", 0), "2 keys are given: conv, relu"),
    "an empty layer": ([None], ("model", 0), "nothing is given"),
    "a number as a layer": ([3], ("model", 0), "got 3"),
    "a range as a layer": ([{"int": [1, 2]}], ("model", 0), "not a number from a range"),
    "an empty choice": ([{"choice": []}], ("model", 0, "choice"), "takes a list of layers"),
    "a join without a tap": ([{"join": {"with": "fin"}}], ("model", 0, "join", "with"), "no tap is named 'fin'"),
    "a cell too small": ([{"cell": {"nodes": 1, "ops": ["relu"]}}], ("model", 0, "cell", "nodes"), "above 1"),
    "a cell without ops": ([{"cell": {"nodes": 3}}], ("model", 0, "cell"), "cell needs ops"),
    "an edge from later on": (
        [{"cell": {"nodes": [[{"from": 1, "body": "relu"}]]}}],
        ("model", 0, "cell", "nodes", 0, 0, "from"),
        "values 0 to 0 only",
    ),
    "negative repeats": (
        [{"repeat": {"times": -1, "body": "relu"}}],
        ("model", 0, "repeat", "times"),
        "0 to 5,000",
    ),
    "tied maybe": (
        [{"repeat": {"times": 1, "body": "relu", "tied": {"choice": [True, False]}}}],
        ("model", 0, "repeat", "tied"),
        "not a choice",
    ),
    "step and log": (
        [{"conv": {"channels": {"int": [2, 8], "step": 2, "log": True}}}],
        ("model", 0, "conv", "channels", "step"),
        "exclude",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_wrong_space_is_answered(case: tuple[Any, tuple[Any, ...], str]) -> None:
    model, path, message = case
    let = {"width": 8, "loop": ["$loop"]}
    with pytest.raises(SpecError) as caught:
        parse_space(model, {}, let, OPS, ())
    assert caught.value.path == path
    assert message in caught.value.message


def test_nesting_is_bounded() -> None:
    model: Any = "relu"
    for _ in range(200):
        model = {"residual": [model]}
    with pytest.raises(SpecError, match="nested more than"):
        parse_space([model], {}, {}, OPS, ())


def test_an_open_choice_in_a_baseline_is_refused() -> None:
    with pytest.raises(SpecError, match=r"model\[0\]\.conv\.channels is left open"):
        parse_architecture([{"conv": {"channels": {"choice": [4, 8]}}}], OPS)


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_spaces_parse_and_use_all_of_let(name: str) -> None:
    builtin = load_builtin(name)
    assert parse_space(builtin.model, {}, builtin.let, OPS, ()).unused == ()
    assert len(builtin.summary) > 20


def test_an_unknown_builtin_or_value_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'mobile'"):
        load_builtin("mobil")
    with pytest.raises(SpecError, match="did you mean 'width'"):
        load_builtin({"mobile": {"widht": 3}})
