"""A table of picture files, and of what is to be learned from each: a number, several, or a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from nas_cli.arguments import Fraction, Size
from nas_cli.data.dividers import Dividers
from nas_cli.data.division import Division, Keys
from nas_cli.data.formats.csv_file import EMPTY, first_rows, line_of, named, read_table
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.encodings import Say
from nas_cli.data.formats.file_tables import FileTable, find_file_tables
from nas_cli.data.formats.files import choose_part
from nas_cli.data.formats.folders import NAMED, PassedOver
from nas_cli.data.formats.named_files import NamedFiles
from nas_cli.data.formats.parts import WORDS
from nas_cli.data.formats.pictures import Fit, look, require_pillow
from nas_cli.data.source import SOURCES, Dataset, Examples
from nas_cli.data.sources.csv_table import labels_in
from nas_cli.data.sources.image_columns import has_header, image_column, target_columns
from nas_cli.data.sources.picture_reading import Pictures, Reading, examples
from nas_cli.errors import DataError, did_you_mean
from nas_cli.units import Bytes


@dataclass(frozen=True)
class Form:
    """How every table is read, and its columns: that of the `image`, and those of the `targets`."""

    separator: str
    header: bool
    encoding: str
    missing: Sequence[str]
    decimal: str
    images: str | None
    missing_files: float
    image: str
    targets: tuple[str, ...]


@SOURCES.register("image-table")
def image_table(
    path: Path,
    table: str | None = None,
    image: str | None = None,
    target: str | list[str] | None = None,
    images: str | None = None,
    size: Size | None = None,
    color: Literal["auto", "grey", "rgb"] = "auto",
    fit: Fit = "stretch",
    levels: Literal["auto"] | tuple[float, float] = "auto",
    missing_files: Fraction = 0.1,
    missing: list[str] = list(EMPTY),  # noqa: B006
    separator: str = "auto",
    header: Literal["auto"] | bool = "auto",
    encoding: str = "utf-8",
    decimal: Literal[".", ","] = ".",
    cache_above: Bytes = 4_000_000_000,
    group: str | None = None,
    time: str | None = None,
    time_format: str | None = None,
) -> Dataset:
    """A CSV file that names pictures, or a folder or .zip that holds it, called `table`; one for each part, or one.

    `image` is the column of the files, and `target` that or those to learn, the last one where it is not named; without
    a header they are called 1, 2, …. Files are sought beside the table, or in the folder `images` there; of a path of
    another machine the longest end counts that leads to a file. A row whose file is missing is passed over, and no more
    than the share `missing_files` of the rows may be. `size`, `color`, `fit`, `levels` and `cache_above` are those of
    image-folder; `missing`, `separator`, `encoding`, `decimal`, `group`, `time` and `time_format` those of csv.
    """
    require_pillow("the source image-table")
    dividers = Dividers.said(group, time, time_format, names=True)
    notes: list[str] = []
    passed = PassedOver()
    tables = find_file_tables(path, table, passed)
    first = tables["train"]
    mark, has_names = _form_of(first, separator, header, encoding, notes.append)
    columns, rows = read_table(first.path, mark, has_names, encoding=encoding, say=notes.append, raw=first.raw)
    files = first.files(images)
    chosen = image_column(first, columns, rows, image, files, notes.append)
    targets = target_columns(first, columns, [chosen, *dividers.columns], target, rows, notes.append)
    dividers.require(first.path, columns, targets)
    form = Form(mark, has_names, encoding, missing, decimal, images, missing_files, chosen, targets)
    train, there = _pictures(first, columns, rows, form, files, notes.append)
    division = _divided(first, columns, rows, (train, there), form, dividers)
    reading = Reading.as_said(train, size, color, fit, levels)

    def at(place: Path | None, wanted: str) -> FileTable:
        return tables[wanted] if place is None else _elsewhere(place, wanted, table, first, path)

    def part(place: Path | None, wanted: str) -> Examples:
        which = at(place, wanted)
        found, keys = read_pictures(which, form, dividers, notes.append)
        notes.extend(division.about_own(wanted, which.path, keys))
        reading.require_known(found)
        return examples(found, reading, cache_above)

    return Dataset(
        examples(train, reading, cache_above),
        partial(part, None, "validation") if "validation" in tables else None,
        partial(part, None, "test") if "test" in tables else None,
        part,
        names=targets if len(targets) > 1 else None,
        facts=lambda: {**reading.facts, "settled": {"image": chosen, "target": list(targets)}},
        notes=lambda: [*_about_parts(tables), *passed.notes(path), *notes, *reading.notes],
        check_test=lambda place: check_table(at(place, "test"), form),
        divide=division.divide,
        about_division=division.about,
    )


def _form_of(
    table: FileTable, separator: str, header: Literal["auto"] | bool, encoding: str, say: Say
) -> tuple[str, bool]:
    """The separator, and whether there is a header."""
    mark, top = first_rows(table.path, encoding, table.raw)
    found = has_header(table, top, say) if header == "auto" else header
    return mark if separator == "auto" else separator, found


def _elsewhere(place: Path, wanted: str, called: str | None, trained: FileTable, path: Path) -> FileTable:
    """The table for the part `wanted` at a `place` beside `path`. Raises DataError where it is the `trained` one."""
    found = find_file_tables(place, called, PassedOver(), wanted)
    chosen = found[choose_part(place, list(found), wanted, path)]
    if chosen.path.resolve() == trained.path.resolve():
        raise DataError(f"{wanted} is {place}, the table that is trained on: a share such as 0.2 holds rows out")
    return chosen


def _about_parts(tables: Mapping[str, FileTable]) -> list[str]:
    parts = [f"{tables[part].path} for {part}" for part in WORDS if part in tables]
    return [f"tables by their names: {', '.join(parts)}"] if len(parts) > 1 else []


def read_pictures(table: FileTable, form: Form, dividers: Dividers, say: Say) -> tuple[Pictures, Keys]:
    """Of a table that is not trained on. Raises DataError."""
    needed = [form.image, *form.targets]
    columns, rows = read_table(
        table.path, form.separator, form.header, needed, encoding=form.encoding, say=say, raw=table.raw
    )
    found, there = _pictures(table, columns, rows, form, table.files(form.images), say)
    return found, dividers.read_own(columns, rows[there], found.files)


def _divided(
    table: FileTable,
    columns: Sequence[str],
    rows: Rows,
    found: tuple[Pictures, Sequence[int]],
    form: Form,
    dividers: Dividers,
) -> Division:
    """Of the rows whose pictures were `found`. Raises DataError."""
    pictures, there = found

    def line(k: int) -> int:
        return line_of(table.path, form.separator, form.header, there[k], form.encoding, table.raw)

    keys = dividers.read(table.path, columns, rows[there], form.missing, line, pictures.files)
    return dividers.division(table.path, keys, form.decimal, line)


def _pictures(
    table: FileTable, columns: Sequence[str], rows: Rows, form: Form, files: NamedFiles, say: Say
) -> tuple[Pictures, list[int]]:
    """The pictures of the rows whose files are there, with their labels: (N,) texts, or (N, targets) of several; and
    which rows these are.

    Raises DataError where too many files are missing, or a target is.
    """
    names = rows[:, list(columns).index(form.image)].tolist()
    found = {name: files.find(name) for name in dict.fromkeys(names)}
    there = [k for k, name in enumerate(names) if found[name] is not None]
    gone = [name for name in names if found[name] is None]
    if gone:
        _require_most(table, gone, len(names), form, files)
        say(f"rows of {table.path} whose files are missing are passed over: {_count(gone, len(names))}")
    for note in files.found.notes(table.path):
        say(note)
    kept = [file for name in names if (file := found[name]) is not None]
    again = len(kept) - len(set(map(str, kept)))
    if again:
        say(f"rows of {table.path} that name the picture of an earlier row: {again:,}")
    labels = []
    for target in form.targets:
        cells = rows[:, list(columns).index(target)]
        labels.append(labels_in(table.path, target, cells, form.missing, form.decimal)[there])
    return Pictures(table.path, kept, labels[0] if len(labels) == 1 else np.stack(labels, axis=1)), there


def _count(gone: Sequence[str], of: int) -> str:
    shown = [f"'{name}'" for name in gone[:NAMED]]
    return f"{len(gone):,} of {of:,} ({', '.join(shown)}{', …' if len(gone) > NAMED else ''})"


def _require_most(table: FileTable, gone: Sequence[str], of: int, form: Form, files: NamedFiles) -> None:
    if len(gone) <= form.missing_files * of and len(gone) < of:
        return
    message = f"{table.path} names files in the column '{form.image}' that are not below {files.folder}: "
    message += _count(gone, of)
    if files.ambiguous:
        message += f"; several files there are called {files.ambiguous[0]}"
    message += "; say where pictures lie with images: FOLDER, or another column with image"
    if len(gone) < of:
        message += (
            f"; missing_files: {len(gone) / of + 0.005:.2f} passes over so many, and now it is {form.missing_files:g}"
        )
    raise DataError(message)


def check_table(table: FileTable, form: Form) -> None:
    """By its first rows. Raises DataError where networks cannot be tested by it."""
    _, top = first_rows(table.path, form.encoding, table.raw)
    if len(top) < 1 + form.header:
        raise DataError(f"{table.path} has no rows")
    columns = named(top[0], form.header)
    for name in (form.image, *form.targets):
        if name not in columns:
            what = "names the pictures" if name == form.image else "is what is learned"
            raise DataError(f"{table.path} has no column '{name}', which {what}{did_you_mean(name, columns)}")
    rows = np.array([row for row in top[form.header :] if len(row) == len(columns)], object)
    if not len(rows):
        raise DataError(f"{table.path} has rows of another length than its header")
    for name in form.targets:
        labels_in(table.path, name, rows[:, columns.index(name)], form.missing, form.decimal)
    files = table.files(form.images)
    found = [file for name in rows[:, columns.index(form.image)].tolist() if (file := files.find(name)) is not None]
    if not found:
        raise DataError(f"{table.path} names files in the column '{form.image}' that are not below {files.folder}")
    look(found[0])
