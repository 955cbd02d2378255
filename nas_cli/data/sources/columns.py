"""Which column of a table is which, and what it holds, guessed from its first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.formats.csv_file import EMPTY, ENDINGS, first_rows, named
from nas_cli.data.formats.csv_parts import find_tables, tables_in
from nas_cli.data.formats.csv_top import looks_like_a_row
from nas_cli.data.portable import as_number, is_number
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.sources.dividing import dividing_lines
from nas_cli.data.sources.text_table import LABEL_COLUMNS, TEXT_COLUMNS

TARGETS = ("target", "label", "class", "y", "classification", "outcome", "quality", "price")
"""Names of columns that are usually what is to be learned; else the last one is."""
FEW_WORDS = 2
"""A column with fewer words in a cell has no texts."""
SENTENCE, FEW_COLUMNS = 4, 4
"""Words a cell from which on a column has texts, and the columns that a table of texts has at most, where none has a
usual name."""
MANY = 20
"""Up to this many different whole numbers, or up to half the number of rows, may be classes."""


@sniff("csv", inputs="table rows", targets=("class", "number"), expects="a CSV or TSV file")
def rows_at(path: Path, encoding: str = "utf-8") -> Found | None:
    """By its ending; the target's name and its first cells say what is learned."""
    if path.is_dir() and not tables_in(path):
        return None
    file = find_tables(path)["train"]
    rows = first_rows(file, encoding)[1]
    keys = table_columns(rows)
    sure = 0.5 if file.name.lower().endswith(ENDINGS) else 0.0
    if "target" not in keys:
        return Found(sure, keys=keys)
    header = keys.get("header", True)
    notes = [] if header else ["no header, since the first row looks like the others: columns are called 1, 2, …"]
    place = rows[0].index(keys["target"]) if header else len(rows[0]) - 1
    cells = [row[place] for row in rows[int(header) :] if len(row) == len(rows[0])]
    lines = dividing_lines(rows[0], rows[1:], [keys["target"]]) if header else []
    why = f"the column '{keys['target']}' looks like classes"
    if are_numbers(cells):
        why = f"the column '{keys['target']}' has many different numbers"
        return Found(sure, "number", why, keys, lines=lines, notes=notes)
    return Found(sure, "class", why, keys, lines=lines, notes=notes)


def table_columns(rows: list[list[str]]) -> dict[str, Any]:
    """The target by its name, else the last column; and whether the first row is one of many rather than a header."""
    if not rows:
        return {}
    names = rows[0]
    if looks_like_a_row(rows):
        return {"header": False, "target": str(len(names))}
    named = [name for name in names if name]
    target = next((n for word in TARGETS for n in named if n.lower() == word), named[-1] if named else None)
    return {} if target is None else {"target": target}


def text_columns(rows: list[list[str]]) -> dict[str, Any]:
    """The columns that have no usual name, guessed: the text has the most words, the label the fewest different. A
    first row that is like the others is none of names, and columns are numbered then."""
    if not rows:
        return {}
    first = rows[0]
    rows = [row for row in rows if len(row) == len(first)]
    known = set(map(str.lower, first))
    usual = [words for words in (TEXT_COLUMNS, LABEL_COLUMNS) if known & set(words)]
    header = bool(usual) or not (looks_like_a_row(rows) or _comes_again(rows))
    names = named(first, header)
    if header:
        rows = rows[1:]
    if len(names) < 2 or not rows or len(usual) == 2:
        return {}
    text = _text_column(names, rows)
    label = _label_column(names, rows, text)
    if label is None or _mean_words(rows, text) < FEW_WORDS:
        return {}
    found: dict[str, Any] = {"text_column": names[text], "label_column": names[label]}
    return found if header else {"header": False, **found}


def holds_texts(rows: list[list[str]], keys: Mapping[str, Any]) -> bool:
    """Whether a table is one of texts rather than of numbers and words, where `text_columns` found these `keys`."""
    if not rows:
        return False
    header = bool(keys.get("header", True))
    names = named(rows[0], header)
    said = keys.get("text_column")
    usual = _usual(TEXT_COLUMNS, names, range(len(names)))
    text = names.index(said) if said is not None else usual
    body = [row for row in rows[int(header) :] if len(row) == len(names)]
    if text is None or not body or (usual is None and len(names) > FEW_COLUMNS):
        return False
    return _mean_words(body, text) >= SENTENCE


def _text_column(names: Sequence[str], rows: list[list[str]]) -> int:
    """The place of the one with a usual name, else of the first with the most words."""
    usual = _usual(TEXT_COLUMNS, names, range(len(names)))
    if usual is not None:
        return usual
    return int(np.argmax([_mean_words(rows, place) for place in range(len(names))]))


def _mean_words(rows: list[list[str]], place: int) -> float:
    return sum(len(row[place].split()) for row in rows) / len(rows)


def _label_column(names: Sequence[str], rows: list[list[str]], text: int) -> int | None:
    """The place of the one with a usual name, else of the last with the fewest different cells; None where there is
    none beside the `text`.
    """
    different = [len({row[place] for row in rows}) for place in range(len(names))]
    filled = [place for place in range(len(names)) if any(row[place] for row in rows)]
    several = [place for place in filled if different[place] > 1]  # one class is none to learn
    others = [place for place in several or filled if place != text]
    if not others:
        return None
    usual = _usual(LABEL_COLUMNS, names, others)
    return min(others, key=lambda place: (different[place], -place)) if usual is None else usual


def _usual(words: Sequence[str], names: Sequence[str], places: Sequence[int]) -> int | None:
    """The first of `places` that is called by the first of `words` that any is called by."""
    return next((place for word in words for place in places if names[place].lower() == word), None)


def _comes_again(rows: list[list[str]]) -> bool:
    """Whether the first of `rows` has a cell that comes again below it in a column of few different cells, as the name
    of a class does and that of a column does not."""
    below = [[row[place] for row in rows[1:]] for place in range(len(rows[0]))]
    return any(
        cell and cell in cells and len(set(cells)) * 2 <= len(cells) for cell, cells in zip(rows[0], below, strict=True)
    )


def are_numbers(cells: Sequence[str]) -> bool:
    """Whether the first cells of a column look like numbers to be learned, rather than like classes: they have
    fractions, or there are many."""
    filled = [cell for cell in cells if cell not in EMPTY]
    mark = "." if all(map(is_number, filled)) else ","
    if not filled or not all(is_number(cell, mark) for cell in filled):
        return False
    numbers = [as_number(cell, mark) for cell in filled]
    different = set(numbers)
    fractions = any(number != int(number) for number in different)
    return len(different) > 2 and (fractions or len(different) > min(MANY, len(numbers) / 2))
