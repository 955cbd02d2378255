"""Tables with a column of texts and a column of their classes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nas_cli.data.dividers import Dividers
from nas_cli.data.division import Division, Keys
from nas_cli.data.formats import csv_file
from nas_cli.errors import DataError, did_you_mean

TEXT_COLUMNS = ("text", "sentence", "review", "content", "document", "message")
LABEL_COLUMNS = ("label", "class", "category", "sentiment", "target")

Texts = list[tuple[str, str]]
"""(text, class) of each example."""
NO_GROUP = ("",)
"""Cells that are not allowed in a column of groups or times."""


@dataclass(frozen=True)
class Table:
    """How tables are read; columns that are not named are found by usual names."""

    text: str | None
    label: str | None
    header: bool
    encoding: str
    dividers: Dividers


def read_table(file: Path, table: Table, notes: list[str], whole: bool = True) -> tuple[Texts, Keys]:
    """The texts and their keys (groups, times); with `whole`, every row must have them.

    Raises DataError where a column is missing, or a label.
    """
    separator, dividers = separator_of(file, table.encoding), table.dividers
    columns, rows = csv_file.read_table(file, separator, table.header, encoding=table.encoding, say=notes.append)
    text, label = find_columns(file, columns, table)
    if whole:
        dividers.require(file, columns, [columns[label]])
    gone = np.flatnonzero(rows[:, label] == "")
    if len(gone):
        rows_without = "1 row" if len(gone) == 1 else f"{len(gone):,} rows"
        raise DataError(
            f"{file} has {rows_without} without a label in the column '{columns[label]}', the first is row "
            f"{gone[0] + 1:,}: fill it in or take it out"
        )
    notes += _about_missing(file, Counter(rows[:, label].tolist()))
    used = [columns[text], columns[label], *dividers.columns]
    others = [name for name in columns if name not in used]
    if others or not table.header:
        left = f"; not read: {', '.join(others)}" if others else ""
        notes.append(f"of {file} text_column is {columns[text]}, and label_column {columns[label]}{left}")
    texts = [(row[text], unicodedata.normalize("NFC", row[label])) for row in rows]
    if not whole:
        return texts, dividers.read_own(columns, rows)
    return texts, dividers.read(file, columns, rows, NO_GROUP, partial(_line, file, table))


def divided(file: Path, table: Table, keys: Keys) -> Division:
    """Of the training part in `file`. Raises DataError, with file and line, where its times cannot be ordered."""
    return table.dividers.division(file, keys, ".", partial(_line, file, table))


def _line(file: Path, table: Table, row: int) -> int:
    return csv_file.line_of(file, separator_of(file, table.encoding), table.header, row, table.encoding)


def _about_missing(file: Path, counts: Counter[str]) -> list[str]:
    """On labels that say elsewhere that there is none."""
    words = [word for word in csv_file.EMPTY if word in counts]
    if not words:
        return []
    shown = ", ".join(f"'{word}' ({counts[word]:,})" for word in words)
    return [
        f"labels of {file} that are classes like others: {shown}; take those rows out if it means that there is none"
    ]


def check_table(file: Path, table: Table, classes: set[str]) -> None:
    """Raises DataError where the first rows show that networks that learned `classes` cannot be tested on `file`."""
    rows = csv_file.first_rows(file, table.encoding)[1]
    if len(rows) < (2 if table.header else 1):
        raise DataError(f"{file} has no rows")
    columns = rows[0] if table.header else [str(place) for place, _ in enumerate(rows[0], 1)]
    _, label = find_columns(file, columns, table)
    labels = [unicodedata.normalize("NFC", row[label]) for row in rows[table.header :] if len(row) == len(columns)]
    if labels and not any(labels):
        raise DataError(f"{file} has no labels in the column '{columns[label]}'")
    new = next((each for each in labels if each and each not in classes), None)
    if new is not None:
        raise DataError(f"{file} has the label '{new}', which the training part does not have")


def find_columns(file: Path, columns: Sequence[str], table: Table) -> tuple[int, int]:
    """The places of the text and of the label. Raises DataError."""
    places = []
    for wanted, usual, what in ((table.text, TEXT_COLUMNS, "text"), (table.label, LABEL_COLUMNS, "label")):
        name = wanted or next((c for word in usual for c in columns if c.lower() == word), None)
        if name is None:
            if len(columns) == 1:
                raise DataError(f"{file} has only the column '{columns[0]}', and a text and a label column are needed")
            none = ", and header: false if that is a text already" if table.header else ""
            raise DataError(
                f"{file} has the columns {', '.join(columns)}: say which is the {what}: {what}_column: …{none}"
            )
        if name not in columns:
            raise DataError(f"{file} has no column '{name}'{did_you_mean(name, columns)}")
        places.append(columns.index(name))
    return places[0], places[1]


def separator_of(file: Path, encoding: str) -> str:
    """Tabs in a .tsv file, whatever marks its texts have, if its first line has any."""
    found, rows = csv_file.first_rows(file, encoding)
    by_tabs = ".tsv" in file.name.lower() and any("\t" in cell for cell in (rows or [[]])[0])
    return "\t" if by_tabs else found
