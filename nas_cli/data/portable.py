"""From a user's data to a network's inputs, with Python and NumPy alone: `nas export` puts a copy beside the network.

    import json, preprocess
    state = json.load(open("preprocessing.json"))
    inputs = preprocess.encode(state, ["a text", "another"])     # texts; or lists of words; or dicts, one a row
    outputs = session.run(None, {"input": inputs})[0]            # (N, labels), or (N, labels, words)

Where each word gets a label, `preprocess.best_labels(outputs, inputs)` gives their indices, (N, words).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

NOTHING, UNKNOWN, MISSING, FIRST = 0, 1, 1, 2
"""Indices: padding; unknown words, characters and categories; an empty cell; the first known word or category."""
UNSEEN = dict.fromkeys([0xAD, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
"""Invisible characters, such as soft hyphens and direction marks, which are no part of a word."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = 3.4e38
"""The largest float32, rounded down."""
Numbers = np.ndarray[Any, Any]


def encode(state: Mapping[str, Any], examples: Sequence[Any]) -> Any:
    """Inputs of the network whose preprocessing `state` is: int32 (N, 1 + characters, words), or float32 (N, columns).

    Examples are texts, lists of words, or mappings from column to cell, as `state["kind"]` says. Raises ValueError
    where a cell of a numeric column is no number. With several fields, each example is a mapping from field to value,
    and so are the inputs.
    """
    if state["kind"] == "fields":
        of_fields = state["fields"].items()
        return {field: encode(inner, [example[field] for example in examples]) for field, inner in of_fields}
    if state["kind"] == "images":
        return np.asarray(examples, np.uint8)
    return encode_rows(state, examples) if state["kind"] == "table" else encode_words(state, examples)


# Words ----------------------------------------------------------------------------------------------------------------


def tokenize(state: Mapping[str, Any], text: str) -> list[str]:
    """The tokens of a text: words (with apostrophes and accents) and punctuation; or characters; or byte pairs."""
    text = normalise(state, text)
    if state["tokenizer"] == "bpe":
        pairs: list[str] = byte_pairs(state["bpe"]).encode(text).tokens
        return pairs
    if state["tokenizer"] == "character":
        return [letter for letter in text if not letter.isspace()]
    marks = "" if text.isascii() else state.get("marks", "")  # no mark is ASCII; without marks it is faster
    return _pattern(marks).findall(text)


def normalise(state: Mapping[str, Any], text: str) -> str:
    """A text in NFC, without invisible characters.

    Networks from before `marks` were part of the state take a text unchanged.
    """
    if "marks" not in state or text.isascii():
        return text
    return unicodedata.normalize("NFC", text).translate(UNSEEN)


def split(state: Mapping[str, Any], example: Any) -> list[str]:
    """The words of an example: at least one, and at most `longest`."""
    words = tokenize(state, example) if isinstance(example, str) else [normalise(state, word) for word in example]
    return words[: state["longest"]] or [""]


@lru_cache
def _pattern(marks: str) -> re.Pattern[str]:
    """A pattern that matches a word, or a single other sign. `marks` are characters that belong to the letter before
    them (vowel signs, accents, joiners), as hexadecimal ranges, `0300-036f 0483-0487`.
    Raises ValueError where the ranges are malformed.
    """
    ranges = [tuple(int(code, 16) for code in each.split("-")) for each in marks.split()]
    if not ranges:
        return re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
    if any(len(each) > 2 or not 0 <= each[0] <= each[-1] <= 0x10FFFF for each in ranges):
        raise ValueError("marks are ranges of characters, such as 0300-036f")
    mark = "".join(f"\\U{each[0]:08x}-\\U{each[-1]:08x}" for each in ranges)
    word = rf"\w[\w{mark}]*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    sign = rf"[^\w\s][{mark}]*"
    return re.compile(rf"{word}(?:['’]{word})*|{flag}|{sign}(?:(?<=\u200d){sign})*")


