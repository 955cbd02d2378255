"""Tables in CSV files, plain or gzipped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.files import choose_part, decode, read_bytes, require_folder
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.data.table_encoder import TableEncoder, Transform, fit_category, fit_number, is_numeric
from nas_cli.errors import DataError, did_you_mean

PARTS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
EMPTY = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")
SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 20
MANY = 0.5
"""A column of words that has more different ones than this share of the rows names rows rather than groups of them."""
FEW_ROWS = 50

Rows = Array
"""(n, columns) of texts."""


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
) -> Dataset:
    """A CSV file, or a folder of one for train, validation and test each; .gz too.

    `target` is the column to learn, the last one where it is not named. What `numeric`, `categorical` and `ignore` do
    not name is numeric where every cell is a number, and categorical otherwise. Cells of `missing` are empty. Without
    a `header` columns are called 1, 2, …. `transform` makes numbers normally distributed (`quantile`), or gives them
    mean 0 and deviation 1 (`standard`); it is fitted on the training part.
    """
    files = find_tables(path)
    mark = find_separator(files["train"], encoding) if separator == "auto" else separator
    columns, rows = read_table(files["train"], mark, header, encoding=encoding)
    label = _target(target, columns, files["train"])
    _require_columns([*numeric, *categorical, *ignore], columns, files["train"])

    def examples(file: Path, names: Sequence[str], cells: Rows) -> Examples:
        place = list(names).index(label)
        labels = cells[:, place].astype(str)
        gone = np.isin(labels, missing)
        if gone.any():
            raise DataError(f"{file} has {gone.sum():,} rows without a value in the target's column '{label}'")
        order = [list(names).index(name) for name in columns]
        raw = cells[:, order]
        return Examples(str(file), labels, lambda indices: raw[indices])

    def read(file: Path) -> Examples:
        names, cells = read_table(file, mark, header, columns, encoding=encoding)
        return examples(file, names, cells)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, files[part]) if part in files else None

    def elsewhere(place: Path, wanted: str) -> Examples:
        found = find_tables(place, wanted)
        return read(found[choose_part(place, list(found), wanted, path)])

    def fit(raw: Array) -> Encoder:
        file_as = {"separator": mark, "has_header": header, "encoding": encoding}
        return fit_table(raw, columns, label, numeric, categorical, ignore, missing, file_as, transform)

    train = examples(files["train"], columns, rows)
    return Dataset(train, own("validation"), own("test"), elsewhere, inputs="table rows", fit=fit)


def fit_table(
    raw: Rows,
    columns: Sequence[str],
    target: str,
    numeric: Sequence[str],
    categorical: Sequence[str],
    ignore: Sequence[str],
    missing: Sequence[str],
    file_as: Mapping[str, Any],
    transform: Transform,
) -> TableEncoder:
    """Fitted on the rows of the training part; `file_as` is how its file was read. Raises DataError where no column is
    left."""
    numbers, categories, left_out = [], [], []
    for place, name in enumerate(columns):
        cells = raw[:, place]
        if name == target or name in ignore:
            continue
        distinct = len(set(cells))
        named = name in numeric or name in categorical
        if not named and distinct < 2:
            left_out.append(f"{name} (constant)")
        elif name in numeric or (name not in categorical and is_numeric(cells, missing)):
            numbers.append(fit_number(name, cells, missing, transform))
        elif not named and len(cells) >= FEW_ROWS and distinct > MANY * len(cells):
            left_out.append(f"{name} ({distinct:,} different texts in {len(cells):,} rows)")
        else:
            categories.append(fit_category(name, cells, missing))
    if not numbers and not categories:
        raise DataError(f"no column is left to learn '{target}' from: {', '.join(left_out) or 'all are ignored'}")
    notes = [f"target: {target}"]
    notes += [f"numeric columns: {', '.join(column['name'] for column in numbers)}"] if numbers else []
    sizes = [f"{column['name']} ({len(column['words'])})" for column in categories]
    notes += [f"categorical columns and how many categories are known: {', '.join(sizes)}"] if categories else []
    notes += [f"left out: {', '.join(left_out)}; data.categorical takes them in"] if left_out else []
    content = {
        "kind": "table",
        "header": list(columns),
        "numbers": numbers,
        "categories": categories,
        "missing": list(missing),
        **file_as,
        "target": target,
    }
    return TableEncoder(content, read_rows, tuple(notes))


def read_rows(file: str, state: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a file to predict from, as mappings from column to cell. Raises DataError."""
    columns, cells = read_table(
        Path(file), state["separator"], state["has_header"], state["header"], state["target"], state["encoding"]
    )
    return [dict(zip(columns, row, strict=True)) for row in cells]


