"""Reward expressions such as `accuracy * (latency_ms / 2) ** -0.07`: parsed by Python's `ast`, never compiled or run.

The language is Python's arithmetic, with its precedence (`-2 ** 2` is -4, `2 ** 3 ** 2` is 2 ** 9): numbers, names of
metrics and costs, `+ - * / **`, parentheses, and calls of `FUNCTIONS`. Numbers are floats throughout, so that a large
power costs nothing: it overflows, and that is an error.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nas_cli.errors import SpecError, TrialFailed, did_you_mean

MAX_LENGTH = 500
MAX_DEPTH = 50

Compute = Callable[[Mapping[str, float]], float]

FUNCTIONS: Mapping[str, tuple[Callable[..., float], int, int]] = {
    "min": (min, 2, 20),
    "max": (max, 2, 20),
    "log": (math.log, 1, 1),
    "exp": (math.exp, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "abs": (abs, 1, 1),
}
"""Name to (function, fewest arguments, most arguments)."""

OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}

_TOKEN = re.compile(
    r"(?P<number>([0-9]+(_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|[-+*/(),])|(?P<end>\Z)|(?P<space>\s+)|(?P<wrong>.)"
)
OPERANDS = ("number", "name")


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, the names it reads, and how to compute it."""

    text: str
    names: frozenset[str]
    compute: Compute = field(compare=False, repr=False)

    def value(self, measurement: Mapping[str, float]) -> float:
        """The value, a finite number. Raises TrialFailed on division by zero, overflow or a value not measured."""
        try:
            return self.compute(measurement)
        except ZeroDivisionError:
            problem = "divides by zero"
        except OverflowError:
            problem = "is too large a number"
        except ValueError:
            problem = "is not a real number"
        except KeyError as error:
            raise TrialFailed(f"the reward needs {error.args[0]}, which was not measured") from None
        shown = ", ".join(f"{name} = {measurement[name]:g}" for name in sorted(self.names))
        raise TrialFailed(f"the reward {self.text} {problem} where {shown}")


def parse_expression(text: str, allowed: tuple[str, ...] | None = None) -> Expression:
    """Parses `text`; `allowed` are the names that it may contain, None for any.

    Raises SpecError, which names the column, counted from 1, where the text is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise SpecError(f"a reward takes at most {MAX_LENGTH} characters; got {len(text)}")
    reader = _Reader(text.strip(), allowed)
    reader.check_order()
    compute = reader.compute(reader.parse())
    if not reader.names:
        names = f"one of {', '.join(allowed)}" if allowed is not None else "one metric or cost"
        raise SpecError(f"a reward names at least {names}; got {text!r}")
    return Expression(reader.text, frozenset(reader.names), compute)


class _Reader:
    def __init__(self, text: str, allowed: tuple[str, ...] | None) -> None:
        self.text = text
        self.names: set[str] = set()
        self._allowed = allowed

    def check_order(self) -> None:
        """Checks that operands and operators alternate. Python's parser does too, in words that differ by version."""
        complete = named = False
        depth = 0
        for token in _TOKEN.finditer(self.text):
            kind, word, place = token.lastgroup, token.group(), token.start()
            if kind == "space":
                continue
            if kind == "wrong":
                hint = "; a power is written **" if word == "^" else ""
                raise self._error(place, f"{word!r} has no meaning in a reward{hint}")
            if complete and (kind in OPERANDS or (word == "(" and not named)):
                raise self._error(place, f"an operator is expected before {word!r}")
            if not complete and kind not in OPERANDS and word not in ("-", "+", "("):
                what = repr(word) if word else "the end"
                raise self._error(place, f"a number, a name or '(' is expected, not {what}")
            depth = self._deeper(place, depth, (word == "(") - (word == ")"))
            complete = kind in OPERANDS or word == ")"
            named = kind == "name"

    def parse(self) -> ast.expr:
        """Python's syntax tree of the text, each operand replaced by `x`: no word of the text reaches its parser."""
        code = _TOKEN.sub(_without_words, self.text)
        try:
            return ast.parse(code, mode="eval").body
        except SyntaxError as error:  # the order was checked, so only parentheses can be wrong
            place = (error.offset or 1) - 1
        problem = "'(' is not closed" if code[place] == "(" else f"an operator is expected before {code[place]!r}"
        raise self._error(place, problem)

    def compute(self, node: ast.expr, depth: int = 0) -> Compute:
        """`depth` counts the operators and functions around `node`. A chain such as `a + a + a` is one level."""
        place = node.col_offset
        inside = self._deeper(place, depth, 1)
        match node:
            case ast.Name():
                return self._operand(place)
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.compute(operand, inside)
            case ast.UnaryOp(ast.USub(), operand):
                inner = self.compute(operand, inside)
                return lambda measurement: -inner(measurement)
            case ast.BinOp(first, sign, second):
                operate = OPERATORS[type(sign)]
                left, right = self.compute(first, depth), self.compute(second, inside)
                return lambda measurement: _finite(operate(left(measurement), right(measurement)))
            case ast.Call(ast.Name(), nodes):
                function = self._function(place, len(nodes))
                arguments = [self.compute(argument, inside) for argument in nodes]
                return lambda measurement: _finite(function(*[argument(measurement) for argument in arguments]))
        raise self._error(place, "',' stands between the arguments of a function, and nowhere else")

    def _operand(self, place: int) -> Compute:
        word = self._word(place)
        if word[0] in ".0123456789":
            number = float(word)
            if math.isinf(number):
                raise self._error(place, f"{word} is too large a number")
            return lambda _: number
        if word in FUNCTIONS and word not in (self._allowed or ()):
            raise self._error(place, f"{word} is a function: {word}(…)")
        if self._allowed is not None and word not in self._allowed:
            raise self._error(place, f"unknown metric or cost '{word}'{did_you_mean(word, self._allowed)}")
        self.names.add(word)
        return lambda measurement: _finite(float(measurement[word]))

    def _function(self, place: int, given: int) -> Callable[..., float]:
        word = self._word(place)
        if word not in FUNCTIONS:
            raise self._error(place, f"unknown function '{word}'{did_you_mean(word, FUNCTIONS)}")
        function, fewest, most = FUNCTIONS[word]
        if not fewest <= given <= most:
            takes = "one argument" if most == 1 else f"{fewest} to {most} arguments"
            raise self._error(place, f"{word} takes {takes}; got {given}")
        return function

    def _word(self, place: int) -> str:
        token = _TOKEN.match(self.text, place)
        assert token is not None
        return token.group()

    def _deeper(self, place: int, depth: int, by: int) -> int:
        """Limits the nesting, so that neither Python's parser nor this class runs out of stack."""
        if depth + by > MAX_DEPTH:
            raise self._error(place, f"nested more than {MAX_DEPTH} deep")
        return depth + by

    def _error(self, place: int, problem: str) -> SpecError:
        return SpecError(f"column {place + 1} of the reward {self.text!r}: {problem}")


def _without_words(token: re.Match[str]) -> str:
    """A replacement as long as the token, so that columns of the syntax tree are columns of the text."""
    if token.lastgroup == "sign":
        return token.group()
    return ("x" if token.lastgroup in OPERANDS else "").ljust(len(token.group()))


def _finite(value: float) -> float:
    if math.isnan(value):
        raise ValueError
    if math.isinf(value):
        raise OverflowError
    return value
