"""Reads pretrained word vectors: text files of GloVe, word2vec or fastText, or safetensors."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from nas_cli.data.formats.files import first_line, reading_bytes, require_file
from nas_cli.data.source import Array
from nas_cli.errors import DataError
from nas_cli.files import utf8_path

UNREADABLE = {
    ".zip": "is an archive: unpack it, and name one of its files",
    ".bin": "is a binary file: save the vectors as text, or as safetensors",
    ".npy": "is an array without its words: save both as safetensors",
}
LONGEST_LINE = 1_000_000
"""Most bytes of a line; a word with a thousand numbers takes a tenth of that."""
LONGEST_NUMBER = 18
"""Most digits of a count: no file has more vectors than that."""


@dataclass(frozen=True)
class Vectors:
    """`rows` float32 (n, size); `words` maps each word, as spelled in the file, to its row."""

    words: Mapping[str, int]
    rows: Array

    def __contains__(self, word: str) -> bool:
        return word in self.words or word.lower() in self.words

    def row(self, word: str) -> int:
        """The row of `word` as spelled, else of its lower case."""
        return self.words[word] if word in self.words else self.words[word.lower()]


@dataclass(frozen=True)
class Joined:
    """A vocabulary `words`: first the `learned` words of the training part, of which the first `without` have no
    vector; then words that only the file has. `rows` float32 (len(words) - without, size) are the vectors, in the order
    of `words`.
    """

    words: list[str]
    learned: int
    without: int
    rows: Array
    note: str


@dataclass(frozen=True)
class VectorFile:
    """A file of vectors; its `first` words are known even where the training part lacks them."""

    path: Path
    first: int

    def join(self, known: Sequence[str], counts: Mapping[str, int], lower: bool) -> Joined:
        """Joins the `known` words of the training part, which occur `counts` times, with those of the file. Raises
        DataError.
        With `lower`, words are looked up only in lower case, so other words of the file are left out.
        """
        wanted = {form for word in counts for form in (word, word.lower())}
        vectors = read_vectors(self.path, wanted, self.first)
        has = {word for word in counts if word in vectors}
        if not has:
            raise DataError(f"{self.path} has none of the {len(counts):,} words of the training part")
        without, within = [w for w in known if w not in has], [w for w in known if w in has]
        rare = sorted(has - set(known))
        more = _others(vectors, has | set(known), lower)
        order = [vectors.row(word) for word in (*within, *rare, *more)]
        share = sum(counts[word] for word in has) / sum(counts.values())
        note = (
            f"{self.path} has vectors of {vectors.rows.shape[1]} numbers for {len(has):,} of the {len(counts):,} "
            f"different words of the training part ({share:.1%} of all its words), and for "
            f"{len(more):,} others that are known by them"
        )
        rows = np.ascontiguousarray(vectors.rows[order])
        return Joined([*without, *within, *rare, *more], len(known), len(without), rows, note)


def _others(vectors: Vectors, taken: set[str], lower: bool) -> list[str]:
    """Words of the file that are not `taken`; with `lower`, only those in lower case."""
    words = [word for word in vectors.words if word not in taken]
    return [word for word in words if word == word.lower()] if lower else words


def read_vectors(path: Path, wanted: Container[str], first: int) -> Vectors:
    """The vectors of the `wanted` words, and of the `first` words of the file, usually the most frequent.
    A repeated word has its first vector. Raises DataError with the file and line that cannot be read.
    """
    require_file(path)
    reason = UNREADABLE.get(path.suffix.lower())
    if reason:
        raise DataError(f"{path} {reason}")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path, wanted, first)
    return _read_text(path, wanted, first)


# Text -----------------------------------------------------------------------------------------------------------------


def _read_text(path: Path, wanted: Container[str], first: int) -> Vectors:
    """Reads lines of a word and its numbers, separated by spaces or tabs; the first line of word2vec has the counts
    instead."""
    words: dict[str, int] = {}
    rows: list[Array] = []
    places: list[int] = []
    size, said, seen = 0, None, 0
    for number, line in _lines(path):
        if not size:
            said, size = _header(line, path)
            if said is not None:
                continue
        word, values = _cut(line, size, path, number)
        seen += 1
        if (seen <= first or word in wanted) and word not in words:
            words[word] = len(rows)
            rows.append(_numbers(values, path, number))
            places.append(number)
    if said is not None and seen != said:
        raise DataError(f"{path} has {seen:,} vectors, and its first line says {said:,}: it is cut short or damaged")
    matrix = np.stack(rows) if rows else np.empty((0, size), np.float32)
    _require_finite(matrix, lambda row: f"{path}:{places[row]}")
    return Vectors(words, matrix)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number, line) of each line that is not empty, without trailing spaces."""
    with reading_bytes(path, path.suffix.lower() == ".gz") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if len(line) > LONGEST_LINE:
                raise DataError(f"{path}:{number}: a line of more than {LONGEST_LINE:,} bytes is no word with a vector")
            text = line.rstrip()
            if text:
                yield number, text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text


