"""Which columns of a table of pictures are which: the files, what is learned, and whether the first row names them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.csv_top import looks_like_a_row
from nas_cli.data.formats.encodings import Say
from nas_cli.data.formats.file_tables import FileTable
from nas_cli.data.formats.named_files import NamedFiles, has_picture_ending
from nas_cli.errors import DataError, did_you_mean

LOOKED_AT = 20
"""Rows that tell which column names files."""


def has_header(table: FileTable, rows: Sequence[Sequence[str]], say: Say) -> bool:
    """Whether the first of `rows` names columns, and no picture."""
    if not rows:
        return True
    if any(map(has_picture_ending, rows[0])) or looks_like_a_row(rows):
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
    """Those with the endings of pictures, or else those whose names are files."""
    looked_at = rows[:LOOKED_AT]

    def share(place: int, names_one: Callable[[str], object]) -> float:
        cells = [cell for cell in looked_at[:, place].tolist() if cell]
        return sum(bool(names_one(cell)) for cell in cells) / max(1, len(cells))

    by_ending = [name for place, name in enumerate(columns) if share(place, has_picture_ending) > 0.5]
    if by_ending:
        return by_ending
    silent = NamedFiles(files.folder, files.packed)
    return [name for place, name in enumerate(columns) if share(place, silent.find) > 0.5]


def target_columns(
    table: FileTable, columns: Sequence[str], taken: Sequence[str], said: str | list[str] | None, rows: Rows, say: Say
) -> tuple[str, ...]:
    """Those to learn; `taken` are the column of the images, and after it those by which the data is divided."""
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
