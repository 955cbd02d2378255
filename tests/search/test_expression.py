"""Expressions against Python's own arithmetic."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_cli.errors import SpecError, TrialFailed
from nas_cli.search.expression import parse_expression

NAMES = ("a", "b", "params_m")
PYTHON = {"min": min, "max": max, "log": math.log, "exp": math.exp, "sqrt": math.sqrt, "abs": abs}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}

NUMBERS = st.one_of(
    st.integers(0, 20).map(str),
    st.sampled_from(["0.5", ".25", "3.", "1e-3", "2.5E2", "1_000", "07.5"]),
)


def _compound(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    space = st.sampled_from(["", " ", "  "])
    return st.one_of(
        st.builds(lambda a, s, op, t, b: f"{a}{s}{op}{t}{b}", parts, space, st.sampled_from("+-*/"), space, parts),
        st.builds(lambda a, b: f"{a} ** {b}", parts, st.sampled_from(["2", "-1", "0.5", "-0.07", "b"])),
        st.builds(lambda sign, a: f"{sign}{a}", st.sampled_from("-+"), parts),
        st.builds(lambda a: f"({a})", parts),
        st.builds(lambda f, a: f"{f}({a})", st.sampled_from(["log", "exp", "sqrt", "abs"]), parts),
        st.builds(lambda f, a, b, c: f"{f}({a}, {b} ,{c})", st.sampled_from(["min", "max"]), parts, parts, parts),
    )


EXPRESSIONS = st.recursive(st.one_of(NUMBERS, st.sampled_from(NAMES)), _compound, max_leaves=12)
VALUES = st.floats(-10, 10).filter(lambda value: value == 0 or abs(value) > 1e-3)


LEVELS = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
TREES = st.recursive(
    st.one_of(st.sampled_from(NAMES), st.sampled_from(["2", "0.5", "3e-1"])),
    lambda parts: st.one_of(
        st.tuples(st.sampled_from(sorted(LEVELS)), parts, parts),
        st.tuples(st.sampled_from(["neg", "log", "abs"]), parts),
        st.tuples(st.sampled_from(["min", "max"]), parts, parts),
    ),
    max_leaves=12,
)
"""Trees of (operator, part, …), which no parser has seen."""


def written(tree: Any, level: int = 0) -> str:
    """With as few parentheses as the rules of precedence allow; `level` is that of the operator around it."""
    match tree:
        case str():
            return str(tree)
        case ("neg", part):
            text, own = f"-{written(part, 3)}", 3
        case ("**", left, right):
            text, own = f"{written(left, 5)} ** {written(right, 3)}", 4
        case (sign, left, right) if sign in LEVELS:
            own = LEVELS[sign]
            text = f"{written(left, own)} {sign} {written(right, own + 1)}"
        case (name, *parts):
            return f"{name}({', '.join(map(written, parts))})"
    return text if own >= level else f"({text})"


def computed(tree: Any, values: dict[str, float]) -> float:
    """The value of a tree, without a text between."""
    if isinstance(tree, str):
        return values[tree] if tree in values else float(tree)
    sign, *parts = tree
    numbers = [computed(part, values) for part in parts]
    functions: dict[str, Any] = {"neg": operator.neg, "+": operator.add, "-": operator.sub, "*": operator.mul}
    functions |= {"/": operator.truediv, "**": math.pow, **PYTHON}
    return finite(functions[sign](*numbers))


@settings(max_examples=300, deadline=None)
@given(TREES, st.tuples(VALUES, VALUES, VALUES))
def test_precedence_is_that_of_the_rules(tree: Any, numbers: tuple[float, float, float]) -> None:
    values = dict(zip(NAMES, numbers, strict=True))
    try:
        expected: float | None = computed(tree, values)
    except (ArithmeticError, ValueError):
        expected = None
    expression = parse_expression(f"a * 0 + {written(tree, 2)}", NAMES)
    if expected is None:
        with pytest.raises(TrialFailed):
            expression.value(values)
    else:
        assert expression.value(values) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def reference(node: Any, values: dict[str, float]) -> float:
    """Python's own parse of the text, computed by walking its tree."""
    match node:
        case ast.Expression(body):
            return reference(body, values)
        case ast.Constant(value):
            return float(value)
        case ast.Name(name):
            return values[name]
        case ast.UnaryOp(ast.USub(), operand):
            return -reference(operand, values)
        case ast.UnaryOp(ast.UAdd(), operand):
            return reference(operand, values)
        case ast.Call(ast.Name(name), arguments):
            return finite(PYTHON[name](*[reference(argument, values) for argument in arguments]))
        case ast.BinOp(left, operator, right):
            a, b = reference(left, values), reference(right, values)
            match OPERATORS[type(operator)]:
                case "+":
                    return finite(a + b)
                case "-":
                    return finite(a - b)
                case "*":
                    return finite(a * b)
                case "/":
                    return finite(a / b)
                case "**":
                    return finite(a**b)
    raise AssertionError(ast.dump(node))


def finite(value: Any) -> float:
    if isinstance(value, complex) or not math.isfinite(value):
        raise ArithmeticError
    return float(value)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, st.tuples(VALUES, VALUES, VALUES))
