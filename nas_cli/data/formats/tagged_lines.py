"""Reads files with a word on each line: finds the columns of words and of tags."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from nas_cli.data.formats.encodings import decode
from nas_cli.data.formats.files import read_bytes
from nas_cli.data.formats.sentences import BREAK, cells_of, count_words, has_tabs, is_comment, is_header
from nas_cli.data.formats.tag_schemes import is_chunk, scheme_of, unifier
from nas_cli.errors import DataError

UNIVERSAL, UNIVERSAL_TAG = 10, 3
"""The number of columns in CoNLL-U, and the index of its universal part-of-speech tags."""


@dataclass(frozen=True)
class Tagged:
    """Sentences with their tags in the usual spelling. `columns` is the number of columns, `word` and `tag` are indices
    of columns, `spelling` maps a tag of the file to the usual spelling, `comments` and `ranges` count skipped lines,
    and `header` has the names of the columns.
    """

    sentences: list[list[str]]
    tags: list[list[str]]
    columns: int = 2
    word: int = 0
    tag: int = 1
    spelling: Mapping[str, str] = field(default_factory=dict)
    comments: int = 0
    ranges: int = 0
    header: str = ""

    def notes(self, file: Path, column: int | None) -> list[str]:
        """Sentences on what was guessed and passed over."""
        found = []
        if self.header:
            found.append(f"the first line of {file}, '{self.header}', is taken for the names of its columns")
        if self.word:
            found.append(f"the first column of {file} numbers the words, and the second has them")
        if self.columns > 2 and column is None:
            found.append(f"of {self.columns} columns the tag's is {self.tag}, counted from 0; column: says another")
        if self.comments + self.ranges:
            found.append(
                f"passed over in {file}: {self.comments:,} lines of comments and {self.ranges:,} of words that are in "
                "other lines too"
            )
        empty = sum(word == "" for sentence in self.sentences for word in sentence)
        if empty:
            found.append(f"words of {file} that are empty: {empty:,}")
        changed = next((f"'{tag}' as '{usual}'" for tag, usual in self.spelling.items() if tag != usual), None)
        if changed:
            found.append(f"tags are spelled in another way and read in the usual one, {changed} say")
        scheme = scheme_of(self.tags)
        if not scheme:
            found.append("no tag marks an entity (B-TYPE, I-TYPE): each is taken as it is, as parts of speech are")
        elif scheme != "IOB2":
            found.append(f"tags are in {scheme}, and become IOB2")
        return found


def read_tagged(
    file: Path, encoding: str, column: int | None, like: Tagged | None = None, limit: int | None = None
) -> Tagged:
    """The sentences of a file; with `limit`, only the first word within so many bytes. For another part, `like` is the
    training part.
    Raises DataError with the file and line that cannot be read.
    """
    raw = read_bytes(file, file.suffix.lower() == ".gz", limit)
    if limit is not None:
        raw = _first_word(raw)
    blocks, comments = _blocks(file, decode(raw, encoding, file))
    header, blocks = _without_header(blocks)
    columns = len(blocks[0][0][1]) if blocks else 2
    word = like.word if like else int(columns > 2 and _are_numbered(blocks))
    lines = sum(map(len, blocks))
    if word:
        blocks = [list(filter(_has_a_number, block)) for block in blocks]
    ranges = lines - sum(map(len, blocks))
    place = column if column is not None else _tag_column(file, blocks, columns, word, like)
    if column is not None and column >= columns:
        raise DataError(f"{file}:{blocks[0][0][0]}: column is {column}, and there are {columns}, counted from 0")
    blocks = [block for block in blocks if block]
    tags, spelling = _tags_at(file, place, blocks, like.spelling if like else {})
    return Tagged(
        [[cells[word] for _, cells in block] for block in blocks],
        tags,
        columns,
        word,
        place,
        spelling,
        comments,
        ranges,
        header,
    )


def _without_header(blocks: list[list[Line]]) -> tuple[str, list[list[Line]]]:
    """The header ("" where there is none), and the blocks without it."""
    if not blocks or not is_header(blocks[0][0][1]):
        return "", blocks
    (_, names), *others = blocks[0]
    return " ".join(names), [block for block in (others, *blocks[1:]) if block]


def _has_a_number(line: Line) -> bool:
    """Whether a line is a single word of CoNLL-U: the range `3-4` repeats the words of lines 3 and 4."""
    return line[1][0].isdigit()


def _tags_at(
    file: Path, place: int, blocks: Sequence[Sequence[Line]], known: Mapping[str, str]
) -> tuple[list[list[str]], dict[str, str]]:
    """The tags in the column `place`, in the usual spelling, and the map to it; `known` is the map of the training
    part. Raises DataError where only some of the tags mark entities.
    """
    numbered = [[(number, unicodedata.normalize("NFC", cells[place])) for number, cells in block] for block in blocks]
    different = dict.fromkeys(tag for block in numbered for _, tag in block)
    spelling = {**unifier(different), **known}
    usual = [[(number, spelling.get(tag, tag)) for number, tag in block] for block in numbered]
    _require_one_kind(file, [line for block in usual for line in block])
    return [[tag for _, tag in block] for block in usual], spelling


def _first_word(raw: bytes) -> bytes:
    """The lines up to the second one with a word: the first may be a header."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw[: len(raw) // 2 * 2]
    lines = raw.split(b"\n")
    words = (k for k, line in enumerate(lines) if line.strip() and not line.startswith((b"#", b"-DOCSTART-")))
    return b"\n".join(lines[: next(islice(words, 1, None), len(lines)) + 1])


