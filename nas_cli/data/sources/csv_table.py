"""Tables in CSV files: which column is what, and how rows become inputs."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from nas_cli.data.formats.csv_file import about_parts, find_separator, find_tables, read_table, require_columns
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.csv_top import LOOKED_AT, looks_like_a_row
from nas_cli.data.formats.files import choose_part
from nas_cli.data.kinds.columns import find_numbers, numbers_rows
from nas_cli.data.kinds.row import Transform
from nas_cli.data.kinds.row_fit import Roles, Whole, fit_table
from nas_cli.data.portable import as_number, is_number
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.errors import DataError, did_you_mean
from nas_cli.registry import short
from nas_cli.words import printable

EMPTY = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "-", ".")
FREQUENT = 0.05
"""The share of the rows from which on a word that may mean an empty cell may be a class."""


@SOURCES.register("csv")
def csv_table(
    path: Path,
    target: str | None = None,
    numeric: list[str] = [],  # noqa: B006
    categorical: list[str] = [],  # noqa: B006
    ignore: list[str] = [],  # noqa: B006
    missing: list[str] = list(EMPTY),  # noqa: B006
    separator: str = "auto",
    header: bool = True,
    encoding: str = "utf-8",
    transform: Transform = "quantile",
    decimal: Literal[".", ","] = ".",
) -> Dataset:
    """A CSV file, or a folder of one for train, validation and test each; .gz too.

    `target` is the column to learn, the last one where it is not named. What `numeric`, `categorical` and `ignore` do
    not name is numeric where every cell is a number, and categorical otherwise. Cells of `missing` are empty. Without
    a `header` columns are called 1, 2, …. `transform` makes numbers normally distributed (`quantile`), or gives them
    mean 0 and deviation 1 (`standard`); it is fitted on the training part. `decimal` is the mark before the decimals.
    """
    notes: list[str] = []
    files = find_tables(path)
    if path.is_dir():
        notes += about_parts(path, files)
    mark = find_separator(files["train"], encoding) if separator == "auto" else separator
    columns, rows = read_table(files["train"], mark, header, encoding=encoding, say=notes.append)
    if len(columns) == 1:
        raise DataError(
            f"{files['train']} has one column alone, '{short(columns[0])}', where '{printable(mark)}' divides cells: "
            "say separator if another mark does"
        )
    if header and looks_like_a_row([columns, *rows[:LOOKED_AT].tolist()]):
        notes.append(
            f"the first row of {files['train']} looks like the others, and is taken for the header: say header: false"
        )
    target, numeric, categorical, ignore = _in_nfc(target), *map(_all_in_nfc, (numeric, categorical, ignore))
    label = _target(target, columns, files["train"])
    _require_columns([*numeric, *categorical, *ignore], columns, files["train"])
    counters = {}
    for place, name in enumerate(columns if header else ()):
        why = numbers_rows(name, rows[:, place])
        if why is not None:
            counters[name] = why
    roles = Roles(label, numeric, categorical, ignore, counters)

    def examples(file: Path, names: Sequence[str], cells: Rows) -> Examples:
        labels = labels_in(file, label, cells[:, list(names).index(label)], missing, decimal)
        raw = cells if list(names) == columns else cells[:, [list(names).index(name) for name in columns]]
        return Examples(str(file), labels, lambda indices: raw[indices])

    def read(file: Path) -> Examples:
        names, cells = read_table(file, mark, header, columns, encoding=encoding, say=notes.append)
        return examples(file, names, cells)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, files[part]) if part in files else None

    def elsewhere(place: Path, wanted: str) -> Examples:
        found = find_tables(place, wanted)
        return read(found[choose_part(place, list(found), wanted, path)])

    def check_test(place: Path | None) -> None:
        found = files if place is None else find_tables(place, "test")
        file = found["test" if place is None else choose_part(place, list(found), "test", path)]
        labels = {unicodedata.normalize("NFC", each) for each in set(train.labels.tolist())}
        numbers = any(map(is_number, labels))

        def is_known(text: str) -> bool:
            return text in labels or (numbers and is_number(text, decimal))

        require_columns(file, columns, label, mark, header, encoding, missing, is_known)

    def take(indices: Array) -> Array:
        taken[:] = [rows[indices], indices]
        return taken[0]

    def fit(raw: Array) -> Encoder:
        whole = Whole(rows, taken[1] if taken and taken[0] is raw else None)
        file_as = {"separator": mark, "has_header": header, "encoding": encoding, "decimal": decimal}
        try:
            return fit_table(raw, whole, columns, roles, missing, file_as, transform)
        except DataError as error:
            raise DataError(f"{files['train']}: {error}", error.remedy) from None

    taken: list[Array] = []
    train = examples(files["train"], columns, rows)
    return Dataset(
        train=replace(train, read=take),
        validation=own("validation"),
        test=own("test"),
        elsewhere=elsewhere,
        inputs="table rows",
        fit=fit,
        check_test=check_test,
        notes=lambda: notes,
    )


def _in_nfc(name: str | None) -> str | None:
    """As columns are called."""
    return name if name is None else unicodedata.normalize("NFC", name)


def _all_in_nfc(names: Sequence[str]) -> list[str]:
    return [unicodedata.normalize("NFC", name) for name in names]


def labels_in(file: Path, target: str, cells: Array, missing: Sequence[str], decimal: str) -> Array:
    """The target's column as texts (n,); numbers with a decimal comma get a point. Raises DataError where one is empty,
    or may be."""
    found = cells.tolist()
    counts = Counter(found)
    gone = [word for word in dict.fromkeys(missing) if word in counts]
    if gone:
        raise _empty_targets(file, target, found, counts, gone, missing)
    if decimal == "," and find_numbers(counts, missing, decimal) is not None:
        return np.array([f"{as_number(cell, decimal):.15g}" for cell in found], object)
    return cells.copy()


def _empty_targets(
    file: Path, target: str, cells: list[str], counts: Counter[str], gone: list[str], missing: Sequence[str]
) -> DataError:
    """Rows without a target. A word such as None may be a class: where the other targets are no numbers, and it is as
    frequent as classes are, keeping it is the remedy."""
    total = sum(counts[word] for word in gone)
    first = next(k for k, cell in enumerate(cells) if cell in gone)
    message = (
        f"{file} has {'1 row' if total == 1 else f'{total:,} rows'} without a value in the target's column '{target}', "
        f"the first is row {first + 1:,}: fill it in or take it out"
    )
    words = [word for word in gone if word]
    if not words:
        return DataError(message)
    kept = [word for word in dict.fromkeys(missing) if word not in words]
    shown = ", ".join(f"'{word}' ({counts[word]:,})" for word in words)
    message += f". By data.missing {shown} is an empty cell; if it is a class, say missing: {kept}"
    others = [cell for cell in counts if cell not in gone]
    frequent = all(counts[word] >= max(2, FREQUENT * len(cells)) for word in words)
    may_be_classes = frequent and "" not in gone and bool(others) and find_numbers(others, (), ".") is None
    return DataError(message, {"missing": kept} if may_be_classes else {})


def _target(wanted: str | None, columns: Sequence[str], file: Path) -> str:
    if wanted is None:
        return columns[-1]
    if wanted not in columns:
        raise DataError(f"{file} has no column '{wanted}' to learn{did_you_mean(wanted, columns)}")
    return wanted


def _require_columns(names: Sequence[str], columns: Sequence[str], file: Path) -> None:
    wrong = next((name for name in names if name not in columns), None)
    if wrong is not None:
        raise DataError(f"{file} has no column '{wrong}'{did_you_mean(wrong, columns)}")
