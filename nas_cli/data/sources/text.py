"""Texts with a class each: a file of lines a class, a folder of files a class, or a table with a text column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from nas_cli.arguments import Between, NonNegativeInt, PositiveInt
from nas_cli.data.dividers import Dividers
from nas_cli.data.division import Division, Keys
from nas_cli.data.formats.csv_file import ENDINGS, first_rows
from nas_cli.data.formats.files import as_objects
from nas_cli.data.formats.folders import PassedOver, find_parts
from nas_cli.data.formats.trees import Tree, open_tree
from nas_cli.data.formats.vectors import VectorFile
from nas_cli.data.kinds.words import Tokenizer, fit_words
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.data.sources.columns import holds_texts, text_columns
from nas_cli.data.sources.dividing import dividing_lines
from nas_cli.data.sources.text_classes import find_classes, look_like_texts, read_classes
from nas_cli.data.sources.text_table import (
    LABEL_COLUMNS,
    TEXT_COLUMNS,
    Table,
    Texts,
    check_table,
    divided,
    read_table,
)
from nas_cli.errors import DataError

__all__ = ["LABEL_COLUMNS", "TEXT_COLUMNS", "text"]

LINES = (
    "# tokenizer: word                # word, character or bpe",
    "# max_length: 256                # in words",
)


@SOURCES.register("text")
def text(
    path: Path,
    encoding: str = "utf-8",
    text_column: str | None = None,
    label_column: str | None = None,
    header: bool = True,
    tokenizer: Tokenizer = "word",
    lower: bool = True,
    min_count: PositiveInt = 2,
    max_words: PositiveInt = 20_000,
    max_length: Annotated[int, Between(2)] = 256,
    vectors: Path | None = None,
    vector_words: NonNegativeInt = 20_000,
    group: str | None = None,
    time: str | None = None,
    time_format: str | None = None,
) -> Dataset:
    """Texts to classify: a folder (or .zip) with a file of lines for each class, or a folder of files for each, or a
    CSV or TSV file with a text and a label column.

    Above them there may be train, validation and test. A class of lines is called as its file's ending, where the files
    differ in that alone. Without a `header` columns are called 1, 2, …. `max_words` different words that occur
    `min_count` times are known, and `max_length` words of a text are read. `vectors` is a file of pretrained word
    vectors, whose first `vector_words` are known too. `group`, `time` and `time_format` are those of csv, for tables.
    """
    notes: list[str] = []
    table = Table(text_column, label_column, header, encoding, Dividers.said(group, time, time_format))
    place = open_place(path)
    found, division = place.training(table, notes)
    labels = {label for _, label in found}

    def read(other: Path | None, wanted: str) -> Examples:
        there = place if other is None else _open_other(other, wanted, path)
        part = wanted if wanted in there.parts else ""
        texts, keys = there.read(part, table, notes)
        notes.extend(_missing(there.where(part), texts, labels))
        notes.extend(division.about_own(wanted, there.where(part), keys))
        return to_examples(there.where(part), texts)

    def check_test(other: Path | None) -> None:
        there = place if other is None else open_place(other)
        there.check("test" if "test" in there.parts else "", table, labels)

    def fit(raw: Array) -> Encoder:
        fitted = fit_words(
            "texts",
            raw.tolist(),
            tokenizer=tokenizer,
            longest=max_length,
            least=1 if tokenizer == "bpe" else min_count,
            most=max_words,
            lower=lower,
            vectors=VectorFile(vectors, vector_words) if vectors else None,
        )
        return replace(fitted, content={**fitted.content, "documents": place.documents})

    return Dataset(
        to_examples(place.where("train"), found),
        partial(read, None, "validation") if "validation" in place.parts else None,
        partial(read, None, "test") if "test" in place.parts else None,
        read,
        inputs="texts",
        fit=fit,
        notes=lambda: [*place.notes(), *notes],
        check_test=check_test,
        divide=division.divide,
        about_division=division.about,
    )


@sniff(
    "text",
    inputs="texts",
    targets=("class",),
    expects="a folder with a text file, or a folder of text files, for each class",
)
def texts_at(path: Path, encoding: str = "utf-8") -> Found:
    """By the words of a table's columns, or by the names of files and how they begin."""
    if path.is_file() and not path.name.lower().endswith((*ENDINGS, ".zip")):
        return Found(0.0, lines=LINES)
    place = open_place(path)
    part = "train" if place.parts else ""
    file = place.table(part)
    if file is None:
        return Found(0.6 if look_like_texts(place.below(part), encoding) else 0.0, lines=LINES)
    rows = first_rows(file, encoding)[1]
    keys = text_columns(rows)
    header = bool(keys.get("header", True))
    notes = () if header else ("no header, since the first row looks like the others: columns are called 1, 2, …",)
    lines = dividing_lines(rows[0], rows[1:], keys.values()) if rows and header else []
    return Found(0.7 if holds_texts(rows, keys) else 0.0, keys=keys, lines=[*lines, *LINES], notes=notes)


def _open_other(other: Path, wanted: str, path: Path) -> Place:
    """What lies at `other`, for the part `wanted`. Raises DataError where that is the `path` that is trained on."""
    if other.resolve() == path.resolve():
        raise DataError(f"{wanted} is {other}, which is trained on: a share such as 0.2 holds texts out")
    return open_place(other)


