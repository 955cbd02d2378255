"""What a column of a table is: numbers, codes, or words that divide the rows into groups; found in all of its cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas_cli.data.portable import as_floats, as_number
from nas_cli.data.source import Array
from nas_cli.registry import short

MANY = 0.5
"""A column of words that has more different ones than this share of the rows names rows rather than groups of them."""
FEW_ROWS = 50
LARGEST = float(np.finfo(np.float32).max)
EXACT = 2.0**53
"""Beyond this, float64 does not tell all whole numbers apart: identifiers of 16 digits fall together."""
MOSTLY = 0.9
"""From this share of numbers on, the other cells of a column are taken for empty ones, if they hold no digit."""
LEAST = 20
SAMPLE = 1000
CURRENCIES = "$€£¥₹"
LOOSE = CURRENCIES + "%\u00a0\u202f "
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?", re.ASCII)
SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})*([.,]\d+)?")
"""Thousands divided by spaces."""
CLEAR = re.compile(r",\d{3}(,|\.)", re.ASCII)
"""After a comma that can only divide thousands: 1,234,567 or 1,234.50."""
INDICES = re.compile(
    r"column 1|unnamed: \d+(\.\d+)*|index|idx|row|row[_ .-]?(id|number|num|no|nr|names?)|rownames|uuid|guid|"
    r"(.*[_ .-])?(id|uuid|guid|index)",
    re.IGNORECASE,
)
CAMEL_ID = re.compile(r".*[a-z](Id|ID)")
"""PassengerId, customerID."""


@dataclass(frozen=True)
class Form:
    """How the numbers of a column are written: cells of `empty` are no numbers and taken for empty ones, the characters
    of `marks` stand around numbers or divide thousands. `notes` say so. `values` are float64 (n,), NaN where empty."""

    values: Array
    empty: tuple[str, ...] = ()
    marks: str = ""
    notes: tuple[str, ...] = ()


def names_rows(name: str) -> bool:
    """Whether a column of this name is an index or an identifier, as a rule."""
    return bool(INDICES.fullmatch(name) or CAMEL_ID.fullmatch(name))


def numbers_rows(name: str, cells: Array) -> str | None:
    """Why nothing can be learned of a column that is called like an index; None where something may: its cells are
    0, 1, 2, … or 1, 2, 3, …, in this order or another, or whole numbers of which none is there twice."""
    if not names_rows(name) or not (cells[0].isascii() and cells[0].isdecimal()):
        return None
    found = cells.tolist()
    if not all(cell.isascii() and cell.isdecimal() for cell in found) or len(set(found)) < len(found):
        return None
    return "numbers the rows" if len(found) >= LEAST or found[0] in ("0", "1") else None


def orders_rows(values: Array) -> str | None:
    """How numbers of a column (n,) number or order the rows of a file, which an index, a counter or a time does."""
    if len(values) < FEW_ROWS or np.isnan(values).any():
        return None
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        return "orders the rows as they stand in the file"
    counts = values.max() - values.min() == len(values) - 1 and (np.floor(values) == values).all()
    if counts and len(np.unique(values)) == len(values):
        return "numbers the rows, in another order than that of the file"
    return None


def find_form(name: str, cells: Sequence[str], missing: Sequence[str], decimal: str) -> Form | str | None:
    """The form and values of a column of numbers. A str is the reason why a column is not numeric though most of its
    cells are numbers; None is a column of words."""
    found = find_numbers(cells, missing, decimal)
    if found is not None and not np.nanmax(np.abs(found)) > LARGEST:
        return _why_codes(found, cells) or Form(values=found)
    every = _counts(cells, ["", *missing])
    if not _may_be_numbers(list(every), decimal):
        return None
    marks = _marks(every, decimal)
    odd = {cell: count for cell, count in every.items() if not _is_a_number(_without(cell, marks), decimal)}
    total = sum(every.values())
    numbers = total - sum(odd.values())
    with_digits = [cell for cell in odd if re.search(r"\d", cell) and _value(cell, decimal) is None]
    if with_digits or numbers < max(LEAST, MOSTLY * total):
        strange = next(iter(with_digits or odd), "")
        if numbers < MANY * total or not strange:
            return None
        row = list(cells).index(strange) + 1
        return (
            f"{numbers:,} of {total:,} cells are numbers, and others are not, such as '{short(strange)}' in row {row:,}"
        )
    values = as_floats(cells, {*missing, *odd}, name, decimal, marks)
    return Form(values, tuple(odd), marks, _notes(name, marks, odd))


def _counts(cells: Sequence[str], without: Sequence[str]) -> Counter[str]:
    counts = Counter(cells)
    for cell in without:
        counts.pop(cell, None)
    return counts


def _may_be_numbers(different: Sequence[str], decimal: str) -> bool:
    """Whether many of the `different` cells are numbers, by a sample of them."""
    some = different[:: max(1, len(different) // SAMPLE)]
    numbers = sum(_value(_bare(cell), decimal) is not None for cell in some)
    return bool(some) and numbers >= MANY * len(some)


def _is_a_number(cell: str, decimal: str) -> bool:
    value = _value(cell, decimal)
    return value is not None and not abs(value) > LARGEST


def _notes(name: str, marks: str, odd: Mapping[str, int]) -> tuple[str, ...]:
    """What is taken out of the numbers of a column, and which cells are taken for empty ones."""
    notes = []
    if marks:
        notes.append(f"numbers of '{name}' are read without '{marks.strip() or marks}'; data.categorical keeps them")
    if odd:
        shown = ", ".join(f"'{short(cell)}' ({count:,})" for cell, count in list(odd.items())[:3])
        more = f" and {len(odd) - 3} others" if len(odd) > 3 else ""
        notes.append(
            f"cells of '{name}', which has numbers, that are none and are taken for empty ones: {shown}{more}; "
            "data.missing lists such cells, and data.categorical keeps them"
        )
    return tuple(notes)


def find_numbers(cells: Iterable[str], missing: Sequence[str], decimal: str, marks: str = "") -> Array | None:
    """The column as float64 (N,), NaN where a cell is empty; None where a cell is no finite number, or all are
    empty."""
    try:
        found = as_floats(list(cells), set(missing), "", decimal, marks)
    except ValueError:
        return None
    return None if np.isnan(found).all() else found


def has_commas(cells: Sequence[str], missing: Sequence[str]) -> str | None:
    """The first cell with a comma of a column whose cells are all numbers once the commas are taken out."""
    first = next((cell for cell in cells if "," in cell), None)
    if first is None or find_numbers({cell.replace(",", "") for cell in cells}, missing, ".") is None:
        return None
    return first


def count_groups(cells: Sequence[str]) -> int | None:
    """The number of different words where nearly each row has its own; None where the words divide the rows into
    groups."""
    count = len(set(cells))
    return count if len(cells) >= FEW_ROWS and count > MANY * len(cells) else None


def _why_codes(found: Array, cells: Sequence[str]) -> str | None:
    """Whole numbers that are no quantities: a postal code begins with 0, an identifier has more digits than a number
    of 64 bits."""
    known = found[~np.isnan(found)]
    if not (np.floor(known) == known).all():
        return None
    code = next((cell for cell in cells if cell[:1] == "0" and len(cell) > 2 and cell.isdecimal()), None)
    if code is not None:
        return f"codes, since '{short(code)}' begins with 0"
    if np.abs(known).max() >= EXACT and len(np.unique(known)) < len({cell for cell in cells if cell}):
        return "whole numbers of more digits than 64 bits hold"
    return None


def _marks(cells: Iterable[str], decimal: str) -> str:
    """Characters to take out of numbers: signs of currencies and per cent, where each cell has the same, and commas
    that can only divide thousands."""
    digits = [cell for cell in cells if re.search(r"\d", cell)]
    signs = {frozenset(cell) & frozenset(CURRENCIES + "%") for cell in digits}
    if len(signs) != 1:
        return ""
    used = "".join(sorted(next(iter(signs))))
    spaces = "".join(space for space in "\u00a0\u202f " if any(space in cell for cell in digits))
    bare = [_without(cell, used + spaces) for cell in digits]
    divides = decimal == "." and all(map(THOUSANDS.fullmatch, bare)) and any(map(CLEAR.search, bare))
    commas = "," if divides else ""
    if spaces and not used and not all(map(SPACED.fullmatch, digits)):
        return commas
    return used + spaces + commas


def _bare(cell: str) -> str:
    return _without(cell, LOOSE + ",") if not cell.isascii() or not cell.isalpha() else cell


def _without(cell: str, marks: str) -> str:
    for mark in marks:
        cell = cell.replace(mark, "")
    return cell


def _value(text: str, decimal: str) -> float | None:
    """Infinite for a word that says so."""
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return float("inf")
    try:
        return as_number(text, decimal)
    except ValueError:
        return None