def encode_words(state: Mapping[str, Any], examples: Sequence[Any]) -> Numbers:
    """int32 (N, 1 + characters, words): row 0 has the indices of words, the rows below those of each word's first
    characters. A word that is not in the vocabulary is looked up in lower case."""
    words = {word: FIRST + k for k, word in enumerate(state["words"])}
    letters = {letter: FIRST + k for k, letter in enumerate(state["letters"])}
    count, lower = int(state["characters"]), bool(state["lower"])
    sentences = [split(state, example) for example in examples]
    numbers = np.zeros((len(sentences), 1 + count, max(map(len, sentences), default=1)), np.int32)
    for place, sentence in zip(numbers, sentences, strict=True):
        for k, word in enumerate(sentence):
            known = None if lower else words.get(word)
            place[0, k] = words.get(word.lower(), UNKNOWN) if known is None else known
            spelt = [letters.get(letter, UNKNOWN) for letter in word[:count]]
            place[1 : 1 + len(spelt), k] = spelt
    return numbers


_made: dict[str, Any] = {}


def byte_pairs(content: str) -> Any:
    """A tokenizer of Hugging Face's `tokenizers`, from its JSON."""
    if content not in _made:
        from tokenizers import Tokenizer

        _made[content] = Tokenizer.from_str(content)
    return _made[content]


# Tables ---------------------------------------------------------------------------------------------------------------


def encode_rows(state: Mapping[str, Any], rows: Sequence[Mapping[str, str]]) -> Numbers:
    """Like `encode_columns`, for rows as mappings from column to cell. A missing column counts as an empty cell."""
    used = [column["name"] for column in (*state["numbers"], *state["categories"])]
    rows = [{unicodedata.normalize("NFC", name): cell for name, cell in row.items()} for row in rows]
    return encode_columns(state, {name: [row.get(name, "") for row in rows] for name in used})


def encode_columns(state: Mapping[str, Any], table: Mapping[str, Sequence[Any]]) -> Numbers:
    """float32 (N, columns): numeric columns, then indicators of empty cells (1 is empty), then indices of
    categories."""
    missing = set(state["missing"])
    columns, gaps = [], []
    for number in state["numbers"]:
        empty_cells = missing.union(number.get("empty", ()))
        marks = number.get("marks", "")
        values = as_floats(table[number["name"]], empty_cells, number["name"], state["decimal"], marks)
        empty = np.isnan(values)
        columns.append(_interpolate(np.where(empty, number["median"], values), number["knots"], number["values"]))
        if number["gaps"]:
            gaps.append(empty.astype(np.float64))
    chosen = []
    for category in state["categories"]:
        known = {word: FIRST + k for k, word in enumerate(category["words"])}
        known |= dict.fromkeys([*missing, ""], MISSING)
        chosen.append(_by_cell(table[category["name"]], partial(_category, known)))
    return np.stack([*columns, *gaps, *chosen], axis=1).clip(-LARGEST, LARGEST).astype(np.float32)


def _category(known: Mapping[str, int], cell: Any) -> float:
    return known.get(unicodedata.normalize("NFC", str(cell).strip()), 0)


def as_floats(cells: Sequence[Any], missing: set[str], name: str, decimal: str = ".", marks: str = "") -> Numbers:
    """float64 (N,), NaN where a cell is empty; characters of `marks` are ignored, as in $1,200. Raises ValueError where
    a cell is no finite number."""
    if isinstance(cells, np.ndarray) and cells.dtype == np.float64:
        return cells
    plain = _plain_floats(cells) if decimal == "." and not marks and not any(map(_is_finite, missing)) else None
    return _by_cell(cells, partial(_number, missing, name, decimal, marks)) if plain is None else plain


def _plain_floats(cells: Sequence[Any]) -> Numbers | None:
    """A fast path for cells that are all finite numbers in ASCII; else None."""
    try:
        found = np.fromiter(map(float, cells), np.float64, len(cells))
        text = "".join(cells)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found).all() and text.isascii() and "_" not in text else None


