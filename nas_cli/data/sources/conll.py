"""Sentences with a tag a word, in the columns of the CoNLL shared tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from nas_cli.arguments import Between, NonNegativeInt, PositiveInt
from nas_cli.data.formats.encodings import glimpse
from nas_cli.data.formats.files import as_objects, choose_part, read_bytes, require_folder
from nas_cli.data.formats.folders import is_junk
from nas_cli.data.formats.parts import part_of
from nas_cli.data.formats.sentences import FORMATS, are_columns
from nas_cli.data.formats.tag_schemes import is_chunk, to_iob2
from nas_cli.data.formats.tagged_lines import Tagged, read_tagged
from nas_cli.data.formats.vectors import VectorFile
from nas_cli.data.kinds.words import fit_words
from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.errors import DataError

ENDINGS = (
    *(".conll", ".conllu", ".txt", ".tsv", ".bio", ".iob", ".iob2", ".bioes", ".annotated", ".gz", ""),
    *(".train", ".dev", ".testa", ".testb", ".test"),
)
NO_PART = ("readme", "license", "licence")
LOOKED_AT = 2**16
"""Bytes of a test part that are read before a search."""


@SOURCES.register("conll")
def conll(
    path: Path,
    encoding: str = "utf-8",
    characters: Annotated[int, Between(0, 64)] = 16,
    min_count: PositiveInt = 1,
    max_words: PositiveInt = 50_000,
    max_length: Annotated[int, Between(2)] = 150,
    lower: bool = False,
    column: NonNegativeInt | None = None,
    vectors: Path | None = None,
    vector_words: NonNegativeInt = 20_000,
) -> Dataset:
    """Sentences in CoNLL's columns, word first and tag last, a folder of files for train, dev and test, or one file.

    Columns are divided by tabs or spaces, sentences by empty lines; `column` is the tag's where it is not the last,
    counted from 0. IOB1, IOB2, BIOES, BILOU and BMES tags become IOB2. `characters` of each word are kept, and words
    that occur `min_count` times; a sentence of more than `max_length` words is cut into pieces.
    `vectors` is a file of pretrained word vectors, whose first `vector_words` are known too.
    """
    notes: list[str] = []
    files = find_parts(path, notes=notes)
    known = read_tagged(files["train"], encoding, column)
    notes += known.notes(files["train"], column)
    notes += _about_long(known, max_length)

    def read(file: Path) -> Examples:
        return to_examples(file, read_tagged(file, encoding, column, known), max_length)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, files[part]) if part in files else None

    def place_of(place: Path, wanted: str) -> Path:
        found = find_parts(place, wanted)
        return found[choose_part(place, list(found), wanted, path)]

    def check_test(place: Path | None) -> None:
        file = files["test"] if place is None else place_of(place, "test")
        if not read_tagged(file, encoding, column, known, LOOKED_AT).sentences:
            raise DataError(f"{file} has no sentences")

    def fit(raw: Array) -> Encoder:
        return fit_words(
            "sentences",
            raw.tolist(),
            characters=characters,
            longest=max_length,
            least=min_count,
            most=max_words,
            lower=lower,
            vectors=VectorFile(vectors, vector_words) if vectors else None,
        )

    return Dataset(
        to_examples(files["train"], known, max_length),
        own("validation"),
        own("test"),
        lambda place, wanted: read(place_of(place, wanted)),
        inputs="sentences",
        fit=fit,
        notes=lambda: notes,
        check_test=check_test,
    )


@sniff("conll", inputs="sentences", targets=("tags",), expects="a file or folder in CoNLL's columns")
def sentences_at(path: Path) -> Found:
    """By an ending that no other format has, or by columns with empty lines between sentences."""
    lines = ("# characters: 16                 # of each word, for spaces that read them",)
    if path.is_dir() and not any(map(_may_be_a_part, path.iterdir())):
        return Found(0.0, lines=lines)
    file = find_parts(path)["train"]
    name = file.name.lower().removesuffix(".gz")
    if name.endswith(FORMATS):
        return Found(lines=lines)
    raw = read_bytes(file, file.suffix.lower() == ".gz", LOOKED_AT)
    head = glimpse(raw, "utf-8").split("\n")[:-1]
    return Found(0.9 if are_columns(head) else 0.0, lines=lines)


def find_parts(path: Path, only: str = "train", notes: list[str] | None = None) -> dict[str, Path]:
    """The file of each part that is at `path`, by the words of its name; a single file is the part `only`.

    What is no part goes to `notes`. Raises DataError where two files claim a part, or there is none to train on.
    """
    if path.is_file():
        return {only: path}
    require_folder(path)
    candidates = list(filter(_may_be_a_part, sorted(path.iterdir())))
    parts: dict[str, Path] = {}
    for part in ("train", "validation", "test"):
        named = [file for file in candidates if part_of(file.name) == part]
        if named:
            parts[part] = _only(path, part, named)
    if not parts and len(candidates) == 1:
        return {only: candidates[0]}
    if only == "train" and "train" not in parts:
        raise DataError(f"{path} has no file that is called train: {_names(candidates) or 'none'}")
    others = [file for file in candidates if file not in parts.values()]
    if notes is not None and others:
        notes.append(f"not read, since they are no part of {path}: {_names(others)}")
    return parts


def _only(path: Path, part: str, files: Sequence[Path]) -> Path:
    if len(files) > 1:
        key = "path" if part == "train" else part
        raise DataError(f"{path} has more than one file for {part}: {_names(files)}; name one with {key}")
    return files[0]


def _may_be_a_part(file: Path) -> bool:
    if not file.is_file() or file.suffix.lower() not in ENDINGS:
        return False
    return not is_junk(file.name) and file.stem.lower() not in NO_PART


def _names(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files)


def _about_long(tagged: Tagged, most: int) -> list[str]:
    count = sum(len(sentence) > most for sentence in tagged.sentences)
    if not count:
        return []
    lost = "; no empty line divides the file into sentences" if len(tagged.sentences) == 1 else ""
    return [f"longer than max_length, {most} words, so that they are cut into pieces: {count:,} sentences{lost}"]


def to_examples(file: Path, tagged: Tagged, max_length: int) -> Examples:
    """Sentences with their tags, the entities' as IOB2; long ones in pieces. Raises DataError where there are none."""
    if not tagged.sentences:
        raise DataError(f"{file} has no sentences")
    words, labels = [], []
    for sentence, named in zip(tagged.sentences, tagged.tags, strict=True):
        unified = to_iob2(named) if all(map(is_chunk, named)) else named
        for start in range(0, len(sentence), max_length):
            words.append(tuple(sentence[start : start + max_length]))
            labels.append(tuple(unified[start : start + max_length]))
    raw = as_objects(words)
    return Examples(str(file), as_objects(labels), lambda indices: raw[indices])