def _header(line: bytes, path: Path) -> tuple[int | None, int]:
    """The number of vectors that the first line declares (None where it is a vector itself), and the numbers in
    each."""
    cells = line.split()
    if len(cells) == 2 and all(cell.isdigit() for cell in cells):
        said = tuple(int(cell[:LONGEST_NUMBER]) for cell in cells)
        if not 0 < said[1] <= LONGEST_LINE:
            raise DataError(f"{path}:1: it says that vectors have {said[1]:,} numbers")
        return said[0], said[1]
    if len(cells) < 2:
        raise DataError(f"{path}:1: one column, where a word and its numbers, divided by spaces, are expected")
    return None, len(cells) - 1


def _cut(line: bytes, size: int, path: Path, number: int) -> tuple[str, list[bytes]]:
    """A line's word and its last `size` cells, the numbers; a word may have spaces."""
    cells = line.split(b" ")
    if len(cells) != size + 1 or not cells[0]:
        cells = line.split()
        word, rest = cells[:-size], cells[-size:]
        if not word or any(map(_is_number, word[1:])):
            raise DataError(f"{path}:{number}: {len(cells) - 1} numbers, where {size} are expected after a word")
        cells = [b" ".join(word), *rest]
    try:
        text = cells[0].decode()
        return text if text.isascii() else unicodedata.normalize("NFC", text), cells[1:]
    except UnicodeDecodeError as error:
        byte = f"byte {cells[0][error.start]:#04x}"
        raise DataError(f"{path}:{number}: {byte} is no UTF-8, in which vectors are read: save it as that") from None


def _numbers(values: list[bytes], path: Path, number: int) -> Array:
    try:
        return np.array(list(map(float, values)), np.float32)
    except ValueError:
        wrong = next(value for value in values if not _is_number(value))
        shown = wrong.decode(errors="replace")[:40]
        raise DataError(f"{path}:{number}: '{shown}' is no number") from None


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# Safetensors ----------------------------------------------------------------------------------------------------------


def _read_safetensors(path: Path, wanted: Container[str], first: int) -> Vectors:
    """Reads one tensor of floats (words, size), whose words are a JSON list under `words` in the metadata."""
    try:
        with utf8_path(path) as opened, safe_open(opened, framework="pt") as file:
            names, metadata = list(file.keys()), file.metadata() or {}
            if len(names) != 1:
                raise DataError(f"{path} has {len(names)} tensors, where one (words, numbers) is expected")
            tensor = file.get_tensor(names[0])
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is no safetensors file, or is damaged: {first_line(error)}") from None
    words = _words(path, metadata)
    shape = tuple(tensor.shape)
    if len(shape) != 2 or shape[1] == 0 or not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise DataError(f"{path}: its tensor is {kind} {list(shape)}, where floats (words, numbers) are expected")
    if len(words) != shape[0]:
        raise DataError(f"{path} has {shape[0]:,} vectors and {len(words):,} words")
    kept = [row for row, word in enumerate(words) if row < first or word in wanted]
    matrix = tensor[kept].float().numpy()
    _require_finite(matrix, lambda row: f"{path}: the vector of '{words[kept[row]]}'")
    found: dict[str, int] = {}
    for place, row in enumerate(kept):
        found.setdefault(words[row], place)
    return Vectors(found, matrix)


def _words(path: Path, metadata: Mapping[str, str]) -> list[str]:
    wanted = f"{path}: the words are expected as a JSON list of texts under 'words' in its metadata"
    if "words" not in metadata:
        raise DataError(f"{wanted}; it has {', '.join(metadata) or 'none'}")
    try:
        words = json.loads(metadata["words"])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{wanted}: {first_line(error)}") from None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DataError(wanted)
    return [unicodedata.normalize("NFC", word) for word in words]


def _require_finite(matrix: Array, place: Callable[[int], str]) -> None:
    wrong = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(wrong):
        raise DataError(f"{place(int(wrong[0]))} has a number that is not finite")
