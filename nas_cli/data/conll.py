"""Sentences with a tag a word, in the columns of the CoNLL shared tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

from nas_cli.arguments import Between, NonNegativeInt, PositiveInt
from nas_cli.data.files import as_objects, choose_part, decode, read_bytes, require_folder
from nas_cli.data.source import SOURCES, Array, Dataset, Encoder, Examples
from nas_cli.data.vectors import VectorFile
from nas_cli.data.word_encoder import fit_words
from nas_cli.errors import DataError

WORDS = {
    "train": ("train",),
    "validation": ("dev", "valid", "validation", "val", "testa"),
    "test": ("test", "testb"),
}
"""What the name of a part's file has in it."""
ENDINGS = (".conll", ".txt", ".tsv", ".bio", ".iob", ".iob2", ".annotated", ".train", ".dev", ".testa", ".testb", "")


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
    counted from 0. IOB1, IOB2 and BIOES tags become IOB2. `characters` of each word are kept, and words that occur
    `min_count` times; a sentence of more than `max_length` words is cut into pieces.
    `vectors` is a file of pretrained word vectors, whose first `vector_words` are known too.
    """
    files = find_parts(path)
    read = partial(read_part, encoding=encoding, column=column, max_length=max_length)

    def own(part: str) -> Callable[[], Examples] | None:
        return partial(read, files[part]) if part in files else None

    def elsewhere(place: Path, wanted: str) -> Examples:
        found = find_parts(place, wanted)
        return read(found[choose_part(place, list(found), wanted, path)])

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

    train = read(files["train"])
    return Dataset(train, own("validation"), own("test"), elsewhere, inputs="sentences", fit=fit)


def find_parts(path: Path, only: str = "train") -> dict[str, Path]:
    """The file of each part that is at `path`; a path to a single file is the part `only`. Raises DataError."""
    if path.is_file():
        return {only: path}
    require_folder(path)
    candidates = [file for file in sorted(path.iterdir()) if file.is_file() and file.suffix.lower() in ENDINGS]
    candidates = [file for file in candidates if file.name[0] != "." and file.stem.lower() not in ("readme", "license")]
    parts: dict[str, Path] = {}
    for part, words in WORDS.items():
        named = [file for file in candidates if any(word in file.name.lower() for word in words)]
        if part == "test":  # testa is the validation part of CoNLL-2003
            named = [file for file in named if file not in parts.values()]
        if len(named) > 1:
            raise DataError(
                f"{path} has more than one file for {part}: {', '.join(f.name for f in named)}; name one with "
                f"{'path' if part == 'train' else part}"
            )
        if named:
            parts[part] = named[0]
    if only == "train" and "train" not in parts:
        raise DataError(
            f"{path} has no file with 'train' in its name: {', '.join(f.name for f in candidates) or 'none'}"
        )
    return parts


def read_part(file: Path, encoding: str, column: int | None, max_length: int) -> Examples:
    """The sentences of one file. Raises DataError with the file and line of what cannot be read."""
    sentences, tags = read_sentences(file, encoding, column)
    if not sentences:
        raise DataError(f"{file} has no sentences")
    words, labels = [], []
    for sentence, named in zip(sentences, tags, strict=True):
        unified = to_iob2(named) if all(map(is_chunk, named)) else named
        for start in range(0, len(sentence), max_length):
            words.append(tuple(sentence[start : start + max_length]))
            labels.append(tuple(unified[start : start + max_length]))
    raw = as_objects(words)
    return Examples(str(file), as_objects(labels), lambda indices: raw[indices])


def read_sentences(file: Path, encoding: str, column: int | None) -> tuple[list[list[str]], list[list[str]]]:
    """Words and tags as they stand there."""
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    columns = 0
    plain: tuple[int, str] | None = None
    chunked: tuple[int, str] | None = None
    for number, line in enumerate(
        decode(read_bytes(file, file.suffix.lower() == ".gz"), encoding, file).split("\n"), 1
    ):
        cells = line.rstrip("\r").split("\t") if "\t" in line else line.split()
        if not line.strip() or cells[0].startswith("-DOCSTART-"):
            sentences.append([])
            tags.append([])
            continue
        cells = [cell.strip() for cell in cells]
        columns = columns or len(cells)
        if len(cells) < 2:
            raise DataError(f"{file}:{number}: one column, '{cells[0]}', where a word and its tag are expected")
        if len(cells) != columns:
            raise DataError(f"{file}:{number}: {len(cells)} columns, and the lines before have {columns}")
        if column is not None and column >= columns:
            raise DataError(f"{file}:{number}: column is {column}, and there are {columns}, counted from 0")
        tag = cells[-1 if column is None else column]
        if not is_chunk(tag):
            plain = plain or (number, tag)
        elif tag != "O":
            chunked = chunked or (number, tag)
        if plain and chunked:
            number, tag = plain
            raise DataError(
                f"{file}:{number}: '{tag}' is no tag beside those such as '{chunked[1]}' in line {chunked[0]}: "
                "allowed are O, and B-, I-, E- or S- with a type"
            )
        sentences[-1].append(cells[0])
        tags[-1].append(tag)
    return [s for s in sentences if s], [t for t in tags if t]


def is_chunk(tag: str) -> bool:
    """Whether it marks a part of an entity, or none; other tags, such as parts of speech, are taken as they are."""
    return tag == "O" or (tag[:1] in "BIESLU" and tag[1:2] == "-" and len(tag) > 2)


def to_iob2(tags: Sequence[str]) -> list[str]:
    """IOB1, IOB2 and BIOES as IOB2: an entity begins with B, and goes on with I."""
    found: list[str] = []
    before, ended = "", True
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        if prefix == "O":
            found.append("O")
            before, ended = "", True
            continue
        begins = prefix in ("B", "S", "U") or kind != before or ended
        found.append(f"{'B' if begins else 'I'}-{kind}")
        before, ended = kind, prefix in ("E", "S", "L", "U")
    return found
