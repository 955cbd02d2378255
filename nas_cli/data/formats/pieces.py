"""Reads large files in pieces, so that only a part of each is in memory."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from nas_cli.data.formats.csv_top import lines_above, named_separator
from nas_cli.data.formats.encodings import encoding_of
from nas_cli.data.formats.files import GZIP, first_line, read_bytes, require_file, unreadable
from nas_cli.errors import DataError

AT_ONCE, PIECE = 16_000_000, 10_000
"""A table of more than AT_ONCE bytes is read in pieces of PIECE lines."""
START = 1_000_000
"""The header of a table is looked for in this many characters."""
LONGEST = 1_000
"""Most lines of a cell."""
DOCUMENT = 100_000_000
"""Most characters of a document."""


def pieces(path: Path, separator: str, header: bool, encoding: str) -> Iterator[Path]:
    """Cuts a large table into files of about PIECE lines, each with the header; each exists until the next is asked
    for. A small table is given as it is."""
    start = read_bytes(path, False, len(GZIP))
    if path.stat().st_size <= AT_ONCE and start != GZIP:
        yield path
        return
    with opened(path, encoding, str(path)) as file:
        top = file.read(START)
    mark = named_separator(top)
    excel = [f"sep={mark}"] if mark else []
    above = lines_above(top, mark or separator, header)
    lines = (line for number, line in lines_of(path, encoding, str(path)) if number > above)
    names = next(_blocks((line for line in lines if line.strip()), 1), []) if header else []
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.csv"
        for block in _blocks(lines, PIECE):
            piece.write_text(
                "\n".join([*excel, *names, *block]), encoding="utf-16", newline=""
            )  # it is known by its mark
            yield piece


def _blocks(lines: Iterable[str], least: int) -> Iterator[list[str]]:
    """Blocks of at least `least` lines: a quoted cell is not cut."""
    block: list[str] = []
    quotes = 0
    for line in lines:
        block.append(line)
        quotes += line.count('"')
        if len(block) >= least and (quotes % 2 == 0 or len(block) >= least + LONGEST):
            yield block
            block, quotes = [], 0
    if any(line.strip() for line in block):
        yield block


def first_line_of(path: Path, separator: str, encoding: str) -> list[str]:
    """The cells of the first line of a file."""
    with opened(path, encoding, str(path)) as file:
        cells = next(csv.reader(io.StringIO(file.readline(1_000_000)), delimiter=separator), [])
    return [cell.strip() for cell in cells]


@contextmanager
def opened(path: Path, encoding: str, shown: str) -> Iterator[TextIO]:
    """A text file, unpacked where it is gzipped. Errors of reading, also inside the `with` block, become DataError."""
    require_file(path)
    start = read_bytes(path, False, 4)
    try:
        with gzip.open(path, "rb") if start[:2] == GZIP else path.open("rb") as file:
            raw = cast(BinaryIO, file)
            named = encoding_of(raw.read(4096), encoding)
            raw.seek(0)
            named = "utf-8-sig" if named.lower().replace("_", "-") in ("utf-8", "utf8") else named
            with io.TextIOWrapper(raw, named, newline="") as text:
                yield text
    except LookupError:
        raise DataError(f"encoding is '{encoding}', which is not known; common ones are utf-8 and latin-1") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{shown} is no {encoding} text: it has the byte {error.object[error.start]:#04x}") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{shown} is damaged: {first_line(error)}") from None
    except OSError as error:
        raise unreadable(Path(shown), error) from None


def lines_of(path: Path, encoding: str, shown: str) -> Iterator[tuple[int, str]]:
    """(number, line without its end) of each line. Raises DataError where a line is longer than DOCUMENT."""
    with opened(path, encoding, shown) as file:
        number = 0
        while line := file.readline(DOCUMENT + 1):
            number += 1
            if len(line) > DOCUMENT:
                raise DataError(f"{shown}:{number}: a line of more than {DOCUMENT:,} characters")
            yield number, line.rstrip("\r\n")
