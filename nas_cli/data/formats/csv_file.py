"""Reads CSV files, plain or gzipped, into column names and cells of text."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nas_cli.data.formats.csv_lines import Cells, RaggedRow, Rows, first_cells, line_of_row, read_cells
from nas_cli.data.formats.csv_top import LOOKED_AT, named_separator, without_top
from nas_cli.data.formats.encodings import MOST_NAMED, Say, decode, glimpse
from nas_cli.data.formats.files import GZIP, read_bytes, require_file
from nas_cli.data.formats.foreign import require_text
from nas_cli.errors import DataError, did_you_mean
from nas_cli.registry import short

PARTS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
EMPTY = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "-", ".")
"""Texts that stand for an empty cell."""
SEPARATORS = (",", ";", "\t", "|")
RARE_SEPARATORS = (" ", ":", "^", "~", "\x01")
"""Separators that usually are a part of cells: tried where no other divides the rows."""
START = 2**20
"""The separator is guessed from at most this many bytes."""
DECIMAL_COMMA = re.compile(r"[+-]?[0-9.]*,[0-9]+")


def read_table(
    file: Path,
    separator: str,
    header: bool,
    expected: Sequence[str] = (),
    optional: str = "",
    encoding: str = "utf-8",
    say: Say | None = None,
    raw: bytes | None = None,
) -> tuple[list[str], Rows]:
    """Column names, in Unicode's NFC, and cells, stripped of spaces. Raises DataError with file and line of a ragged
    row.

    `expected` are required columns, in any order; the column `optional` may be missing. An unnamed column is named by
    its place; a last one without name and cells, from a separator at the end of each line, is dropped. `say` is told
    what was guessed and passed over. `raw` is the content of a file in a zip, which `file` names."""
    require_separator(separator)
    say = say or _unsaid
    text = decode(read_file(file, encoding, None, raw), encoding, file, say)
    _require_no_zeros(file, text)
    separator = named_separator(text) or separator
    text, comments = without_top(text, separator, header)
    try:
        found = read_cells(text, separator)
    except RaggedRow as error:
        raise _ragged(file, error, len(first_cells(text, separator, 1)[0]), header) from None
    del text
    found.comments = sorted([*comments, *found.comments])
    _say_of_lines(file, found, say)
    columns, table = _divided(file, found, header, say)
    _require_names_once(file, columns)
    wanted = [name for name in expected if name != optional]
    gone = next((name for name in wanted if name not in columns), None)
    if gone is None:
        return columns, table
    if not header and optional and len(columns) == len(expected) - 1:
        return wanted, table
    other = f"; a row is one cell where '{separator}' divides them" if len(columns) == 1 < len(expected) else ""
    raise DataError(f"{file} has no column '{gone}'{other or did_you_mean(gone, columns)}")


def line_of(
    file: Path, separator: str, header: bool, row: int, encoding: str = "utf-8", raw: bytes | None = None
) -> int:
    """The line, counted from 1, on which row `row` of `read_table`, counted from 0, begins. Reads the file again."""
    text = decode(read_file(file, encoding, None, raw), encoding, file, _unsaid)
    separator = named_separator(text) or separator
    return line_of_row(without_top(text, separator, header)[0], separator, row + header)


def _require_names_once(file: Path, columns: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(columns).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two columns are called '{twice}': give one of them another name")


def _require_no_zeros(file: Path, text: str) -> None:
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{file}:{line}: there is a zero byte, which no text has: the file is damaged, or no table")


def _unsaid(text: str) -> None:
    """Says nothing: for files to predict, where each answer names its row."""


def _divided(file: Path, found: Cells, header: bool, say: Say) -> tuple[list[str], Rows]:
    """The names of the columns, and the rows."""
    head, table = found.head, found.rows
    if not header:
        if not head:
            raise DataError(f"{file} has no rows")
        if len(table) and table.shape[1] != len(head):
            raise _ragged(file, RaggedRow(1, 1, len(head)), table.shape[1], header)
        whole = np.empty((len(table) + 1, len(head)), object)
        whole[0], whole[1:] = head, table
        return named(head, False), whole
    if not len(table):
        raise DataError(f"{file} has no rows" + (" below its header" if head else ""))
    if table.shape[1] == len(head) + 1:
        index = table[:, 0].tolist()
        if not any(table[:, -1]):
            table = table[:, :-1]
        elif len(set(index)) == len(index) and all(cell.isdecimal() for cell in index):
            say(
                f"the header of {file} has a name less than its rows have cells: the first column is taken for an index"
            )
            head = ["", *head]
        else:
            raise _ragged(file, RaggedRow(found.first, found.first, table.shape[1]), len(head), header)
    elif len(head) > 1 and head[-1] == "" and not any(table[:, -1]):
        head, table = head[:-1], table[:, :-1]
    return named(head, True), table


def require_columns(
    file: Path,
    columns: Sequence[str],
    target: str,
    separator: str,
    header: bool,
    encoding: str,
    missing: Sequence[str],
    is_known: Callable[[str], bool],
) -> None:
    """Raises DataError where the first rows of `file` show that it cannot be evaluated: one of `columns` is missing, or
    a value of `target` is empty or unknown. Only the first rows are read."""
    rows = _rows_at_start(_start(file, encoding), separator)
    if len(rows) < 1 + header:
        raise DataError(f"{file} has no rows")
    if not header and len(rows[0]) != len(columns):
        raise DataError(f"{file} has {len(rows[0])} columns, and the training part {len(columns)}")
    names = named(["", *rows[0]] if header and len(rows[0]) == len(rows[1]) - 1 else rows[0], header)
    if target not in names:
        raise DataError(f"{file} has no column '{target}', which is what is learned{did_you_mean(target, names)}")
    gone = next((name for name in columns if name not in names), None)
    if gone is not None:
        raise DataError(f"{file} has no column '{gone}'{did_you_mean(gone, names)}")
    place = names.index(target)
    labels = [unicodedata.normalize("NFC", row[place]) for row in rows[header:] if len(row) > place]
    _require_labels(file, labels, target, missing, is_known)


def _require_labels(
    file: Path, labels: Sequence[str], target: str, missing: Sequence[str], is_known: Callable[[str], bool]
) -> None:
    """Raises DataError where a label of the first rows is empty or unknown."""
    empty = [row for row, label in enumerate(labels, 1) if not label or label in missing]
    if empty:
        which = "no value" if len(empty) == len(labels) else f"rows without a value, row {empty[0]:,} say,"
        raise DataError(f"{file} has {which} in the column '{target}', which is what is learned")
    wrong = next((label for label in labels if not is_known(label)), None)
    if wrong is not None:
        raise DataError(f"{file} has the label '{short(wrong)}', which the training part does not have")


def find_separator(file: Path, encoding: str) -> str:
    """The separator that divides the first rows into the most cells, equally many in each row."""
    return first_rows(file, encoding)[0]


def first_rows(file: Path, encoding: str, raw: bytes | None = None) -> tuple[str, list[list[str]]]:
    """The separator and the first rows, header included; the rest of the file is not read.
    Raises DataError where the file cannot be read.
    """
    whole = _start(file, encoding, raw)
    said = named_separator(whole)
    if said is not None:
        return said, _rows_at_start(whole, said)
    text = _without_comments(whole) or whole
    found = [_divide(text, mark) for mark in SEPARATORS]
    best = max(found, key=lambda each: each[0])
    if best[0][0] < 0.5 or _are_decimals(best[2], best[1]):
        rare = max((_divide(text, mark) for mark in RARE_SEPARATORS), key=lambda each: each[0])
        if rare[0][0] > 0.9:
            best = rare
    if not best[0][0]:
        return ",", first_cells(text, ",", LOOKED_AT)
    return best[1], _rows_at_start(whole, best[1])


def _start(file: Path, encoding: str, raw: bytes | None = None) -> str:
    """The first lines of the file."""
    raw = read_file(file, encoding, START, raw)
    text = glimpse(raw, encoding)
    return text[: text.rfind("\n") + 1] or text if len(raw) == START else text


def _rows_at_start(text: str, separator: str) -> list[list[str]]:
    """The header, where there is one, and the first rows, without comments."""
    text = without_top(text, separator, True)[0]
    first, rows = first_cells(text, separator, 1), first_cells(_without_comments(text), separator, LOOKED_AT)
    if first and rows and first[0] != rows[0] and len(first[0]) == len(rows[0]):
        return [*first, *rows]  # a header whose first name begins with #
    return rows or first


def _without_comments(text: str) -> str:
    """`text` without the lines that begin with #, except inside a quoted cell."""
    kept, quoted = [], False
    for line in io.StringIO(text, newline=""):
        if quoted or line[0] != "#":
            kept.append(line)
            quoted ^= line.count('"') % 2 == 1
    return "".join(kept)


