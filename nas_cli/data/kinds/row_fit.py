"""Which columns of a table a network learns from, and as what: fitted on the rows of the training part."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.kinds.classes import about_alike
from nas_cli.data.kinds.columns import Form, count_groups, find_form, find_numbers, has_commas, orders_rows
from nas_cli.data.kinds.leaks import find_leaks, rows_to_try
from nas_cli.data.kinds.numbers import decimals_after_comma
from nas_cli.data.kinds.row import TableEncoder, Transform, fit_category, fit_number
from nas_cli.data.portable import as_floats
from nas_cli.data.source import Array
from nas_cli.errors import DataError
from nas_cli.registry import short

CLASSES = 20
"""A target of at most so many different numbers is taken for classes where columns are tried alone."""

MOST_NAMED, MOST_LETTERS = 20, 200
"""Columns that a note lists, and letters of what it says of each."""


@dataclass(frozen=True)
class Roles:
    """What the columns are for, where the spec says it; `counters`: why some number the rows."""

    target: str
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    ignore: Sequence[str] = ()
    counters: Mapping[str, str] = field(default_factory=dict)

    def named(self, column: str) -> bool:
        return column in self.numeric or column in self.categorical


@dataclass(frozen=True)
class Whole:
    """All rows of a file, and which of them are those of the training part, where that is known."""

    rows: Rows
    learned: Array | None = None


@dataclass
class _Found:
    """Findings on the columns so far. `values`: the input columns at the rows `tried`, for the search for leaks."""

    tried: Array

    numbers: list[dict[str, Any]] = field(default_factory=list)
    categories: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    values: dict[str, Array] = field(default_factory=dict)
    parsed: dict[str, Array] = field(default_factory=dict)


def fit_table(
    raw: Rows,
    whole: Whole,
    columns: Sequence[str],
    roles: Roles,
    missing: Sequence[str],
    file_as: Mapping[str, Any],
    transform: Transform,
) -> TableEncoder:
    """Fitted on `raw`, rows of the training part; what kind of cells a column has is found in the `whole` file, so that
    the rows that are held out can be read alike. `file_as` is how the file was read.

    Raises DataError where no column is left, and where a column's numbers have commas of which it is not said what they
    mean.
    """
    found = _Found(rows_to_try(len(raw)))
    for place, name in enumerate(columns):
        if name != roles.target and name not in roles.ignore:
            _fit_column(found, name, place, raw, whole, roles, missing, file_as["decimal"], transform)
    if not found.numbers and not found.categories:
        why = ", ".join(found.left_out) or "all are ignored"
        raise DataError(f"no column is left to learn '{roles.target}' from: {why}")
    target = raw[found.tried, list(columns).index(roles.target)].tolist()
    found.notes += find_leaks(found.values, _as_numbers(target, file_as["decimal"]))
    content = {
        "kind": "table",
        "header": list(columns),
        "numbers": found.numbers,
        "categories": found.categories,
        "missing": list(missing),
        **file_as,
        "target": roles.target,
    }
    return TableEncoder(content, tuple(_notes(roles, found)), parsed=[raw, found.parsed])


def _fit_column(
    found: _Found,
    name: str,
    place: int,
    raw: Rows,
    whole: Whole,
    roles: Roles,
    missing: Sequence[str],
    decimal: str,
    transform: Transform,
) -> None:
    named, cells = roles.named(name), raw[:, place].tolist()
    useless = None if named else _why_useless(name, cells, roles)
    if useless is not None:
        found.left_out.append(f"{name} ({useless})")
        return
    form = None if name in roles.categorical else find_form(name, whole.rows[:, place].tolist(), missing, decimal)
    if isinstance(form, Form) and whole.learned is not None:
        values = form.values[whole.learned]
    elif isinstance(form, Form) or name in roles.numeric:
        form = form if isinstance(form, Form) else Form(np.empty(0))
        values = _numbers_of(name, cells, [*missing, *form.empty], form.marks, decimal)
    if isinstance(form, Form) and (named or not np.isnan(values).all()):
        _fit_numbers(found, name, values, form, transform)
        why = None if named else orders_rows(form.values)
        if why is not None:
            found.notes.append(f"the column '{name}' {why}: leave it out by data.ignore, if new rows go on from there")
    else:
        _fit_words(found, name, cells, form if isinstance(form, str) else None, named, missing, decimal)


def _why_useless(name: str, cells: Sequence[str], roles: Roles) -> str | None:
    if all(cell == cells[0] for cell in cells):
        return "constant"
    return roles.counters.get(name)


def _fit_words(
    found: _Found, name: str, cells: list[str], why: str | None, named: bool, missing: Sequence[str], decimal: str
) -> None:
    """`why`: the reason why the column is not numeric, where most of its cells are numbers."""
    if not named and (cell := has_commas(cells, missing)) is not None:
        raise DataError(_commas(name, cell, decimal), decimals_after_comma(cell) if decimal == "." else {})
    many = None if named else count_groups(cells)
    if many is not None:
        found.left_out.append(f"{name} ({why or f'{many:,} different texts in {len(cells):,} rows'})")
        return
    if why is not None:
        found.notes.append(
            f"'{name}' is read as categories: {why}; data.numeric reads numbers, data.missing empty cells"
        )
    if not all(map(str.isascii, set(cells))):
        words = [unicodedata.normalize("NFC", cell) for cell in cells]
        if words != cells:
            found.notes.append(f"letters of '{name}' that are written in several forms of Unicode are read as the same")
        cells = words
    category = fit_category(name, cells, missing)
    found.categories.append(category)
    found.notes += about_alike(category["words"], f"categories of '{name}'")
    found.values[name] = _numbered([cells[row] for row in found.tried]).astype(np.float64)


def _fit_numbers(found: _Found, name: str, values: Array, form: Form, transform: Transform) -> None:
    found.numbers.append({**fit_number(name, values, transform), "empty": list(form.empty), "marks": form.marks})
    found.values[name] = values[found.tried]
    found.parsed[name] = values
    found.notes += form.notes
    if transform == "none":
        known = values[~np.isnan(values)]
        if len(np.unique(known.astype(np.float32))) < len(np.unique(known)):
            found.notes.append(
                f"numbers of '{name}' differ by less than 32 bits hold: transform: quantile keeps them apart"
            )


def _numbered(words: Sequence[str]) -> Array:
    """The same number for the same word, int64 (n,)."""
    return np.unique(np.array(words, object), return_inverse=True)[1].astype(np.int64)


def _numbers_of(name: str, cells: Sequence[str], missing: Sequence[str], marks: str, decimal: str) -> Array:
    try:
        return as_floats(cells, set(missing), name, decimal, marks)
    except ValueError as error:
        raise DataError(f"{error}: list it under data.missing, or the column under data.categorical") from None


def _as_numbers(target: list[str], decimal: str) -> Array:
    """The target as float64 (n,), or the numbers of its classes as int64."""
    values = find_numbers(target, (), decimal)
    if values is not None and not np.isnan(values).any() and len(np.unique(values)) > CLASSES:
        return values
    return _numbered(target)


def _some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are: a table may have thousands of columns."""
    shown = ", ".join(short(name, MOST_LETTERS) for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _notes(roles: Roles, found: _Found) -> list[str]:
    notes = [f"target: {roles.target}"]
    if found.numbers:
        notes.append(f"numeric columns: {_some([column['name'] for column in found.numbers])}")
    if found.categories:
        sizes = [f"{column['name']} ({len(column['words'])})" for column in found.categories]
        notes.append(f"categorical columns and how many categories are known: {_some(sizes)}")
    if found.left_out:
        notes.append(f"left out: {_some(found.left_out)}; data.numeric or data.categorical takes one in")
    return notes + found.notes


def _commas(name: str, cell: str, decimal: str) -> str:
    meaning = "say decimal: ',' where a comma stands before the decimals, or " if decimal == "." else ""
    return (
        f"column '{name}' has numbers with commas, such as '{short(cell)}': {meaning}write them without, or list the "
        "column under data.categorical or data.ignore"
    )
