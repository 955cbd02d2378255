"""Tables in CSV files: which column is what, and how rows become inputs."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from nas_cli.data.dividers import Dividers
from nas_cli.data.division import Division
from nas_cli.data.formats.csv_file import EMPTY, find_separator, line_of, read_table, require_columns
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.csv_parts import about_parts, find_tables
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

FREQUENT = 0.05
"""A word that may mean an empty cell may be a class where at least this share of the rows has it."""


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
    group: str | None = None,
    time: str | None = None,
    time_format: str | None = None,
) -> Dataset:
    """A CSV file, or a folder of one for train, validation and test each; .gz too.

    `target` is the column to learn, the last one where it is not named. What `numeric`, `categorical` and `ignore` do
    not name is numeric where every cell is a number, and categorical otherwise. Cells of `missing` are empty. Without
    a `header` columns are called 1, 2, …. `transform` makes numbers normally distributed (`quantile`), or gives them
    mean 0 and deviation 1 (`standard`); it is fitted on the training part. `decimal` is the mark before the decimals.
    Rows of one `group`, a column, are held out together, by `time` the newest rows, by both the newest of each group;
    `time_format` is Python's (`%d/%m/%Y`), where times are no numbers, ISO dates or the like. These columns are no
    inputs unless `numeric` or `categorical` names them.
    """
    notes: list[str] = []
    dividers = Dividers.said(group, time, time_format)
    files = find_tables(path)
    if path.is_dir():
        notes += about_parts(path, files)
    mark = find_separator(files["train"], encoding) if separator == "auto" else separator
    form = Form(mark, header, encoding, missing, decimal)
    columns, rows = _read_training(files["train"], form, notes.append)
    target, numeric, categorical, ignore = _in_nfc(target), *map(_all_in_nfc, (numeric, categorical, ignore))
    label = _target(target, columns, dividers.columns, files["train"])
    _require_columns([*numeric, *categorical, *ignore], columns, files["train"])
    dividers.require(files["train"], columns, [label])
    unused = [name for name in dividers.columns if name not in (*numeric, *categorical)]
    if unused:
        notes.append(f"no inputs, since they divide the data: {', '.join(unused)}; data.categorical takes one in")
    counters = _counters(columns, rows) if header else {}
    division = _divided(files["train"], form, columns, rows, dividers)
    parts = Parts(path, files, form, columns, label, dividers, division, notes.append)
    train = parts.examples(files["train"], columns, rows)
    roles = Roles(label, numeric, categorical, [*ignore, *unused], counters)
    training = Training(files["train"], rows, columns, roles, form)
    return Dataset(
        train=replace(train, read=training.take),
        validation=parts.own("validation"),
        test=parts.own("test"),
        elsewhere=parts.elsewhere,
        inputs="table rows",
        fit=lambda raw: training.fit(raw, transform),
        check_test=lambda place: parts.check_test(place, train.labels.tolist()),
        notes=lambda: notes,
        divide=division.divide,
        about_division=division.about,
    )


@dataclass(frozen=True)
class Form:
    """How the files are read."""

    separator: str
    header: bool
    encoding: str
    missing: Sequence[str]
    decimal: str


@dataclass(frozen=True)
class Parts:
    """The files of a table, read with the columns of the one that is trained on. `say` takes notes."""

    path: Path
    files: Mapping[str, Path]
    form: Form
    columns: list[str]
    label: str
    dividers: Dividers
    division: Division
    say: Callable[[str], None]

    def examples(self, file: Path, names: Sequence[str], cells: Rows) -> Examples:
        places = {name: place for place, name in enumerate(names)}
        labels = labels_in(file, self.label, cells[:, places[self.label]], self.form.missing, self.form.decimal)
        in_order = list(names) == self.columns
        raw = cells if in_order else cells[:, [places[name] for name in self.columns]]
        return Examples(str(file), labels, lambda indices: raw[indices])

    def own(self, part: str) -> Callable[[], Examples] | None:
        """How to read a part that lies beside the training part."""
        return partial(self._read, self.files[part], part) if part in self.files else None

    def elsewhere(self, place: Path, wanted: str) -> Examples:
        return self._read(self._file_at(place, wanted), wanted)

    def _file_at(self, place: Path, wanted: str) -> Path:
        found = find_tables(place, wanted)
        return found[choose_part(place, list(found), wanted, self.path)]

    def _read(self, file: Path, part: str) -> Examples:
        form = self.form
        names, cells = read_table(file, form.separator, form.header, self.columns, encoding=form.encoding, say=self.say)
        for note in self.division.about_own(part, file, self.dividers.read_own(names, cells)):
            self.say(note)
        return self.examples(file, names, cells)

    def check_test(self, place: Path | None, learned: Sequence[str]) -> None:
        """`learned` are the labels of the training part. Raises DataError as `require_columns` does."""
        file = self.files["test"] if place is None else self._file_at(place, "test")
        labels = {unicodedata.normalize("NFC", label) for label in set(learned)}
        numbers = any(map(is_number, labels))

        def is_known(text: str) -> bool:
            return text in labels or (numbers and is_number(text, self.form.decimal))

        form = self.form
        require_columns(
            file, self.columns, self.label, form.separator, form.header, form.encoding, form.missing, is_known
        )


class Training:
    """The rows to learn from. The encoder is told which of them were taken, so that it need not look for them."""

    def __init__(self, file: Path, rows: Rows, columns: Sequence[str], roles: Roles, form: Form) -> None:
        self._file = file
        self._rows = rows
        self._columns = columns
        self._roles = roles
        self._form = form
        self._taken: tuple[Array, Array] | None = None

    def take(self, indices: Array) -> Array:
        taken: Array = self._rows[indices]
        self._taken = taken, indices
        return taken

    def fit(self, raw: Array, transform: Transform) -> Encoder:
        """Raises DataError, which names the file."""
        form = self._form
        indices = self._taken[1] if self._taken is not None and self._taken[0] is raw else None
        file_as = {
            "separator": form.separator,
            "has_header": form.header,
            "encoding": form.encoding,
            "decimal": form.decimal,
        }
        whole = Whole(self._rows, indices)
        try:
            return fit_table(raw, whole, self._columns, self._roles, form.missing, file_as, transform)
        except DataError as error:
            raise DataError(f"{self._file}: {error}", error.remedy) from None


def _read_training(file: Path, form: Form, say: Callable[[str], None]) -> tuple[list[str], Rows]:
    """Column names and cells. Raises DataError."""
    columns, rows = read_table(file, form.separator, form.header, encoding=form.encoding, say=say)
    if len(columns) == 1:
        raise DataError(
            f"{file} has one column alone, '{short(columns[0])}', where '{printable(form.separator)}' divides cells: "
            "say separator if another mark does"
        )
    if form.header and looks_like_a_row([columns, *rows[:LOOKED_AT].tolist()]):
        say(f"the first row of {file} looks like the others, and is taken for the header: say header: false")
    return columns, rows


def _counters(columns: Sequence[str], rows: Rows) -> dict[str, str]:
    """The columns that number the rows, each with the reason."""
    reasons = {name: numbers_rows(name, rows[:, place]) for place, name in enumerate(columns)}
    return {name: why for name, why in reasons.items() if why is not None}


def _in_nfc(name: str | None) -> str | None:
    """A name in NFC, as the names of columns are."""
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
    first = min(cells.index(word) for word in gone)
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
    return DataError(message, {"missing": kept} if _may_be_classes(gone, counts) else {})


def _may_be_classes(words: Sequence[str], counts: Counter[str]) -> bool:
    """Whether `words` that may mean empty cells are frequent among words, and no cell is really empty."""
    others = [cell for cell in counts if cell not in words]
    frequent = all(counts[word] >= max(2, FREQUENT * counts.total()) for word in words)
    return frequent and "" not in words and bool(others) and find_numbers(others, (), ".") is None


def _divided(file: Path, form: Form, columns: Sequence[str], rows: Rows, dividers: Dividers) -> Division:
    """Raises DataError."""

    def line(row: int) -> int:
        return line_of(file, form.separator, form.header, row, form.encoding)

    keys = dividers.read(file, columns, rows, form.missing, line)
    return dividers.division(file, keys, form.decimal, line)


def _target(wanted: str | None, columns: Sequence[str], dividers: Sequence[str], file: Path) -> str:
    """The column to learn: `wanted`, else the last column that is not one of `dividers`."""
    if wanted is None:
        return next((name for name in reversed(columns) if name not in dividers), columns[-1])
    if wanted not in columns:
        raise DataError(f"{file} has no column '{wanted}' to learn{did_you_mean(wanted, columns)}")
    return wanted


def _require_columns(names: Sequence[str], columns: Sequence[str], file: Path) -> None:
    wrong = next((name for name in names if name not in columns), None)
    if wrong is not None:
        raise DataError(f"{file} has no column '{wrong}'{did_you_mean(wrong, columns)}")
