"""Texts with a class each: a file of lines a class, a folder of files a class, or a table with a text column."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np

from nas_cli.arguments import Between, NonNegativeInt, PositiveInt
from nas_cli.data.csv_file import ENDINGS, PARTS, find_separator, read_table
from nas_cli.data.files import as_objects, decode, first_line, read_bytes, require_folder
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.data.vectors import VectorFile
from nas_cli.data.word_encoder import Tokenizer, fit_words
from nas_cli.errors import DataError, did_you_mean

NO_CLASS = ("readme", "license", "licence", "changes")
TEXT_COLUMNS = ("text", "sentence", "review", "content", "document", "message")
LABEL_COLUMNS = ("label", "class", "category", "sentiment", "target")

Texts = list[tuple[str, str]]
"""(text, class) of each example."""
Files = dict[tuple[str, ...], bytes]
"""Contents by path, as parts."""


@SOURCES.register("text")
def text(
    path: Path,
    encoding: str = "utf-8",
    text_column: str | None = None,
    label_column: str | None = None,
    tokenizer: Tokenizer = "word",
    lower: bool = True,
    min_count: PositiveInt = 2,
    max_words: PositiveInt = 20_000,
    max_length: Annotated[int, Between(2)] = 256,
    vectors: Path | None = None,
    vector_words: NonNegativeInt = 20_000,
) -> Dataset:
    """Texts to classify: a folder (or .zip) with a file of lines for each class, or a folder of files for each, or a
    CSV or TSV file with a text and a label column.

    Above them there may be train, validation and test. A class of lines is called as its file's ending, where the files
    differ in that alone. `max_words` different words that occur `min_count` times are known, and `max_length` words of
    a text are read. `vectors` is a file of pretrained word vectors, whose first `vector_words` are known too.
    """

    def read(place: Path, part: str) -> Examples:
        found = read_texts(place, part, encoding, text_column, label_column)
        return to_examples(f"{place}" + (f" ({part})" if part in parts else ""), found)

    parts = parts_of(path)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, path, part) if part in parts else None

    def elsewhere(place: Path, wanted: str) -> Examples:
        if place.resolve() == path.resolve():
            raise DataError(f"{wanted} is {place}, which is trained on: a share such as 0.2 holds texts out")
        return read(place, wanted if wanted in parts_of(place) else "")

    def fit(raw: Array) -> Encoder:
        return fit_words(
            "texts",
            raw.tolist(),
            tokenizer=tokenizer,
            longest=max_length,
            least=1 if tokenizer == "bpe" else min_count,
            most=max_words,
            lower=lower,
            vectors=VectorFile(vectors, vector_words) if vectors else None,
        )

    train = read(path, "train" if "train" in parts else "")
    return Dataset(train, own("validation"), own("test"), elsewhere, inputs="texts", fit=fit)


def to_examples(origin: str, found: Texts) -> Examples:
    if not found:
        raise DataError(f"{origin} has no texts")
    raw = as_objects([words for words, _ in found])
    return Examples(origin, np.array([label for _, label in found]), lambda indices: raw[indices])


def parts_of(path: Path) -> tuple[str, ...]:
    """The parts that lie at `path`, where it is divided."""
    if not path.is_dir():
        return ()
    names = [item.name.lower() for item in path.iterdir() if item.is_dir() or item.name.lower().endswith(ENDINGS)]
    found = tuple(part for part, words in PARTS.items() if any(name.split(".")[0] in words for name in names))
    return found if "train" in found else ()


def read_texts(path: Path, part: str, encoding: str, text_column: str | None, label_column: str | None) -> Texts:
    """The texts of one part, in the order of the files; `part` is "" where the data is not divided."""
    if part:
        path = next(
            item for item in sorted(path.iterdir()) if item.name.lower().split(".")[0] in PARTS[part] and _is_part(item)
        )
    if path.name.lower().endswith(ENDINGS):
        return read_columns(path, encoding, text_column, label_column)
    if path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{path} is none of what can be read: a folder, a .zip, a CSV or a TSV file")
    files = read_zip(path) if path.suffix.lower() == ".zip" else read_folder(path)
    found = [(place, content) for place, content in sorted(files.items()) if _may_be_class(place)]
    if not found:
        raise DataError(f"{path} has no files of texts")
    deepest = max(len(place) for place, _ in found)
    if deepest > 1:  # a folder a class
        return [
            (decode(raw, encoding, path / "/".join(place)).strip(), place[-2]) for place, raw in found if len(place) > 1
        ]
    names = class_names([place[0] for place, _ in found])
    texts: Texts = []
    for (place, raw), name in zip(found, names, strict=True):
        lines = decode(raw, encoding, path / "/".join(place)).split("\n")
        texts += [(line.strip(), name) for line in lines if line.strip()]
    return texts


def read_columns(path: Path, encoding: str, text_column: str | None, label_column: str | None) -> Texts:
    separator = "\t" if ".tsv" in path.name.lower() else find_separator(path, encoding)
    columns, rows = read_table(path, separator, True, encoding=encoding)
    places = []
    for wanted, usual, what in ((text_column, TEXT_COLUMNS, "text"), (label_column, LABEL_COLUMNS, "label")):
        name = wanted or next((c for word in usual for c in columns if c.lower() == word), None)
        if name is None:
            if len(columns) == 1:
                raise DataError(f"{path} has only the column '{columns[0]}', and a text and a label column are needed")
            raise DataError(f"{path} has the columns {', '.join(columns)}: say which is the {what}: {what}_column: …")
        if name not in columns:
            raise DataError(f"{path} has no column '{name}'{did_you_mean(name, columns)}")
        places.append(columns.index(name))
    gone = np.flatnonzero(rows[:, places[1]] == "")
    if len(gone):
        rows_without = "1 row" if len(gone) == 1 else f"{len(gone):,} rows"
        raise DataError(
            f"{path} has {rows_without} without a label in the column '{columns[places[1]]}', the first is row "
            f"{gone[0] + 1:,}: fill it in or take it out"
        )
    return [(row[places[0]], row[places[1]]) for row in rows]


def class_names(files: Sequence[str]) -> list[str]:
    """`pos` and `neg` of `rt.pos` and `rt.neg`, else the files' names without their endings."""
    stems = [name.rpartition(".")[0] or name for name in files]
    endings = [name.rpartition(".")[2] for name in files]
    return endings if len(files) > 1 and len(set(stems)) == 1 and len(set(endings)) == len(files) else stems


def read_folder(path: Path) -> Files:
    require_folder(path)
    return {file.relative_to(path).parts: read_bytes(file, False) for file in _walk(path) if file.stat().st_size}


def read_zip(path: Path) -> Files:
    """Without the folder that all of its files lie in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
            files = {tuple(name.split("/")): archive.read(name) for name in names}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read as a zip file: {first_line(error)}") from None
    while files and len({place[0] for place in files}) == 1 and all(len(place) > 1 for place in files):
        files = {place[1:]: content for place, content in files.items()}
    return files


def _walk(path: Path) -> Iterator[Path]:
    for item in sorted(path.iterdir()):
        if item.name[0] == ".":
            continue
        if item.is_dir():
            yield from _walk(item)
        else:
            yield item


def _is_part(item: Path) -> bool:
    return item.is_dir() or item.name.lower().endswith(ENDINGS)


def _may_be_class(place: tuple[str, ...]) -> bool:
    return place[-1][0] != "." and place[-1].split(".")[0].lower() not in NO_CLASS