def _missing(where: str, texts: Texts, labels: set[str]) -> list[str]:
    missing = sorted(labels - {label for _, label in texts})
    return [f"{where} has no texts of {', '.join(missing)}, and the training part has"] if missing else []


def to_examples(origin: str, found: Texts) -> Examples:
    if not found:
        raise DataError(f"{origin} has no texts")
    raw = as_objects([words for words, _ in found])
    return Examples(origin, as_objects([label for _, label in found]), lambda indices: raw[indices])


class Place:
    """What lies at `path`: a table; or `tree`, a folder or archive, whose `parts` are names of folders and tables."""

    def __init__(self, path: Path, tree: Tree | None, parts: dict[str, str], passed: PassedOver) -> None:
        self.path, self.tree, self.parts, self.passed = path, tree, parts, passed

    def where(self, part: str) -> str:
        return f"{self.path} ({part})" if part in self.parts else str(self.path)

    def notes(self) -> list[str]:
        found = self.passed.notes(self.path)
        if self.tree is None:
            return found
        if self.tree.origin != self.path:
            found.insert(0, f"the data lies in {self.tree.origin}, the only folder there")
        beside = [name for name in _names(self.tree) if name not in self.parts.values()] if self.parts else []
        if beside:
            found.append(f"not read, since they are no part of {self.path}: {', '.join(beside)}")
        return found

    def training(self, table: Table, notes: list[str]) -> tuple[Texts, Division]:
        """The texts to learn from, and how they are divided. Raises DataError, also where a class has none."""
        part = "train" if self.parts else ""
        texts, keys = self.read(part, table, notes, whole=True)
        file = self.table(part)
        return texts, Division() if file is None else divided(file, table, keys)

    def read(self, part: str, table: Table, notes: list[str], whole: bool = False) -> tuple[Texts, Keys]:
        """The texts of a part, in the order of the files, and what they are divided by; `part` is "" where the data is
        not divided. With `whole` every class must have some, and every row something to be divided by."""
        file = self.table(part)
        if file is not None:
            return read_table(file, table, notes, whole)
        if whole and table.dividers.columns:
            raise DataError(f"group and time name columns of a table, and {self.path} is none: leave them out")
        return read_classes(self.below(part), table.encoding, self.passed, whole, notes.append), Keys()

    def check(self, part: str, table: Table, classes: set[str]) -> None:
        """Raises DataError where names of files and the first rows show that this is no test of `classes`."""
        file = self.table(part)
        if file is not None:
            return check_table(file, table, classes)
        tree = self.below(part)
        found = find_classes(tree, PassedOver())
        new = next((name for name, files in found.items() if files and name not in classes), None)
        if new is not None:
            raise DataError(f"{tree.origin} has the class '{new}', which the training part does not have")
        return None

    @property
    def documents(self) -> bool:
        """Whether each file is one text, rather than each line."""
        part = "train" if self.parts else ""
        return self.table(part) is None and bool(self.below(part).folders)

    def table(self, part: str) -> Path | None:
        """The file of a part, where it is a table. Raises DataError."""
        if self.tree is None:
            return self.path
        name = self.parts.get(part, "")
        if not name or name in self.tree.folders:
            return None
        if not self.tree.origin.is_dir():
            raise DataError(f"{self.path} holds tables, {name} say: unpack it and name the folder")
        return self.tree.origin / name

    def below(self, part: str) -> Tree:
        """The folder of a part."""
        assert self.tree is not None
        return self.tree.below(self.parts[part]) if part in self.parts else self.tree


def open_place(path: Path) -> Place:
    """Raises DataError where there is nothing that can be read."""
    passed = PassedOver()
    if path.name.lower().endswith(ENDINGS) and not path.is_dir():
        return Place(path, None, {}, passed)
    if path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{path} is none of what can be read: a folder, a .zip, a CSV or a TSV file")
    tree = open_tree(path, passed)
    tables = tables_in(tree)
    names = {name: tree.names_below(name) for name in tree.folders}
    parts = find_parts(path, {**names, **dict.fromkeys(tables, ())}, tables)
    if not parts and tree.files and all(_is_table(place) for place in tree.files):
        if len(tables) == 1 and tree.origin.is_dir():
            return Place(tree.origin / tables[0], None, {}, passed)
        there = ", ".join("/".join(each) for each in tree.files)
        raise DataError(f"{path} has tables and none that is called train: name one with path; there is {there}")
    return Place(path, tree, parts, passed)


def are_documents(path: Path) -> bool:
    """Whether each file of the texts at `path` is one of them; False where nothing can be read there."""
    try:
        return open_place(path).documents
    except DataError:
        return False


def _names(tree: Tree) -> Sequence[str]:
    """What may be a part: folders and tables."""
    return [*tree.folders, *tables_in(tree)]


def tables_in(tree: Tree) -> list[str]:
    return [place[0] for place in tree.files if len(place) == 1 and _is_table(place)]


def _is_table(place: tuple[str, ...]) -> bool:
    return place[-1].lower().endswith(ENDINGS)