def _divide(text: str, mark: str) -> tuple[tuple[float, float, int], str, list[list[str]]]:
    """How well the separator `mark` divides the first rows: the share of rows with the usual number of cells, the share
    of cells that hold no other separator, and the number of cells; then `mark` and the rows."""
    rows = first_cells(text, mark, LOOKED_AT)
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < 2:
        return (0.0, 0.0, 0), mark, rows
    cells = [cell for row in rows for cell in row]
    others = [other for other in SEPARATORS if other != mark]
    whole = sum(not any(o in cell for o in others) or bool(DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    return (round(count / len(rows), 2), round(whole / len(cells), 1), width), mark, rows


def _are_decimals(rows: list[list[str]], mark: str) -> bool:
    """Whether commas stand in numbers that are divided by spaces: 1,5 2,5 or 1,5 2,5 a."""
    if mark != "," or len(rows) < 2:
        return False
    for row in rows[1:]:
        words = ",".join(row).split()
        numbers = [word for word in words if "," in word]
        if len(words) < 2 or not all(map(DECIMAL_COMMA.fullmatch, numbers)) or len(numbers) < min(2, len(words)):
            return False
    return True


def require_separator(separator: str) -> None:
    if len(separator) != 1 or separator in '"\r\n\0':
        hint = ': for a tab write "\\t", with double quotes' if separator in ("\\t", "tab") else ""
        raise DataError(f"separator takes auto or one character, such as ','; got '{separator}'{hint}")


def read_file(file: Path, encoding: str, limit: int | None = None, raw: bytes | None = None) -> bytes:
    """The content of the file, or `raw` where given, unpacked where it is gzipped, whatever the file's name. Raises
    DataError where it cannot be read, and where it is another program's format."""
    if raw is None:
        require_file(file)
        start = read_bytes(file, False, len(GZIP))
        raw = read_bytes(file, start == GZIP or file.name.lower().endswith(".gz"), limit)
    raw = raw[:limit]
    require_text(raw[:START], file, encoding)
    return raw


def _say_of_lines(file: Path, found: Cells, say: Say) -> None:
    if found.loose:
        say(
            f"a quotation mark opens a cell of {file} and is not closed{_places(found.loose)}: it is read as a "
            "character like others"
        )
    if found.comments:
        say(f"lines of {file} that begin with # and are no rows are passed over{_places(found.comments)}")


def _places(lines: Sequence[int]) -> str:
    shown = ", ".join(str(line) for line in lines[:MOST_NAMED]) + (", …" if len(lines) > MOST_NAMED else "")
    return f" in {len(lines):,} line{'s' if len(lines) > 1 else ''} ({shown})"


def _ragged(file: Path, error: RaggedRow, width: int, header: bool) -> DataError:
    cells = f"{error.found} cell{'s' if error.found != 1 else ''}"
    message = f"{file}:{error.first}: {cells}, and the {'header' if header else 'first row'} has {width}"
    if header and width == 1:
        message += "; perhaps a title stands above the header: take it away, or begin it with #"
    if error.last > error.first:
        message += f"; by its quotation marks this row goes on until line {error.last}: perhaps one is not closed"
    return DataError(message)


def named(columns: Sequence[str], header: bool) -> list[str]:
    """Column names in NFC, so that é is one letter however it is encoded; unnamed columns are named by their place."""
    if not header:
        return [str(place) for place in range(1, len(columns) + 1)]
    names = [unicodedata.normalize("NFC", name) for name in columns]
    return [name or f"column {place}" for place, name in enumerate(names, 1)]
