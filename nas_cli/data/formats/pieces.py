"""Large files in pieces, so that no more than some of each is in memory: tables, lines, what archives hold."""

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
"""A table file of more bytes is read in pieces of so many lines."""
START = 1_000_000
"""Characters in which the header of a table is found."""
LONGEST = 1_000
"""Lines of a cell, at most."""
DOCUMENT = 100_000_000
"""Characters of a document, at most."""


def pieces(path: Path, separator: str, header: bool, encoding: str) -> Iterator[Path]:
    """A table in files of about PIECE lines, with its header each, that are there one at a time; one that is not large
    as it is."""
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
    """Of so many lines or more: a cell in quotation marks that are closed is not cut."""
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
    """The cells of its first line."""
    with opened(path, encoding, str(path)) as file:
        cells = next(csv.reader(io.StringIO(file.readline(1_000_000)), delimiter=separator), [])
    return [cell.strip() for cell in cells]


@contextmanager
def opened(path: Path, encoding: str, shown: str) -> Iterator[TextIO]:
    """A text file, unpacked where it is gzipped. Raises DataError where it cannot be read, also inside."""
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
    """(number, line) of each, without its end. Raises DataError where one has more characters than a document may."""
    with opened(path, encoding, shown) as file:
        number = 0
        while line := file.readline(DOCUMENT + 1):
            number += 1
            if len(line) > DOCUMENT:
                raise DataError(f"{shown}:{number}: a line of more than {DOCUMENT:,} characters")
            yield number, line.rstrip("\r\n")
