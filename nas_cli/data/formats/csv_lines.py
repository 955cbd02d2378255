"""Divides the text of a CSV file into rows of cells, where quotation marks may quote a cell or be a part of it.
A regular text, where each line is a row of the same width, is read by Python's `csv`, fast. Other texts are read a line
at a time: a quotation mark that opens a cell and is not closed in its line either belongs to a cell of several lines or
is an ordinary character (inches; sentences cut out of a speech). The lines below decide."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from nas_cli.data.source import Array

csv.field_size_limit(1 << 30)
BLOCK = 4096
"""Rows held as lists at a time: the garbage collector scans lists again and again, but not NumPy arrays."""
SAMPLE = 200
"""The usual width of a row is taken from this many lines."""
LONGEST = 1 << 24
"""Most characters of a cell of several lines."""
SPACES = "\t\v\f\x1c\x1d\x1e\x1f "
COMMENT = "#"

Rows = Array
"""Cells, objects of type str (n, columns)."""


class RaggedRow(Exception):
    """A row of lines `first` to `last` has `found` cells."""

    def __init__(self, first: int, last: int, found: int) -> None:
        super().__init__(first)
        self.first, self.last, self.found = first, last, found


@dataclass
class Cells:
    """`head`: the header or the first row, with its own width; `rows`: the rows below, from line `first` on. `loose`:
    lines in which a quotation mark is read as an ordinary character; `comments`: lines that are passed over."""

    head: list[str] = field(default_factory=list)
    rows: Rows = field(default_factory=lambda: np.empty((0, 0), object))
    first: int = 2
    loose: list[int] = field(default_factory=list)
    comments: list[int] = field(default_factory=list)


def read_cells(text: str, separator: str) -> Cells:
    """The cells of `text`, stripped of spaces. Raises RaggedRow for the first row whose width differs."""
    return _read_fast(text, separator) or _LineByLine(text, separator).read()


def line_of_row(text: str, separator: str, row: int) -> int:
    """The line on which row `row` of `read_cells` begins; row 0 is the header, or the first row."""
    lines = _LineByLine(text, separator)
    lines.read()
    return lines.begins[row]


def first_cells(text: str, separator: str, most: int) -> list[list[str]]:
    """The first rows, at most `most`, of any widths, as far as they can be read."""
    found: list[list[str]] = []
    try:
        for cells in islice((cells for cells in _reader(text, separator) if cells), most):
            found.append([cell.strip() for cell in cells])
    except csv.Error:
        pass
    return found


def _read_fast(text: str, separator: str) -> Cells | None:
    """By Python's `csv`; None where widths differ, a cell spans several lines, or `csv` would misread a quotation
    mark."""
    reader = _reader(text, separator, strict=True)
    trim = _has_loose_spaces(text, separator)
    blocks: list[Rows] = []
    head: list[str] = []
    seen = 0
    try:
        while lines := list(islice(reader, BLOCK)):
            seen += len(lines)
            if seen != reader.line_num:
                return None
            rows = [cells for cells in lines if cells] if [] in lines else lines
            if not head and rows:
                head, rows = [cell.strip() for cell in rows[0]], rows[1:]
            if not rows:
                continue
            if set(map(len, rows)) != {len(head)}:
                return None
            if trim:
                rows = [[cell.strip() for cell in cells] for cells in rows]
            blocks.append(np.array(rows, object))
    except csv.Error:
        return None
    return Cells(head, _joined(blocks, len(head)))


def _has_cells(line: str) -> bool:
    return bool(line.strip()) and line[0] != COMMENT


class _LineByLine:
    def __init__(self, text: str, separator: str) -> None:
        self.lines = list(_lines(text, separator))
        self.separator = separator
        self.found = Cells()
        self.narrow = False  # whether the first row has one cell fewer than the others
        self.begins: list[int] = []  # the lines of the rows

    def read(self) -> Cells:
        blocks: list[Rows] = []
        rows: list[list[str]] = []
        place = 0
        while place < len(self.lines):
            cells, after = self._row(place)
            if cells is not None:
                self.begins.append(place + 1)
            if cells is not None and not self.found.head:
                self.found.head = [cell.strip() for cell in cells]
            elif cells is not None:
                self.found.first = self.found.first if rows or blocks else place + 1
                rows.append([cell.strip() for cell in cells])
            place = after
            if len(rows) == BLOCK:
                blocks.append(np.array(rows, object))
                rows = []
        blocks += [np.array(rows, object)] if rows else []
        self.found.rows = _joined(blocks, self.width)
        return self.found

    @cached_property
    def width(self) -> int:
        """The width of the first row, or one more where all rows below have it: the index has no name, or each row ends
        with a separator."""
        if not self.lines:
            return 1
        first = next((k for k, line in enumerate(self.lines) if _has_cells(line)), 0)
        last = self._closing(first) if self._alone(self.lines[first]) is None else first
        head = self._alone("".join(self.lines[first : last + 1]))
        wide = len(head if head is not None else self._plain(self.lines[first]))
        below = (line for line in self.lines[last + 1 :] if _has_cells(line))
        whole = (line for line in islice(below, SAMPLE) if line.count('"') % 2 == 0)  # whole rows only
        widths = {len(cells) for cells in map(self._alone, whole) if cells is not None}
        self.narrow = widths == {wide + 1}
        return wide + 1 if self.narrow else wide

    def _row(self, place: int) -> tuple[list[str] | None, int]:
        """The cells of the row that begins with line `place` (None where no row does), and the line after it."""
        line = self.lines[place]
        if not line.strip():
            return None, place + 1
        cells = self._alone(line)
        if self._fits(cells):
            return cells, place + 1
        if cells is not None and line[0] == COMMENT:
            self.found.comments.append(place + 1)
            return None, place + 1
        last = place if cells is not None else self._closing(place)
        several = self._of_lines(place, last) if last > place else None
        if several is not None:
            return several, last + 1
        plain = self._plain(line)
        if '"' in line and len(plain) == self.width:
            self.found.loose.append(place + 1)
            return plain, place + 1
        tolerant: list[str] = next(_reader(line, self.separator), [])
        if cells is None and last == place and len(tolerant) == self.width:
            return tolerant, place + 1
        raise RaggedRow(place + 1, last + 1, len(cells if cells is not None else plain))

    def _of_lines(self, first: int, last: int) -> list[str] | None:
        """The cells of a row from line `first` to `last`; None where these are no row, or where each line may be its
        own row.
        """
        lines = self.lines[first : last + 1]
        cells = self._alone("".join(lines))
        if not self._fits(cells):
            return None
        if self.quotes or any(len(self._plain(line)) != self.width for line in lines):
            return cells
        return None

    def _fits(self, cells: list[str] | None) -> bool:
        if cells is None:
            return False
        if len(cells) == self.width:
            return True
        return not self.found.head and self.narrow and len(cells) == self.width - 1  # it may be the head

    def _alone(self, line: str) -> list[str] | None:
        """The cells of a single line; None where a quotation mark is not closed, or text follows a closing one."""
        if '"' not in line:
            return self._plain(line)
        try:
            return next(_reader(line, self.separator, strict=True), [])
        except csv.Error:
            return None

    def _plain(self, line: str) -> list[str]:
        """The cells of a line with quotation marks read as ordinary characters."""
        return line.split() if self.separator == " " else line.rstrip("\r\n").split(self.separator)

    def _closing(self, place: int) -> int:
        """The line that closes the quotation mark left open by line `place`; `place` itself where none is open, the
        last line where it is never closed."""
        if self.lines[place].count('"') % 2 == 0:
            return place
        size = 0
        for later in range(place + 1, len(self.lines)):
            size += len(self.lines[later])
            if self.lines[later].count('"') % 2 or size > LONGEST:
                return later
        return len(self.lines) - 1

    @cached_property
    def quotes(self) -> bool:
        """Whether quotation marks quote cells in this file: some cell needs them, or more lines are well quoted than
        leave a mark open."""
        needed = well = loose = 0
        for line in self.lines:
            if '"' not in line:
                continue
            cells, plain = self._alone(line), self._plain(line)
            if cells is None:
                loose += len(plain) == self.width
            elif len(cells) == self.width:
                needed += len(plain) != self.width
                well += [cell.strip() for cell in plain] != [cell.strip() for cell in cells]
        return needed > 0 or well > loose


def _joined(blocks: list[Rows], width: int) -> Rows:
    return np.concatenate(blocks) if blocks else np.empty((0, width), object)


def _has_loose_spaces(text: str, separator: str) -> bool:
    """Whether a cell may have spaces around it. In texts beyond ASCII there are more kinds of space."""
    if not text.isascii():
        return True
    for space in SPACES:
        if space == separator or space not in text:
            continue
        around = (separator, "\n", "\r", '"')
        if any(space + mark in text or mark + space in text for mark in around):
            return True
        if text[0] == space or text[-1] == space:
            return True
    return False


def _reader(text: str, separator: str, strict: bool = False) -> Any:
    """A `csv.reader`, which has no name as a type."""
    return csv.reader(_lines(text, separator), delimiter=separator, skipinitialspace=True, strict=strict)


def _lines(text: str, separator: str) -> Iterator[str]:
    """The lines with their ends. Only \\n, \\r and \\r\\n end a line, unlike in `splitlines`: cells may hold the other
    marks. Where spaces separate cells, so do tabs, and spaces around a line are dropped."""
    lines = io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogatepass")), "utf-8", "surrogatepass", newline="")
    if separator != " ":
        return lines
    return (line.replace("\t", " ").strip() + "\n" for line in lines)
