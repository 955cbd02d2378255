"""Prints text: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from nas_cli.words import printable

PIPE_WIDTH, PIPE_HEIGHT = 100, 25
NARROWEST, WIDEST = 40, 10_000
"""Bounds on the columns. Below the lower one a table would lose letters, so the terminal breaks its lines instead."""
DELETE = "\x7f"
"""The one control character that JSON does not escape."""


class SafeConsole(Console):
    """The console for all output to a terminal: it escapes control characters in the text."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable(text, lines=True), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text, lines=True))


def console(*, stderr: bool = False) -> Console:
    """A console for the current stdout or stderr. Markup is off: `model[1]` is a path, not a style."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    width, height = _side("COLUMNS", PIPE_WIDTH, terminal), _side("LINES", PIPE_HEIGHT, terminal)
    return SafeConsole(file=stream, width=width, height=height, highlight=False, markup=False, emoji=False)


def _side(name: str, otherwise: int, terminal: bool) -> int | None:
    """The columns or lines from the environment variable `name`, if valid; None to ask the terminal."""
    text = os.environ.get(name, "")
    given = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if given == 0:
        return None if terminal and name not in os.environ else otherwise
    return min(max(given, NARROWEST if name == "COLUMNS" else 1), WIDEST)


def say(text: str | Text = "", *, stderr: bool = False, whole: bool = False) -> None:
    """Prints a line or a sentence, wrapped between words on a terminal; not with `whole`, so that it can be copied."""
    target = console(stderr=stderr)
    target.print(text if isinstance(text, Text) else printable(text), soft_wrap=whole or not target.is_terminal)


def draw(table: RenderableType) -> None:
    """Prints a table. On a narrow terminal, the terminal breaks its lines, so that no number is cut."""
    target = console()
    least = target.measure(table, options=target.options.update_width(WIDEST)).minimum
    if least > target.width:
        target.width = least
    target.print(table)


def say_lines(text: str) -> None:
    """Prints a text of several lines without wrapping."""
    console().print(printable(text, lines=True), soft_wrap=True)


def print_json(content: Any) -> None:
    """Prints one JSON document, in ASCII unless stdout is UTF-8; control characters are escaped."""
    sys.stdout.write(json_document(content) + "\n")


def json_document(content: Any) -> str:
    """The document that `print_json` prints, without the line break at its end."""
    return json_escaped(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def json_escaped(text: str) -> str:
    """A JSON document with hidden letters, and those that stdout cannot encode, as JSON escapes; such letters occur
    inside strings only.
    """
    if text.isascii() and DELETE not in text:
        return text
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").replace("_", "") == "utf8"
    return "".join(_in_json(letter, utf8) for letter in text)


def _in_json(letter: str, utf8: bool) -> str:
    plain = printable(letter, lines=True) == letter and (utf8 or letter.isascii())
    return letter if plain else _json_escape(letter)


def _json_escape(letter: str) -> str:
    return "\\u007f" if letter == DELETE else json.dumps(letter)[1:-1]


class DataOut:
    """Standard output for other programs: each letter is written unchanged or as an escape, never as a similar letter.

    Letters that stdout cannot encode are escaped and, on a terminal, control characters too; JSON lines use the escapes
    of JSON.
    """

    def __init__(self, form: str) -> None:
        self._form = form

    def write(self, text: str) -> None:
        if self._form == "jsonl":
            text = json_escaped(text)
        elif sys.stdout.isatty():
            text = printable(text, lines=True)
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def fail(message: str) -> None:
    """Prints `error: …` on one line of stderr."""
    sys.stderr.write(f"error: {printable(' '.join(message.split()))}\n")
