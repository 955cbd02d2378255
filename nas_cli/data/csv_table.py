"""Tables in CSV files: which column is what, and how rows become inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas_cli.data.csv_file import Rows, find_separator, find_tables, read_table, require_columns
from nas_cli.data.files import choose_part
from nas_cli.data.portable import as_floats, as_number
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.data.table_encoder import TableEncoder, Transform, find_numbers, fit_category, fit_number, has_commas
from nas_cli.data.targets import decimals_after_comma
from nas_cli.errors import DataError, did_you_mean

EMPTY = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")
MANY = 0.5
"""A column of words that has more different ones than this share of the rows names rows rather than groups of them."""
FEW_ROWS = 50
INDICES = ("column 1", "unnamed: 0", "id", "index", "row", "row_id", "rownames")
"""Names, in lower case, of a first column that numbers the rows where it was written out with them."""


@dataclass(frozen=True)
class Roles:
    """What the columns are for, where the spec says it; `counters` number the rows."""

    target: str
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    ignore: Sequence[str] = ()
    counters: Sequence[str] = ()

    def named(self, column: str) -> bool:
        return column in self.numeric or column in self.categorical


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
    files = find_tables(path)
    mark = find_separator(files["train"], encoding) if separator == "auto" else separator
    columns, rows = read_table(files["train"], mark, header, encoding=encoding)
    label = _target(target, columns, files["train"])
    _require_columns([*numeric, *categorical, *ignore], columns, files["train"])
    counters = [name for place, name in enumerate(columns) if _numbers_rows(name, rows[:, place])] if header else []
    roles = Roles(label, numeric, categorical, ignore, counters)

    def examples(file: Path, names: Sequence[str], cells: Rows) -> Examples:
        labels = _labels(file, label, cells[:, list(names).index(label)], missing, decimal)
        raw = cells if list(names) == columns else cells[:, [list(names).index(name) for name in columns]]
        return Examples(str(file), labels, lambda indices: raw[indices])

    def read(file: Path) -> Examples:
        names, cells = read_table(file, mark, header, columns, encoding=encoding)
        return examples(file, names, cells)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, files[part]) if part in files else None

    def elsewhere(place: Path, wanted: str) -> Examples:
        found = find_tables(place, wanted)
        return read(found[choose_part(place, list(found), wanted, path)])

    def check_test(place: Path | None) -> None:
        found = files if place is None else find_tables(place, "test")
        file = found["test" if place is None else choose_part(place, list(found), "test", path)]
        require_columns(file, columns if header else len(columns), label, mark, encoding)

    def fit(raw: Array) -> Encoder:
        file_as = {"separator": mark, "has_header": header, "encoding": encoding, "decimal": decimal}
        try:
            return fit_table(raw, columns, roles, missing, file_as, transform)
        except DataError as error:
            raise DataError(f"{files['train']}: {error}", error.remedy) from None

    train = examples(files["train"], columns, rows)
    return Dataset(
        train, own("validation"), own("test"), elsewhere, inputs="table rows", fit=fit, check_test=check_test
    )


def fit_table(
    raw: Rows,
    columns: Sequence[str],
    roles: Roles,
    missing: Sequence[str],
    file_as: Mapping[str, Any],
    transform: Transform,
) -> TableEncoder:
    """Fitted on the rows of the training part; `file_as` is how its file was read. Raises DataError where no column is
    left, and where a column's numbers have commas of which it is not said what they mean."""
    decimal = file_as["decimal"]
    numbers, categories, left_out = [], [], []
    for place, name in enumerate(columns):
        if name == roles.target or name in roles.ignore:
            continue
        cells, named = raw[:, place].tolist(), roles.named(name)
        if name in roles.numeric:
            found: Array | None = _as_said(cells, missing, name, decimal)
        else:
            found = None if named else find_numbers(cells, missing, decimal)
        if not named and all(cell == cells[0] for cell in cells):
            left_out.append(f"{name} (constant)")
        elif not named and name in roles.counters:
            left_out.append(f"{name} (numbers the rows)")
        elif found is not None:
            numbers.append(fit_number(name, found, transform))
        elif named or (count := _groups(name, cells, missing, decimal)) is None:
            categories.append(fit_category(name, cells, missing))
        else:
            left_out.append(f"{name} ({count:,} different texts in {len(cells):,} rows)")
    if not numbers and not categories:
        why = "there is no other column" if len(columns) == 1 else ", ".join(left_out) or "all are ignored"
        raise DataError(f"no column is left to learn '{roles.target}' from: {why}")
    notes = [f"target: {roles.target}"]
    notes += [f"numeric columns: {', '.join(column['name'] for column in numbers)}"] if numbers else []
    sizes = [f"{column['name']} ({len(column['words'])})" for column in categories]
    notes += [f"categorical columns and how many categories are known: {', '.join(sizes)}"] if categories else []
    notes += [f"left out: {', '.join(left_out)}; data.numeric or data.categorical takes one in"] if left_out else []
    content = {
        "kind": "table",
        "header": list(columns),
        "numbers": numbers,
        "categories": categories,
        "missing": list(missing),
        **file_as,
        "target": roles.target,
    }
    return TableEncoder(content, read_rows, tuple(notes))


