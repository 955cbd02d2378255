"""Which columns of a table of pictures are which: the files, what is learned, and whether the first row names them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nas_cli.data.formats.csv_file import first_rows, named
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.csv_top import looks_like_a_row
from nas_cli.data.formats.encodings import Say
from nas_cli.data.formats.file_tables import FileTable, find_file_tables
from nas_cli.data.formats.folders import PassedOver
from nas_cli.data.formats.named_files import NamedFiles, has_picture_ending
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.sources.columns import are_numbers
from nas_cli.data.sources.dividing import dividing_lines
from nas_cli.errors import DataError, did_you_mean

LOOKED_AT = 20
"""The column of files is guessed from so many rows."""


@sniff("image-table", inputs="images", targets=("number", "class"), expects="a table that names pictures")
def table_at(path: Path, table: str | None = None, encoding: str = "utf-8") -> Found | None:
    """By the endings of names in its first rows; the column that is learned says whether there are numbers."""
    first = find_file_tables(path, table, PassedOver())["train"]
    _, top = first_rows(first.path, encoding, first.raw)
    if not top:
        return None
    header = not is_example(top)
    columns = named(top[0], header)
    body = [row for row in top[int(header) :] if len(row) == len(columns)]
    rows = np.array(body, object).reshape(-1, len(columns))
    pictures = columns_with(has_picture_ending, columns, rows)
    others = [name for name in columns if name not in pictures]
    if not pictures or not others:
        return Found(0.0)
    target = others[-1]
    sure = 0.8 if path.is_dir() else 0.9
    lines = dividing_lines(columns, body, [target, *pictures])
    if are_numbers(rows[:, columns.index(target)].tolist()):
        return Found(sure, "number", f"the column '{target}' has many different numbers", lines=lines)
    return Found(sure, "class", f"the column '{target}' looks like classes", lines=lines)


def is_example(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is an example rather than a header: it is like the other rows, or names a picture."""
    return bool(rows) and (any(map(has_picture_ending, rows[0])) or looks_like_a_row(rows))


def has_header(table: FileTable, rows: Sequence[Sequence[str]], say: Say) -> bool:
    """Whether the first row is a header."""
    if is_example(rows):
        say(
            f"the first row of {table.path} is taken for an example, since it looks like the others; header: true says "
            "that it has names"
        )
        return False
    return True


def image_column(
    table: FileTable, columns: Sequence[str], rows: Rows, said: str | None, files: NamedFiles, say: Say
) -> str:
    """The column of the files. Raises DataError where none names any, or several do."""
    if said is not None:
        said = unicodedata.normalize("NFC", said)
        if said not in columns:
            raise DataError(f"{table.path} has no column '{said}' of images{did_you_mean(said, columns)}")
        return said
    found = _columns_of_files(columns, rows, files)
    if len(found) == 1:
        say(f"pictures are those in the column '{found[0]}' of {table.path}: image names another")
        return found[0]
    if found:
        raise DataError(
            f"{table.path} has several columns of images, {', '.join(found)}: say which with image: {found[0]}",
            {"image": found[0]},
        )
    raise DataError(
        f"no column of {table.path} names pictures that are below {files.folder}; there are {', '.join(columns)}: say "
        "image: COLUMN, and images: FOLDER where the pictures lie elsewhere"
    )


def _columns_of_files(columns: Sequence[str], rows: Rows, files: NamedFiles) -> list[str]:
    """The columns with endings of pictures, else those whose cells are names of existing files."""
    by_ending = columns_with(has_picture_ending, columns, rows)
    return by_ending or columns_with(NamedFiles(files.folder, files.packed).find, columns, rows)


def columns_with(is_one: Callable[[str], object], columns: Sequence[str], rows: Rows) -> list[str]:
    """The columns in which most of the first cells satisfy `is_one`."""
    found = []
    for place, name in enumerate(columns):
        cells = [cell for cell in rows[:LOOKED_AT, place].tolist() if cell]
        if sum(bool(is_one(cell)) for cell in cells) > len(cells) / 2:
            found.append(name)
    return found


def target_columns(
    table: FileTable, columns: Sequence[str], taken: Sequence[str], said: str | list[str] | None, rows: Rows, say: Say
) -> tuple[str, ...]:
    """The columns to learn; `taken` are the column of images, then the columns of groups and times."""
    if said is None:
        others = [name for name in columns if name not in taken]
        free = [name for name in others if not any(map(has_picture_ending, rows[:LOOKED_AT, columns.index(name)]))]
        if not free:
            raise DataError(f"{table.path} has no column to learn beside those of images: {', '.join(columns)}")
        if len(free) > 1:
            say(
                f"what is learned is '{free[-1]}', the last column of {table.path}, and not {', '.join(free[:-1])}: "
                "target takes one, or a list"
            )
        return (free[-1],)
    names = [said] if isinstance(said, str) else said
    wanted = [unicodedata.normalize("NFC", name) for name in names]
    if not wanted:
        raise DataError(f"target is an empty list: it takes columns of {table.path}{did_you_mean('', columns)}")
    for name in wanted:
        if name not in columns:
            raise DataError(f"{table.path} has no column '{name}' to learn{did_you_mean(name, columns)}")
        if name == taken[0]:
            raise DataError(f"target is '{name}', the column of the images of {table.path}")
        if wanted.count(name) > 1:
            raise DataError(f"target names the column '{name}' twice")
    return tuple(wanted)
