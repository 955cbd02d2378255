"""Where text goes: results to stdout, progress and complaints to stderr; and numbers as a person reads them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

PIPE_WIDTH = 100


def console(*, stderr: bool = False) -> Console:
    """A console that writes to the stream of this moment. Markup is off: `model[1]` is a path, not a style."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def say(text: str | Text, *, stderr: bool = False, whole: bool = False) -> None:
    """A line or a sentence, broken between words on a terminal; with `whole` never, so that it can be copied."""
    target = console(stderr=stderr)
    target.print(text, soft_wrap=whole or not target.is_terminal)


def print_json(content: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def fail(message: str) -> None:
    """`error: …` on stderr, on one line."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")


def number(name: str, value: float) -> str:
    """A measured value with its unit: a fraction with four places, a count with commas, milliseconds."""
    if name.endswith("_ms"):
        return f"{value:.3g} ms"
    if name in ("params", "macs") or (value == round(value) and abs(value) >= 100):
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 or value == 0 else f"{value:.4g}"


def deviation(name: str, value: float, mean: float) -> str:
    """Of a measured `mean`, with as many places as that is shown with."""
    _, _, places = number(name, mean).partition(".")
    if not places.isdigit():
        return number(name, value)
    return f"{value:.{len(places)}f}"


def count(value: float) -> str:
    """1,234 up to ten thousand, then 12.3k, 4.56M, 7.89G."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`8 s`, `2 min 05 s`, `1 h 20 min`."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(value: int, word: str) -> str:
    return f"{value:,} {word}" if value == 1 else f"{value:,} {word}s"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
