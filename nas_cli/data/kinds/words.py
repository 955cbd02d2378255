"""Texts and sentences as numbers: the words and characters that the training part has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data.formats.vectors import VectorFile
from nas_cli.data.kind import KINDS, Kind, Repeats
from nas_cli.data.kinds.marks import known_marks, without_spaces
from nas_cli.data.portable import FIRST, byte_pairs, encode_words, normalise, split, tokenize
from nas_cli.data.source import ENCODERS, Array
from nas_cli.errors import DataError, MissingExtraError

Tokenizer = Literal["word", "character", "bpe"]
TYPICAL = 0.95
"""Costs and latency are measured at this quantile of the training part's lengths."""

MOST = 1_000_000
"""Words of a text and characters of a word that are read, at most."""
VECTOR_SIZES = ("learned", "without", "size")


@dataclass(frozen=True)
class WordEncoder:
    """Sequences of words as int32 (n, 1 + characters, L): row 0 the words, below each the first of its characters.

    Raw examples are texts (kind "texts") or tuples of words ("sentences"); what is longer than `longest` is cut.
    `state` is what `portable.encode_words` takes. Where there are pretrained `vectors`, float32 (n, size), they are of
    the last n words; `content["vectors"]` says how many words can be learned, and how many of these have no vector.
    """

    content: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    raw: ClassVar[bool] = False
    levels: ClassVar[None] = None
    vectors: Array | None = None

    @property
    def assets(self) -> Mapping[str, Array]:
        return {} if self.vectors is None else {"vectors": self.vectors}

    @property
    def kind(self) -> str:
        return str(self.content["kind"])

    @property
    def axes(self) -> Axes:
        return Axes("int32", (1 + self.content["characters"], self.content["typical"]), ragged=True)

    @property
    def facts(self) -> Mapping[str, Any]:
        known, vectors = len(self.content["words"]), self.content.get("vectors")
        facts = {"words": FIRST + known, "places": self.content["typical"], "longest": self.content["longest"]}
        if self.content["characters"]:
            facts["characters"] = FIRST + len(self.content["letters"])
        if vectors:
            facts |= {"words": FIRST + vectors["learned"], "words_without_vectors": FIRST + vectors["without"]}
            facts |= {"vectors": FIRST + known, "vector_size": vectors["size"]}
        return facts

    def require(self, column: Column[Array], whose: str) -> None:
        """Nothing to check: the network takes every encoded sequence."""

    def encode(self, raw: Array) -> Array:
        return encode_words(self.content, raw.tolist())

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """Each argument is a text, or a file of UTF-8 texts, one a line."""
        found: list[tuple[str, Array]] = []
        for argument in arguments:
            for text in _lines(Path(argument)) if _is_file(argument) else [argument]:
                if not text.strip():
                    raise DataError("an empty text has no words to predict from")
                raw = np.empty(1, object)
                raw[0] = text if self.content["kind"] == "texts" else tuple(tokenize(self.content, text))
                found.append((text, raw))
        return found

    def state(self) -> dict[str, Any]:
        return dict(self.content)


WHAT: Mapping[str, str] = {"word": "words", "character": "characters", "bpe": "byte pairs"}
"""What a tokenizer divides a text into."""


def fit_words(
    kind: Literal["texts", "sentences"],
    examples: Sequence[Any],
    *,
    tokenizer: Tokenizer = "word",
    characters: int = 0,
    longest: int = 256,
    least: int = 1,
    most: int = 50_000,
    lower: bool = False,
    vectors: VectorFile | None = None,
) -> WordEncoder:
    """From the examples of the training part: the `most` frequent words that occur `least` times, and those that
    `vectors` tell apart.

    Raises MissingExtraError where byte pairs are wanted and the library for them is not there, and DataError where
    the vectors cannot be read, or do not fit.
    """
    if vectors is not None and tokenizer != "word":
        raise DataError(f"vectors are of words, and tokenizer is {tokenizer}: leave one of them out")
    settings: dict[str, Any] = {"kind": kind, "tokenizer": tokenizer, "longest": longest, "lower": lower}
    settings["marks"] = known_marks()
    if tokenizer == "bpe":
        settings["bpe"] = _fit_byte_pairs([normalise(settings, text) for text in examples], most, lower)
    whole = [split({**settings, "longest": None}, example) for example in examples]
    sentences = [sentence[:longest] for sentence in whole]
    counts = _counts(sentences, lower)
    words = most_frequent(counts, least, most)
    letters = _letters(sentences) if characters else []
    sizes = list(map(len, sentences))
    typical = max(2, int(np.quantile(sizes, TYPICAL)))
    often = f" that occur {least} times or more" if least > 1 else ""
    what = WHAT[tokenizer]
    notes = [f"{len(examples):,} {kind} of {max(sizes):,} {what} at most, {len(words):,} different ones{often}"]
    notes += _about_sizes(whole, longest, what)
    if kind == "texts" and tokenizer == "word" and without_spaces(counts):
        notes.append(
            "most letters are of a script that puts no spaces between words, and a run of them counts as one word: "
            "tokenizer: character or bpe reads such texts better"
        )
    content = {**settings, "words": words, "letters": letters, "characters": characters, "typical": typical}
    if vectors is None:
        return WordEncoder(content, tuple(notes))
    joined = vectors.join(words, counts, lower)
    sizes_of = {"learned": joined.learned, "without": joined.without, "size": joined.rows.shape[1]}
    content = {**content, "words": joined.words, "vectors": sizes_of}
    return WordEncoder(content, (*notes, joined.note), joined.rows)


