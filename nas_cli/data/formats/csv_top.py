"""The top of a table: Excel's line that names the separator, comments, and a first row that is no header."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import islice, pairwise, takewhile

from nas_cli.data.formats.csv_lines import COMMENT, first_cells
from nas_cli.data.portable import as_number, is_number

EXCEL = re.compile(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n|$)', re.IGNORECASE)
"""A first line that names the separator."""
LOOKED_AT = 100
"""Rows that are read to tell whether there is a header."""


def named_separator(text: str) -> str | None:
    """The separator that the first line names, in Excel's form `sep=;`."""
    found = EXCEL.match(text)
    return found[1] if found else None


def without_top(text: str, separator: str, header: bool) -> tuple[str, list[int]]:
    """`text` with the lines above its header (or first row) emptied, and the line numbers of the comments among
    them."""
    count = lines_above(text, separator, header)
    if count == 0:
        return text, []
    top = list(islice(io.StringIO(text, newline=""), count))
    comments = [number for number, line in enumerate(top, 1) if line[0] == COMMENT]
    return "\n" * count + text[sum(map(len, top)) :], comments


def lines_above(text: str, separator: str, header: bool) -> int:
    """The number of lines above the header, or the first row: Excel's separator line, comments, empty lines.
    A line that begins with # and is as wide as the rows is the header, unless the first row is a header.
    """
    excel = EXCEL.match(text)
    rest = text[excel.end() :] if excel else text
    top = []
    if rest.lstrip().startswith(COMMENT):
        top = list(takewhile(lambda line: not line.strip() or line[0] == COMMENT, io.StringIO(rest, newline="")))
    rows = first_cells(rest[sum(map(len, top)) :], separator, LOOKED_AT)
    if top and not rows:
        return int(excel is not None)
    wide = [
        place
        for place, line in enumerate(top)
        if [len(row) for row in first_cells(line, separator, 1)] == [len(rows[0])]
    ]
    above = wide[0] if wide and not (header and _is_header(rows)) else len(top)
    return above + int(excel is not None)


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has a word in a column where all other rows have numbers."""
    others = [row for row in rows[1:] if len(row) == len(rows[0])]
    return bool(others) and any(
        not is_number(name) and all(is_number(row[place]) for row in others) for place, name in enumerate(rows[0])
    )


def looks_like_a_row(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is data: it has numbers where the others have numbers, or only words that others have in
    the same column. Numbers that count up (0, 1, 2, …, or years) are names."""
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    numbers = list(filter(is_number, first))
    if not others:
        return False
    if not numbers:
        come_again = (cell != "" and cell in _column(others, place) for place, cell in enumerate(first))
        return len(others) > 1 and all(come_again)
    if len(numbers) > 1 and _count_up(list(map(as_number, numbers))):
        return False
    below = [place for place in range(len(first)) if all(map(is_number, _column(others, place)))]
    return bool(below) and all(is_number(first[place]) for place in below)


def _count_up(numbers: Sequence[float]) -> bool:
    return all(after - before == 1 for before, after in pairwise(numbers))


def _column(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in rows]