def find_tables(path: Path, only: str = "train") -> dict[str, Path]:
    """The file of each part at `path`; a path to a single file is the part `only`. Raises DataError."""
    if path.is_file():
        return {only: path}
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    require_folder(path)
    tables = [file for file in sorted(path.iterdir()) if file.name.lower().endswith(ENDINGS) and file.name[0] != "."]
    parts = {}
    for part, words in PARTS.items():
        named = [file for file in tables if file.name.lower().startswith(words)]
        named = named or [file for file in tables if any(word in file.name.lower() for word in words)]
        if len(named) > 1:
            raise DataError(f"{path} has several files for {part}: {', '.join(f.name for f in named)}; name one")
        if named:
            parts[part] = named[0]
    if not parts and len(tables) == 1:
        return {only: tables[0]}
    if only == "train" and "train" not in parts:
        there = ", ".join(f.name for f in tables) or "no CSV file"
        raise DataError(f"{path} has no file with 'train' in its name: there is {there}; name a file with path")
    return parts


def read_table(
    file: Path,
    separator: str,
    header: bool,
    expected: Sequence[str] = (),
    optional: str = "",
    encoding: str = "utf-8",
) -> tuple[list[str], Rows]:
    """Column names and cells, spaces around them taken away. Raises DataError with file and line of a ragged row.

    `expected` are the columns that must be there, in any order; `optional` need not be.
    """
    text = _read(file, encoding)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[list[str]] = []
    columns: list[str] = []
    try:
        for cells in lines:
            if not cells:
                continue
            cells = [cell.strip() for cell in cells]
            if not columns:
                columns = cells if header else [str(k) for k in range(1, len(cells) + 1)]
                if header:
                    continue
            if len(cells) != len(columns):
                what = "the header has" if header else "the first row has"
                raise DataError(f"{file}:{lines.line_num}: {len(cells)} cells, and {what} {len(columns)}")
            rows.append(cells)
    except csv.Error as error:
        raise DataError(f"{file}:{lines.line_num}: {error}") from None
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two columns are called '{twice}'")
    gone = [name for name in expected if name not in columns and name != optional]
    if gone and not header and optional and len(columns) == len(expected) - 1:
        columns, gone = [name for name in expected if name != optional], []
    if gone:
        raise DataError(f"{file} has no column '{gone[0]}'{did_you_mean(gone[0], columns)}")
    if not rows:
        raise DataError(f"{file} has no rows")
    cells_array = np.array(rows, object)
    assert cells_array.ndim == 2
    return columns, cells_array


def column_names(path: Path) -> list[str]:
    """Of the training part at `path`, as its first line has them. Raises DataError."""
    file = find_tables(path)["train"]
    names, _ = read_table(file, find_separator(file, "latin-1"), True, encoding="latin-1")
    return names


def find_separator(file: Path, encoding: str) -> str:
    """The one that divides the first lines into equally many columns, the most."""
    lines = [line for line in _read(file, encoding).split("\n")[:LOOKED_AT] if line.strip()]
    best, most = ",", 1
    for mark in SEPARATORS:
        counts = {len(row) for row in csv.reader(lines, delimiter=mark, skipinitialspace=True)}
        if len(counts) == 1 and max(counts) > most:
            best, most = mark, max(counts)
    return best


def _read(file: Path, encoding: str) -> str:
    return decode(read_bytes(file, file.name.lower().endswith(".gz")), encoding, file)


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
