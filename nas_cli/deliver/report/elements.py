"""The one encoder of HTML: elements are built from texts and numbers, and every text is escaped here.

An `Element` is made by these functions alone, and they take nothing for markup but elements. So a name from a file or
a journal is text on the page, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nas_cli.words import printable

TEXTS = ("h1", "h2", "h3", "p", "strong", "dl", "dt", "dd", "pre", "ul", "li")
TABLES = ("div", "table", "tr", "th", "td")
FIGURES = ("figure", "svg", "text", "title", "line", "circle", "rect", "polyline")
TAGS = frozenset((*TEXTS, *TABLES, *FIGURES))
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load and run for the page: its own style sheet, and nothing else."""


@dataclass(frozen=True)
class Element:
    """A piece of the page, escaped."""

    markup: str


Child = Element | str | int | float | None
Attribute = str | int | float


def element(tag: str, *children: Child, **attributes: Attribute) -> Element:
    """`<tag …>children</tag>`. In the names of attributes `_` stands for `-`, and a last `_` is left out (`class_`)."""
    assert tag in TAGS, tag
    written = "".join(f' {_name(name)}="{_text(value)}"' for name, value in attributes.items())
    return Element(f"<{tag}{written}>{group(*children).markup}</{tag}>")


def group(*children: Child) -> Element:
    """Elements and texts side by side."""
    return Element("".join(_markup(child) for child in children))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: bool = False) -> Element:
    """The first column is of words, the others are of numbers; with `words` the last one is of words too."""
    lines = [element("tr", *(element("th", name) for name in header))] if any(header) else []
    lines += [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    kind = "words" if words else "numbers"
    return element("div", element("table", *lines, class_=kind), class_="scroll")


def document(title: str, style: str, *body: Child) -> str:
    """The whole page. `style` is a style sheet of ours, written as it is."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style></head>\n"
        f"<body><main>\n{group(*body).markup}\n</main></body></html>\n"
    )


def _markup(child: Child) -> str:
    if child is None:
        return ""
    return child.markup if isinstance(child, Element) else _text(child)


def _text(value: Attribute) -> str:
    """Letters that turn the direction of what follows, or show as nothing, are written as escapes."""
    if isinstance(value, float):
        value = f"{value:.3f}".rstrip("0").rstrip(".")
    return escape(printable(value, lines=True), quote=True)


def _name(attribute: str) -> str:
    return attribute.removesuffix("_").replace("_", "-")
