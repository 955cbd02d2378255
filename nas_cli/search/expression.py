"""Reward expressions such as `accuracy * (latency_ms / 2) ** -0.07`, read and computed without `eval`.

The grammar is Python's arithmetic, with its precedence (`-2 ** 2` is -4, `2 ** 3 ** 2` is 2 ** 9):

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = ("-" | "+") signed | power
    power   = atom ["**" signed]
    atom    = number | name | name "(" sum {"," sum} ")" | "(" sum ")"

Numbers are floats throughout, so that a large power costs nothing: it overflows, and that is an error.
"""

from __future__ import annotations

import math
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

OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": math.pow,
}

_TOKEN = re.compile(
    r"(?P<number>([0-9]+(_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)|(?P<sign>\*\*|[-+*/(),])"
)


@dataclass(frozen=True)
class Expression:
    """A parsed expression: its text, the names it reads, and how to compute it."""

    text: str
    names: frozenset[str]
    compute: Compute = field(compare=False, repr=False)

    def value(self, measurement: Mapping[str, float]) -> float:
        """A finite number. Raises TrialFailed where it is not (division by zero, overflow, a value not measured)."""
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
    """`allowed` are the names that may be read, None for any.

    Raises SpecError that names the column, counted from 1, where the text is wrong.
    """
    return _Parser(text, allowed).expression()


class _Parser:
    """Recursive descent; a parsed part is a closure from the measurement to a float."""

    def __init__(self, text: str, allowed: tuple[str, ...] | None) -> None:
        if len(text) > MAX_LENGTH:
            raise SpecError(f"a reward takes at most {MAX_LENGTH} characters; got {len(text)}")
        self._text = text
        self._allowed = allowed
        self._names: set[str] = set()
        self._depth = 0
        self._tokens = self._split()
        self._next = 0

    def expression(self) -> Expression:
        compute = self._sum()
        kind, word, column = self._tokens[self._next]
        if kind != "end":
            raise self._error(f"an operator is expected before {word!r}", column)
        if not self._names:
            names = f"one of {', '.join(self._allowed)}" if self._allowed is not None else "one metric or cost"
            raise SpecError(f"a reward names at least {names}; got {self._text!r}")
        return Expression(self._text.strip(), frozenset(self._names), compute)

    def _split(self) -> list[tuple[str, str, int]]:
        tokens, place = [], 0
        while place < len(self._text):
            if self._text[place].isspace():
                place += 1
                continue
            match = _TOKEN.match(self._text, place)
            if match is None:
                hint = "; a power is written **" if self._text[place] == "^" else ""
                raise self._error(f"{self._text[place]!r} has no meaning in a reward{hint}", place)
            tokens.append((str(match.lastgroup), match.group(), place))
            place = match.end()
        return [*tokens, ("end", "", len(self._text))]

    def _error(self, problem: str, column: int) -> SpecError:
        return SpecError(f"column {column + 1} of the reward {self._text!r}: {problem}")

    def _take(self, *signs: str) -> str | None:
        kind, word, _ = self._tokens[self._next]
        if kind != "sign" or word not in signs:
            return None
        self._next += 1
        return word

    def _sum(self) -> Compute:
        self._deeper()
        left = self._product()
        while sign := self._take("+", "-"):
            left = _binary(sign, left, self._product())
        self._depth -= 1
        return left

    def _product(self) -> Compute:
        left = self._signed()
        while sign := self._take("*", "/"):
            left = _binary(sign, left, self._signed())
        return left

    def _signed(self) -> Compute:
        self._deeper()
        sign = self._take("-", "+")
        result = self._signed() if sign else self._power()
        self._depth -= 1
        return _negative(result) if sign == "-" else result

    def _power(self) -> Compute:
        base = self._atom()
        return _binary("**", base, self._signed()) if self._take("**") else base

    def _atom(self) -> Compute:
        kind, word, column = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            return self._number(word, column)
        if kind == "name" and self._take("("):
            return self._call(word, column)
        if kind == "name":
            return self._name(word, column)
        if word == "(":
            inner = self._sum()
            self._close("(", column)
            return inner
        what = repr(word) if word else "the end"
        raise self._error(f"a number, a name or '(' is expected, not {what}", column)

    def _number(self, word: str, column: int) -> Compute:
        number = float(word)
        if math.isinf(number):
            raise self._error(f"{word} is too large a number", column)
        return lambda _: number

    def _name(self, word: str, column: int) -> Compute:
        if word in FUNCTIONS and word not in (self._allowed or ()):
            raise self._error(f"{word} is a function: {word}(…)", column)
        if self._allowed is not None and word not in self._allowed:
            raise self._error(f"unknown metric or cost '{word}'{did_you_mean(word, self._allowed)}", column)
        self._names.add(word)
        return lambda measurement: _finite(float(measurement[word]))

    def _call(self, word: str, column: int) -> Compute:
        if word not in FUNCTIONS:
            raise self._error(f"unknown function '{word}'{did_you_mean(word, FUNCTIONS)}", column)
        function, fewest, most = FUNCTIONS[word]
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._close(f"{word}(", column)
        if not fewest <= len(arguments) <= most:
            takes = "one argument" if most == 1 else f"{fewest} to {most} arguments"
            raise self._error(f"{word} takes {takes}; got {len(arguments)}", column)
        return lambda measurement: _finite(function(*[argument(measurement) for argument in arguments]))

    def _close(self, opened: str, column: int) -> None:
        if not self._take(")"):
            raise self._error(f"'{opened}' is not closed", column)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep", self._tokens[self._next][2])


def _binary(sign: str, left: Compute, right: Compute) -> Compute:
    operator = OPERATORS[sign]
    return lambda measurement: _finite(operator(left(measurement), right(measurement)))


def _negative(inner: Compute) -> Compute:
    return lambda measurement: -inner(measurement)


def _finite(value: float) -> float:
    if math.isnan(value):
        raise ValueError
    if math.isinf(value):
        raise OverflowError
    return value
