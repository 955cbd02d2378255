"""CSV files, plain or gzipped: their columns and cells, as they stand there."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.files import GZIP, decode, encoding_of, read_bytes, require_file, require_folder
from nas_cli.data.source import Array
from nas_cli.errors import DataError, did_you_mean

PARTS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT, START = 20, 2**20
"""Rows, and bytes at most, that the separator is found from."""
BLOCK = 4096
"""Rows that are lists at a time: Python looks through all of its lists again and again, but not into arrays."""

Rows = Array
"""(n, columns) of texts."""


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

    `expected` are the columns that must be there, in any order; `optional` need not be. A column without a name is
    called by its place; a last one with neither a name nor a cell comes of a separator at the end of each line, and is
    none.
    """
    columns: list[str] = []
    blocks: list[Rows] = []
    rows: list[list[str]] = []
    width, before = 0, 0
    lines = _reader(decode(_read(file), encoding, file), separator)
    try:
        for cells in lines:
            if cells:
                if not width:
                    columns = [name.strip() for name in cells] if header else [""] * len(cells)
                    width = len(cells)
                    if header:
                        before = lines.line_num
                        continue
                if len(cells) != width:
                    raise _ragged(file, before + 1, lines.line_num, len(cells), width, header)
                rows.append([cell.strip() for cell in cells])
                if len(rows) == BLOCK:
                    blocks.append(np.array(rows, object))
                    rows = []
            before = lines.line_num
    except csv.Error as error:
        raise DataError(f"{file}:{lines.line_num}: {error}") from None
    blocks += [np.array(rows, object)] if rows else []
    if not blocks:
        raise DataError(f"{file} has no rows" + (" below its header" if columns else ""))
    table = np.concatenate(blocks)
    assert table.ndim == 2
    if header and len(columns) > 1 and columns[-1] == "" and not any(table[:, -1]):
        columns, table = columns[:-1], table[:, :-1]
    columns = _named(columns, header)
    twice = next((name for name, count in Counter(columns).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two columns are called '{twice}': give one of them another name")
    gone = [name for name in expected if name not in columns and name != optional]
    if gone and not header and optional and len(columns) == len(expected) - 1:
        columns, gone = [name for name in expected if name != optional], []
    if gone:
        raise DataError(f"{file} has no column '{gone[0]}'{did_you_mean(gone[0], columns)}")
    return columns, table


def require_columns(file: Path, columns: Sequence[str] | int, target: str, separator: str, encoding: str) -> None:
    """Raises DataError where the first rows of `file` show that it lacks one of `columns`, or that many without a
    header, or has no value in the column `target`: it cannot be evaluated. No more of it is read."""
    raw = _read(file, START)
    rows = _first(raw.decode(encoding_of(raw, encoding), "replace").removeprefix("\ufeff"), separator)
    if not rows or (len(rows) < 2 and not isinstance(columns, int)):
        raise DataError(f"{file} has no rows")
    if isinstance(columns, int):
        if len(rows[0]) != columns:
            raise DataError(f"{file} has {len(rows[0])} columns, and the training part {columns}")
        return
    names = _named(rows[0], True)
    if target not in names:
        raise DataError(f"{file} has no column '{target}', which is what is learned{did_you_mean(target, names)}")
    gone = next((name for name in columns if name not in names), None)
    if gone is not None:
        raise DataError(f"{file} has no column '{gone}'{did_you_mean(gone, names)}")
    place = names.index(target)
    if all(len(row) > place and not row[place] for row in rows[1:]):
        raise DataError(f"{file} has no value in the column '{target}', which is what is learned")


def find_separator(file: Path, encoding: str) -> str:
    """The one that divides the first rows into equally many cells, the most."""
    return first_rows(file, encoding)[0]


def first_rows(file: Path, encoding: str) -> tuple[str, list[list[str]]]:
    """The separator and the first rows, the header among them; without a look at the rest of the file.

    Raises DataError where it cannot be read.
    """
    raw = _read(file, START)
    try:
        text = raw.decode(encoding_of(raw, encoding), "replace").removeprefix("\ufeff")
    except LookupError:
        text = decode(raw, encoding, file)
    best: tuple[float, int, str, list[list[str]]] = (0.0, 1, ",", _first(text, ","))
    for mark in SEPARATORS:
        rows = _first(text, mark)
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        if width > 1 and (count / len(rows), width) > best[:2]:
            best = (count / len(rows), width, mark, rows)
    return best[2], best[3]


def _first(text: str, separator: str) -> list[list[str]]:
    """As many rows as can be read."""
    found: list[list[str]] = []
    try:
        for cells in islice((cells for cells in _reader(text, separator) if cells), LOOKED_AT):
            found.append([cell.strip() for cell in cells])
    except csv.Error:
        pass
    return found


def _reader(text: str, separator: str) -> Any:
    """A `csv.reader`, which has no name as a type."""
    return csv.reader(_lines(text), delimiter=separator, skipinitialspace=True)


def _lines(text: str) -> Iterator[str]:
    """With their ends. No other mark ends a line, as some would for `splitlines`: cells may hold those."""
    yield from io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogatepass")), "utf-8", "surrogatepass", newline="")


def _read(file: Path, limit: int | None = None) -> bytes:
    """The content, unpacked where the file is gzipped, whatever its name says."""
    require_file(file)
    start = read_bytes(file, False, len(GZIP))
    return read_bytes(file, start == GZIP or file.name.lower().endswith(".gz"), limit)


def _ragged(file: Path, first: int, last: int, found: int, width: int, header: bool) -> DataError:
    cells = f"{found} cell{'s' if found != 1 else ''}"
    message = f"{file}:{first}: {cells}, and the {'header' if header else 'first row'} has {width}"
    if last > first:
        message += f"; by its quotation marks this row goes on until line {last}: perhaps one is not closed"
    return DataError(message)


def _named(columns: Sequence[str], header: bool) -> list[str]:
    """Those without a name by their place."""
    return [name or (f"column {place}" if header else str(place)) for place, name in enumerate(columns, 1)]