def _groups(name: str, cells: Sequence[str], missing: Sequence[str], decimal: str) -> int | None:
    """None for a column of words that divides the rows into groups; how many there are where nearly each row has its
    own. Raises DataError where they are numbers with commas."""
    cell = has_commas(cells, missing)
    if cell is not None:
        raise DataError(_commas(name, cell, decimal), decimals_after_comma(cell) if decimal == "." else {})
    count = len(set(cells))
    return count if len(cells) >= FEW_ROWS and count > MANY * len(cells) else None


def read_rows(file: str, state: Mapping[str, Any]) -> Rows:
    """The rows of a file to predict from, in the columns of `state["header"]`; a target that it lacks is empty. Raises
    DataError."""
    header = state["header"]
    columns, cells = read_table(
        Path(file), state["separator"], state["has_header"], header, state["target"], state["encoding"]
    )
    empty = np.full(len(cells), "", object)
    return np.stack([cells[:, columns.index(name)] if name in columns else empty for name in header], axis=1)


def _labels(file: Path, target: str, cells: Array, missing: Sequence[str], decimal: str) -> Array:
    """The target's column as texts; numbers with a decimal comma get a point. Raises DataError where one is empty."""
    gone = np.flatnonzero(np.isin(cells.astype(str), missing))
    if len(gone):
        rows = "1 row" if len(gone) == 1 else f"{len(gone):,} rows"
        raise DataError(
            f"{file} has {rows} without a value in the target's column '{target}', the first is row {gone[0] + 1:,}: "
            "fill it in or take it out"
        )
    if decimal == "," and find_numbers(cells.tolist(), missing, decimal) is not None:
        return np.array([f"{as_number(cell, decimal):.15g}" for cell in cells])
    return cells.astype(str)


def _as_said(cells: Sequence[str], missing: Sequence[str], name: str, decimal: str) -> Array:
    try:
        return as_floats(cells, set(missing), name, decimal)
    except ValueError as error:
        raise DataError(f"{error}: list it under data.missing, or the column under data.categorical") from None


def _commas(name: str, cell: str, decimal: str) -> str:
    meaning = "say decimal: ',' where a comma stands before the decimals, or " if decimal == "." else ""
    return (
        f"column '{name}' has numbers with commas, such as '{cell}': {meaning}write them without, or list the column "
        "under data.categorical or data.ignore"
    )


def _numbers_rows(name: str, cells: Array) -> bool:
    """Whether they are 0, 1, 2, … or 1, 2, 3, … under no name or an index's, of which nothing can be learned."""
    if name.lower() not in INDICES or cells[0] not in ("0", "1"):
        return False
    return all(cell == str(k) for k, cell in enumerate(cells, int(cells[0])))


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