def _number(missing: set[str], name: str, decimal: str, marks: str, cell: Any) -> float:
    text = str(cell).strip()
    if text in missing or not text:
        return math.nan
    for mark in marks:
        text = text.replace(mark, "")
    try:
        value = as_number(text, decimal)
    except ValueError:
        raise ValueError(f"column '{name}' is numeric and has the cell '{text}'") from None
    if not math.isfinite(value):
        raise ValueError(f"column '{name}' has the cell '{text}', which is no finite number")
    return value


def _is_finite(text: str) -> bool:
    """Whether a text is a finite number: one such as -999 may stand for an empty cell."""
    try:
        return math.isfinite(as_number(text))
    except ValueError:
        return False


def is_number(text: object, decimal: str = ".") -> bool:
    try:
        as_number(str(text), decimal)
    except ValueError:
        return False
    return True


def as_number(text: str, decimal: str = ".") -> float:
    """The number that a text spells. With a decimal comma, points separate thousands: 1.234,5. Raises ValueError for
    anything else, and for 1_000, nan and digits of other scripts, which `float` accepts."""
    if decimal == ",":
        whole, _, rest = text.partition(",")
        if any(len(group) != 3 for group in whole.split(".")[1:]) or "." in rest:
            raise ValueError(text)
        text = whole.replace(".", "") + "." + (rest or "0")
    text = text.replace("\u2212", "-")  # a minus as it is printed
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _by_cell(cells: Sequence[Any], read: Callable[[Any], float]) -> Numbers:
    """`read` of each cell, float64 (N,); equal cells are read once."""
    found = {cell: read(cell) for cell in set(cells)}
    return np.fromiter(map(found.__getitem__, cells), np.float64, len(cells))


def _interpolate(values: Numbers, knots: Sequence[float], wanted: Sequence[float]) -> Numbers:
    """Piecewise linear interpolation. Two knots are a line that extrapolates; more are clamped to the range of the
    training part; one is a constant."""
    if len(knots) == 2:
        slope = (wanted[1] - wanted[0]) / (knots[1] - knots[0])
        return wanted[0] + (values - knots[0]) * slope
    found: Numbers = np.interp(values, knots, wanted)
    return found if len(knots) > 1 else np.zeros_like(values)


# Labels of words ------------------------------------------------------------------------------------------------------


def best_labels(outputs: Numbers, inputs: Numbers) -> Numbers:
    """Index of the highest-scoring label of each word, (N, words), from outputs (N, labels, …) for inputs (N, …,
    words)."""
    if outputs.shape[2] > inputs.shape[2]:
        return best_paths(outputs, (inputs[:, 0] != NOTHING).sum(axis=1))
    best: Numbers = outputs.argmax(axis=1)
    return best


def best_paths(outputs: Numbers, sizes: Numbers) -> Numbers:
    """The most probable labels of sentences of `sizes` (N,) words, (N, words), by Viterbi's algorithm.

    `outputs` (N, T, T + 2 + words) are those of a conditional random field over T labels: transition scores from a
    label (row) to a label (column), start and end scores, then the label scores of each word.
    """
    labels = outputs.shape[1]
    moves, start, end = outputs[0, :, :labels], outputs[0, :, labels], outputs[0, :, labels + 1]
    scores = outputs[:, :, labels + 2 :].transpose(0, 2, 1)
    count, length = scores.shape[:2]
    came_from = np.zeros((count, length, labels), np.int64)
    best = start + scores[:, 0]
    for place in range(1, length):
        through = best[:, :, None] + moves
        came_from[:, place] = through.argmax(axis=1)
        best = np.where((place < sizes)[:, None], through.max(axis=1) + scores[:, place], best)
    paths = np.zeros((count, length), np.int64)
    rows, label = np.arange(count), (best + end).argmax(axis=1)
    for place in range(length - 1, -1, -1):
        paths[:, place] = label
        label = np.where(place < sizes, came_from[rows, place, label], label)
    return paths
