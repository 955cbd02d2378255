"""The columns of a table by which its rows are divided: `group`, `time` and `time_format` of the `data:` section."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from nas_cli.data.division import Division, Keys
from nas_cli.data.formats.archives import File
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.folders import Place
from nas_cli.data.formats.moments import NoOrder, find_moments
from nas_cli.data.formats.name_groups import groups_by_name, is_pattern, known_groups, place_of
from nas_cli.data.source import Array
from nas_cli.errors import DataError, did_you_mean
from nas_cli.registry import short

EXAMPLE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
Line = Callable[[int], int]
"""Maps a row, counted from 0, to the line of the file on which it begins, counted from 1."""


@dataclass(frozen=True)
class Dividers:
    """The names of the columns, and `form`, the format of times; None for those that the spec does not set.
    In place of a column of groups there may be a `pattern` that finds the group in a file's name.
    """

    group: str | None = None
    time: str | None = None
    form: str | None = None
    pattern: str | None = None

    @classmethod
    def said(cls, group: str | None, time: str | None, form: str | None, names: bool = False) -> Dividers:
        """From the keys of the spec. `names`: rows name files. Raises DataError where the keys contradict each
        other."""
        if form is not None and time is None:
            raise DataError("time_format says how the column of times is written, and time names none")
        if form is not None:
            _require_format(form)
        if names and group is not None and is_pattern(group):
            return cls(None, _called(time), form, group)
        own = cls(_called(group), _called(time), form)
        if group is not None and own.group == own.time:
            raise DataError(f"group and time are both '{group}', and a group has examples of several moments")
        return own

    @property
    def columns(self) -> list[str]:
        return [name for name in (self.group, self.time) if name is not None]

    def require(self, file: Path, columns: Sequence[str], learned: Collection[str]) -> None:
        """Raises DataError where one of these columns is missing in `file`, or is a target (`learned`)."""
        for key, name in (("group", self.group), ("time", self.time)):
            if name is not None and name not in columns:
                raise DataError(f"{file} has no column '{name}' to divide by ({key}){did_you_mean(name, columns)}")
            if name is not None and name in learned:
                raise DataError(f"{key} is '{name}', the column of {file} that is learned: target names another")

    def read(
        self,
        file: Path,
        columns: Sequence[str],
        rows: Rows,
        missing: Collection[str],
        line: Line,
        files: Sequence[File] = (),
    ) -> Keys:
        """The keys of the rows of the table `file`, which may name `files`. Raises DataError, with file and line, where
        a cell is empty."""
        found = []
        for name in (self.group, self.time):
            cells = None if name is None else rows[:, list(columns).index(name)]
            if name is not None and cells is not None:
                _require_filled(file, name, cells.tolist(), missing, line)
            found.append(cells)
        groups, times = found
        if self.pattern is not None:
            return Keys(groups_by_name(self.pattern, list(map(place_of, files))), times)
        return Keys(None if groups is None else _in_nfc(groups), times)

    def read_own(self, columns: Sequence[str], rows: Rows, files: Sequence[File] = ()) -> Keys:
        """Like `read`, for a part with a file of its own, which is not divided: columns and cells may be missing."""
        places = {name: place for place, name in enumerate(columns)}
        groups = _in_nfc(rows[:, places[self.group]]) if self.group in places else None
        if self.pattern is not None:
            groups = known_groups(self.pattern, list(map(place_of, files)))
        return Keys(groups, rows[:, places[self.time]] if self.time in places else None)

    def division(self, file: Path, keys: Keys, decimal: str, line: Line) -> Division:
        """The division of the training part in `file`. Raises DataError, with file and line, where its times cannot be
        ordered."""
        group = self.pattern or self.group
        if keys.times is None:
            return Division(keys, group)
        try:
            moments = find_moments(keys.times.tolist(), self.form, decimal)
        except NoOrder as error:
            cell = short(str(keys.times[error.row]))
            raise DataError(f"{file}:{line(error.row)}: '{cell}' in the column '{self.time}' {error.why}") from None
        return Division(keys, group, self.time, moments)


def by_names(pattern: str | None, places: Sequence[Place]) -> Division:
    """The division of a training part whose files lie at `places`; without a `pattern`, it divides nothing. Raises
    DataError."""
    return Division() if pattern is None else Division(Keys(groups_by_name(pattern, places)), pattern)


def names_own(pattern: str | None, places: Sequence[Place]) -> Keys:
    """The groups of a part with files of its own, at `places`."""
    return Keys() if pattern is None else Keys(known_groups(pattern, places))


def _called(name: str | None) -> str | None:
    """A column's name in NFC, the form that the names in a file have."""
    return None if name is None else unicodedata.normalize("NFC", name)


def _require_format(form: str) -> None:
    try:
        datetime.strptime(EXAMPLE.strftime(form), form)
    except (ValueError, re.error) as error:
        raise DataError(
            f"time_format is '{short(form)}', and takes signs of Python's strptime, as in %d/%m/%Y %H:%M:%S: {error}"
        ) from None


def _require_filled(file: Path, name: str, cells: list[str], missing: Collection[str], line: Line) -> None:
    gone = [row for row, cell in enumerate(cells) if not cell or cell in missing]
    if not gone:
        return
    cell = cells[gone[0]]
    word = f": '{short(cell)}' is an empty cell by data.missing" if cell else ""
    others = f", and {len(gone) - 1:,} others have none either" if len(gone) > 1 else ""
    raise DataError(
        f"{file}:{line(gone[0])}: the row has no value in the column '{name}', by which the data is divided{word}"
        f"{others}; fill it in or take it out"
    )


def _in_nfc(cells: Array) -> Array:
    """Cells in NFC: a name is one group, however its letters are encoded."""
    found = cells.tolist()
    if all(map(str.isascii, found)):
        return cells
    return np.array([unicodedata.normalize("NFC", cell) for cell in found], object)