Line = tuple[int, list[str]]
"""(line number, cells)."""


def _blocks(file: Path, text: str) -> tuple[list[list[Line]], int]:
    """The lines of each sentence, all with the same number of cells, and the number of comments."""
    blocks: list[list[Line]] = [[]]
    lines = text.split("\n")
    columns, comments, tabbed = 0, 0, has_tabs(lines)
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r")
        if is_comment(line, tabbed):
            comments += 1
            continue
        cells = cells_of(line)
        if not line.strip() or cells[0].startswith(BREAK):
            blocks.append([])
            continue
        columns = columns or len(cells)
        if len(cells) < 2:
            raise DataError(f"{file}:{number}: one column, '{cells[0]}', where a word and its tag are expected")
        if len(cells) != columns:
            raise DataError(f"{file}:{number}: {len(cells)} columns, and the lines before have {columns}")
        if not cells[-1]:
            raise DataError(f"{file}:{number}: no tag: the last column is empty")
        blocks[-1].append((number, cells))
    return [block for block in blocks if block], comments


def _are_numbered(blocks: Sequence[Sequence[Line]]) -> bool:
    """Whether the first column numbers the words of every sentence, from 1 or 0."""
    return bool(blocks) and all(count_words([cells[0] for _, cells in block]) for block in blocks)


def _tag_column(file: Path, blocks: Sequence[Sequence[Line]], columns: int, word: int, like: Tagged | None) -> int:
    """The index of the tag column: the last; or the only one whose tags mark entities, where those of the last do not.
    Raises DataError where that is the first column, which has the words."""
    if like is not None and like.columns == columns:
        return like.tag
    last = UNIVERSAL_TAG if word and columns == UNIVERSAL else columns - 1
    marking = [place for place in range(columns) if _mark_entities({c[place] for block in blocks for _, c in block})]
    if last in marking or len(marking) != 1:
        return last
    if marking[0] <= word:
        raise DataError(f"{file}: the first column has tags, and a line is to begin with its word: change their places")
    return marking[0]


def _mark_entities(tags: Collection[str]) -> bool:
    tags = {*map(unifier(tags).get, tags, tags)}
    return "O" in tags and len(tags) > 1 and all(map(is_chunk, tags))


def _require_one_kind(file: Path, tags: Sequence[tuple[int, str]]) -> None:
    """Raises DataError where only some of the tags mark entities."""
    chunked = next(((number, tag) for number, tag in tags if tag != "O" and is_chunk(tag)), None)
    plain = next(((number, tag) for number, tag in tags if not is_chunk(tag)), None)
    if chunked and plain:
        raise DataError(
            f"{file}:{plain[0]}: '{plain[1]}' is no tag beside those such as '{chunked[1]}' in line {chunked[0]}: "
            "allowed are O, and B-, I-, E- or S- with a type"
        )