def test_the_value_is_that_of_python(text: str, numbers: tuple[float, float, float]) -> None:
    values = dict(zip(NAMES, numbers, strict=True))
    text = f"a * 0 + {text}"
    try:
        expected: float | None = reference(ast.parse(text, mode="eval"), values)
    except (ArithmeticError, ValueError):
        expected = None
    expression = parse_expression(text, NAMES)
    tree = ast.walk(ast.parse(text))
    assert expression.names == {n.id for n in tree if isinstance(n, ast.Name)} & set(NAMES)
    if expected is None:
        with pytest.raises(TrialFailed):
            expression.value(values)
    else:
        assert expression.value(values) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab 01.e()+-*/,_^minx\"'[]:=\n", max_size=30))
def test_any_text_is_parsed_or_answered(text: str) -> None:
    """Nothing but a SpecError ever comes out; what is accepted, Python accepts too."""
    try:
        expression = parse_expression(text, NAMES)
    except SpecError:
        return
    # Python refuses numbers that begin with a zero; that is the only difference.
    ast.parse(f"({expression.text})".replace("0", "1"), mode="eval")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + -2 ** 2", -3.0),
        ("a * 2 ** 3 ** 2", 512.0),
        ("a * 2 ** -1", 0.5),
        ("a - 1 - 1", -1.0),
        ("a / 2 / 2", 0.25),
        ("a - (1 - 1)", 1.0),
        ("--a", 1.0),
        ("min(a, 2, max(3, 4))", 1.0),
    ],
)
def test_precedence(text: str, value: float) -> None:
    assert parse_expression(text, NAMES).value({"a": 1.0}) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1 .* not the end"),
        ("a +", "column 4 .* not the end"),
        ("a b", "column 3 .* an operator is expected before 'b'"),
        ("2a", "column 2 .* an operator is expected before 'a'"),
        ("a * (b + 1", r"column 5 .*'\(' is not closed"),
        ("a)", r"column 2 .* before '\)'"),
        ("a ^ 2", "column 3 .* a power is written"),
        ("a // 2", "column 4 .* not '/'"),
        ("a.real", r"column 2 .*'\.' has no meaning"),
        ("a['x']", "column 2 "),
        ("a if b else 1", "column 3 "),
        ("__import__('os')", "column 12 "),
        ("exec(a)", r"column 1 .* unknown function 'exec'; allowed: min, max, log"),
        ("a(1)", "unknown function 'a'"),
        ("log", r"log is a function: log\(…\)"),
        ("log(a, 2)", "log takes one argument; got 2"),
        ("min(a)", "min takes 2 to 20 arguments; got 1"),
        ("paramsm", r"unknown metric or cost 'paramsm'; did you mean 'params_m'\?"),
        ("1 + 1", "a reward names at least one of a, b, params_m"),
        ("a * 1e999", "column 5 .* too large"),
        ("(" * 300 + "a" + ")" * 100, "nested more than 50 deep"),
        ("-" * 400 + "a", "nested more than 50 deep"),
        ("2 ** " * 90 + "a", "nested more than 50 deep"),
        ("min(" * 60 + "a", "nested more than 50 deep"),
        ("-" * 499 + "a", "column 51 .*nested more than 50 deep"),
        ("a, b", "column 1 .*',' stands between the arguments of a function"),
        ("min((a, b), 1)", "column 5 .*',' stands between the arguments of a function"),
        ("(a", r"column 1 .*'\(' is not closed"),
        ("  a b", "column 3 .*'a b': an operator is expected before 'b'"),
        ("a\n * (\tb", r"column 6 .*'\(' is not closed"),
        ("é * ü", "column 1 .* unknown metric or cost 'é'"),
        ("2 * lambda", "column 5 .* unknown metric or cost 'lambda'"),
        ("a is None", "column 3 .* an operator is expected before 'is'"),
        ("min(*a)", r"column 5 .* a number, a name or '\(' is expected, not '\*'"),
        ("min(a, **b)", r"column 8 .* not '\*\*'"),
        ("min(a,)", r"column 7 .* not '\)'"),
        ("log()", r"column 5 .* not '\)'"),
        ("2(a)", r"column 2 .* an operator is expected before '\('"),
        ("log(a)(b)", r"column 7 .* an operator is expected before '\('"),
        ("a @ b", "column 3 .*'@' has no meaning"),
        ("a := 1", "column 3 .*':' has no meaning"),
        ("a\0", r"column 2 .*'\\x00' has no meaning"),
        ("a" + " + a" * 200, "at most 500 characters; got 801"),
    ],
)
def test_a_wrong_expression_is_answered_with_its_column(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_expression(text, NAMES)


def test_the_longest_chain_is_computed() -> None:
    expression = parse_expression("a" + "+a" * 249, NAMES)
    assert expression.value({"a": 1.0}) == 250.0


def test_signs_nest_as_deep_as_parentheses() -> None:
    assert parse_expression("-" * 48 + "a").value({"a": 1.0}) == 1.0
    assert parse_expression("(" * 50 + "a" + ")" * 50).value({"a": 1.0}) == 1.0


def test_names_are_read_as_they_are_written() -> None:
    """Python's parser would take ligatures apart, and keywords for itself."""
    names = ("ﬁne", "lambda", "None", "précision")
    expression = parse_expression("ﬁne + lambda * None - précision * 007", names)
    assert expression.names == set(names)
    assert expression.value({"ﬁne": 1.0, "lambda": 2.0, "None": 3.0, "précision": 1.0}) == 0.0


def test_a_metric_may_be_named_like_a_function() -> None:
    assert parse_expression("abs * abs(abs)", ("abs",)).value({"abs": -2.0}) == -4.0