def _about_sizes(whole: Sequence[Sequence[str]], longest: int, what: str) -> list[str]:
    notes = []
    cut = sum(len(sentence) > longest for sentence in whole)
    if cut:
        notes.append(f"longer than max_length, so that only their first {longest} {what} are read: {cut:,}")
    empty = sum(sentence == [""] for sentence in whole)
    if empty:
        notes.append(f"without any word: {empty:,}")
    return notes


def _counts(sentences: Sequence[Sequence[str]], lower: bool) -> Counter[str]:
    words = chain.from_iterable(sentences)
    return Counter(map(str.lower, words)) if lower else Counter(words)


def _letters(sentences: Sequence[Sequence[str]]) -> list[str]:
    """The characters that occur at least twice."""
    return most_frequent(Counter(letter for sentence in sentences for word in sentence for letter in word), 2)


def most_frequent(counts: Mapping[str, int], least: int, most: int | None = None) -> list[str]:
    """What occurs `least` times or more, the most frequent first, ties by the alphabet; `most` of it."""
    known = sorted((item for item, count in counts.items() if count >= least), key=lambda item: (-counts[item], item))
    return known[:most]


def _fit_byte_pairs(texts: Sequence[str], size: int, lower: bool) -> str:
    """Byte-pair encoding (Sennrich et al. 2016), trained on `texts`; as JSON of Hugging Face's tokenizers."""
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    except ImportError:
        raise MissingExtraError("tokenizers", "text", "tokenizer: bpe") from None
    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    if lower:
        made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(texts, trainer)
    return str(made.to_str())


def _restore(state: Mapping[str, Any]) -> WordEncoder:
    """Raises ValueError, TypeError or KeyError where the file that `state` comes from is damaged."""
    for name, least in (("longest", 1), ("characters", 0), ("typical", 1)):
        if not least <= int(state[name]) <= MOST:
            raise ValueError(f"{name} must be a number from {least} to {MOST:,}")
    if state["tokenizer"] not in get_args(Tokenizer):
        raise ValueError(f"there is no tokenizer {state['tokenizer']}")
    sizes = {name: int(state["vectors"][name]) for name in VECTOR_SIZES} if "vectors" in state else None
    return WordEncoder(
        {
            "kind": str(state["kind"]),
            "tokenizer": str(state["tokenizer"]),
            "longest": int(state["longest"]),
            "lower": bool(state["lower"]),
            **({"marks": _checked_marks(state["marks"])} if "marks" in state else {}),
            **({"bpe": _checked_byte_pairs(state["bpe"])} if state["tokenizer"] == "bpe" else {}),
            "words": [str(word) for word in state["words"]],
            "letters": [str(letter) for letter in state["letters"]],
            "characters": int(state["characters"]),
            "typical": int(state["typical"]),
            **({"vectors": sizes} if sizes else {}),
            **({"documents": bool(state["documents"])} if "documents" in state else {}),
        }
    )


def _checked_byte_pairs(content: object) -> str:
    """Raises ValueError where they cannot be read, MissingExtraError where the library for them is not there."""
    try:
        byte_pairs(str(content))
    except ImportError:
        raise MissingExtraError("tokenizers", "text", "a network of byte pairs") from None
    except Exception as error:  # noqa: BLE001 - the library raises nothing more particular
        raise ValueError(f"its byte pairs cannot be read: {error}") from None
    return str(content)


def _checked_marks(marks: object) -> str:
    """Raises ValueError where no words can be found by them."""
    tokenize({"tokenizer": "word", "marks": str(marks)}, "\u00e9")
    return str(marks)


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


ENCODERS.register("texts")(_restore)
ENCODERS.register("sentences")(_restore)
KINDS["texts"] = Kind("text", repeats=Repeats("texts", "", 2, contradict=True))
KINDS["sentences"] = Kind("sentence", repeats=Repeats("sentences", "", 2))
