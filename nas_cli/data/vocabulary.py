"""Texts and sentences as numbers: words, their characters, and the encoders that fit and apply them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.source import ENCODERS, Array
from nas_cli.errors import DataError

NOTHING, UNKNOWN = 0, 1
FIRST = 2
"""The number of the first word that is known."""
TYPICAL = 0.95
"""The length that costs and latency are given for: at least that of so many of the training part's examples."""
TOKENS = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def tokenize(text: str) -> list[str]:
    """Words, with their apostrophes, and punctuation marks."""
    return TOKENS.findall(text)


def count_known(items: Iterable[str], least: int, most: int | None = None) -> list[str]:
    """What occurs `least` times or more, the most frequent first, ties by the alphabet."""
    counts = Counter(items)
    known = sorted((item for item, count in counts.items() if count >= least), key=lambda item: (-counts[item], item))
    return known[:most]


@dataclass(frozen=True)
class WordEncoder:
    """Sequences of words as int32 (n, 1 + characters, L): row 0 the words, below each the first of its characters.

    0 is nothing and 1 unknown. Words are looked up as they are, then in lower case. `raw` examples are tuples of words
    (kind "sentences") or texts (kind "texts"), which are cut after `longest` words.
    """

    kind: str
    words: tuple[str, ...]
    letters: tuple[str, ...]
    characters: int
    longest: int
    typical: int
    lower: bool = False
    notes: tuple[str, ...] = ()
    _word_numbers: dict[str, int] = field(init=False, repr=False)
    _letter_numbers: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_word_numbers", {word: FIRST + k for k, word in enumerate(self.words)})
        object.__setattr__(self, "_letter_numbers", {letter: FIRST + k for k, letter in enumerate(self.letters)})

    @property
    def shape(self) -> tuple[int, ...]:
        return (1 + self.characters, self.typical)

    @property
    def dtype(self) -> str:
        return "int32"

    @property
    def facts(self) -> Mapping[str, Any]:
        counted = {"words": FIRST + len(self.words), "places": self.typical}
        return {**counted, "characters": FIRST + len(self.letters)} if self.characters else counted

    def encode(self, raw: Array) -> Array:
        """Raises nothing: a word that is not known is UNKNOWN, and a text without words one unknown word."""
        sentences = [self.split(example) for example in raw]
        numbers = np.zeros((len(sentences), 1 + self.characters, max(map(len, sentences), default=1)), np.int32)
        for place, sentence in zip(numbers, sentences, strict=True):
            place[0, : len(sentence)] = [self._number(word) for word in sentence]
            for k, word in enumerate(sentence if self.characters else ()):
                letters = [self._letter_numbers.get(letter, UNKNOWN) for letter in word[: self.characters]]
                place[1 : 1 + len(letters), k] = letters
        return numbers

    def split(self, example: Any) -> Sequence[str]:
        """The words of an example, at least one and at most `longest`."""
        words: Sequence[str] = tokenize(example) if isinstance(example, str) else example
        return words[: self.longest] or ("",)

    def _number(self, word: str) -> int:
        word = word.lower() if self.lower else word
        return self._word_numbers.get(word) or self._word_numbers.get(word.lower(), UNKNOWN)

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """Each argument is a text, or a file of UTF-8 texts, one a line."""
        found: list[tuple[str, Array]] = []
        for argument in arguments:
            texts = _lines(Path(argument)) if _is_file(argument) else [argument]
            for text in texts:
                example = text if self.kind == "texts" else tuple(tokenize(text))
                if not text.strip():
                    raise DataError("an empty text has no words to predict from")
                raw = np.empty(1, object)
                raw[0] = example
                found.append((text, raw))
        return found

    def state(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "words": list(self.words),
            "letters": list(self.letters),
            "characters": self.characters,
            "longest": self.longest,
            "typical": self.typical,
            "lower": self.lower,
        }


def fit_words(
    kind: str, sentences: Sequence[Sequence[str]], characters: int, longest: int, least: int, most: int, lower: bool
) -> WordEncoder:
    """From the sentences of the training part; a word that occurs less than `least` times is unknown."""
    sizes = [min(len(sentence), longest) for sentence in sentences]
    typical = max(2, int(np.quantile(sizes, TYPICAL)))
    words = count_known((w.lower() if lower else w for s in sentences for w in s), least, most)
    letters = count_known((letter for s in sentences for w in s for letter in w), 2) if characters else []
    often = f" that occur {least} times or more" if least > 1 else ""
    notes = (f"{len(words):,} different words{often}, {len(sentences):,} {kind}, {max(sizes)} words at most",)
    return WordEncoder(
        kind, tuple(words), tuple(letters), characters, longest, typical, lower, tuple(filter(None, notes))
    )


def _restore(state: Mapping[str, Any]) -> WordEncoder:
    return WordEncoder(
        str(state["kind"]),
        tuple(map(str, state["words"])),
        tuple(map(str, state["letters"])),
        int(state["characters"]),
        int(state["longest"]),
        int(state["typical"]),
        bool(state["lower"]),
    )


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # a text may be longer than a path can be
        return False


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text: byte {error.start} cannot be read") from None


for _kind in ("texts", "sentences"):
    ENCODERS.register(_kind)(_restore)
