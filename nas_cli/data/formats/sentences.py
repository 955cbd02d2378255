"""Reads sentences in the columns of the CoNLL shared tasks, with or without tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

FORMATS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".bioes", ".annotated")
ENDINGS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".annotated", ".train", ".dev", ".testa", ".testb")
BREAK = "-DOCSTART-"
SPACES = re.compile(r"[ \t]+")
COMMENT = re.compile(r"#\s*[\w.:]+\s*=|# *(newdoc|newpar|global)\b")
"""A comment of CoNLL-U in files separated by spaces; in files separated by tabs, a comment has no tab."""
NUMBER = re.compile(r"\d+([-.]\d+)?")
WORD_NAMES = ("word", "words", "token", "tokens", "form")
TAG_NAMES = ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "iob", "bio", "pos", "pos_tag", "upos")


def in_columns(path: Path, head: Sequence[str], labels: Sequence[str], column: int | None) -> bool:
    """Whether a file has a word on each line and an empty line after each sentence, rather than a sentence on each
    line.
    Decided by its ending, else by its first lines: all have the same number of columns, and the last, or `column`, has
    only tags of the kinds in `labels`; or there are single words, with empty lines between them.
    """
    if path.name.lower().removesuffix(".gz").endswith(ENDINGS):
        return True
    full = [line for line in head if is_word(line, has_tabs(head))]
    rows = [cells_of(line) for line in full]
    rows = rows[1:] if rows and is_header(rows[0]) else rows
    widths = set(map(len, rows))
    if len(widths) != 1:
        return False
    gaps = len(full) < len(head)
    if widths == {1}:
        return len(full) > 1 and gaps
    return _are_tags(rows, labels, column) or (gaps and all("\t" in line for line in full))


def are_columns(head: Sequence[str]) -> bool:
    """Whether the first lines of a file have several columns, and empty lines between sentences."""
    tabbed = has_tabs(head)
    widths = {len(cells_of(line)) for line in head if is_word(line, tabbed)}
    return len(widths) == 1 and min(widths) > 1 and any(not line.strip() for line in head)


def sentences(
    lines: Iterable[str], head: Sequence[str], labels: Sequence[str] = (), column: int | None = None
) -> Iterator[list[str]]:
    """The words of each sentence: the first column, or the second where the first numbers them. `head` are the first
    of the lines."""
    tabbed = has_tabs(head)
    numbered = _are_numbered(head, labels, column)
    words: list[str] = []
    first = True
    for line in lines:
        if is_comment(line, tabbed):
            continue
        cells = cells_of(line)
        if is_word(line, tabbed):
            if (cells[0].isdigit() or not numbered) and not (first and is_header(cells)):
                words.append(cells[min(int(numbered), len(cells) - 1)])
            first = False
        elif words:
            yield words
            words = []
    if words:
        yield words


def cells_of(line: str) -> list[str]:
    """The cells of a line. Only spaces and tabs separate: other Unicode spaces may be words."""
    cells = line.split("\t") if "\t" in line else SPACES.split(line.strip(" \t"))
    return [cell.strip(" ") for cell in cells]


def has_tabs(lines: Iterable[str]) -> bool:
    return any("\t" in line.strip() for line in lines)


def is_comment(line: str, tabbed: bool) -> bool:
    """`tabbed`: the columns of the file are separated by tabs."""
    return line.startswith("#") and ("\t" not in line if tabbed else bool(COMMENT.match(line)))


def is_word(line: str, tabbed: bool) -> bool:
    """Whether a line has a word: it is not empty, no comment and no break between documents."""
    return bool(line.strip()) and not line.startswith(BREAK) and not is_comment(line, tabbed)


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first line of a file names its columns."""
    return len(cells) > 1 and cells[0].lower() in WORD_NAMES and cells[-1].lower() in TAG_NAMES


def count_words(firsts: Sequence[str]) -> bool:
    """Whether a sentence's first column numbers its words from 1 or 0. Ranges (3-4) and empty words (3.1) are
    allowed."""
    whole = [int(first[:9]) for first in firsts if first.isdecimal()]
    counts = list(range(len(whole))), list(range(1, len(whole) + 1))
    return all(map(NUMBER.fullmatch, firsts)) and whole in counts


def _are_numbered(head: Sequence[str], labels: Sequence[str], column: int | None) -> bool:
    tabbed = has_tabs(head)
    blocks: list[list[list[str]]] = [[]]
    for line in head:
        if is_word(line, tabbed):
            blocks[-1].append(cells_of(line))
        elif not is_comment(line, tabbed):
            blocks.append([])
    blocks = [block for block in blocks if block]
    rows = [cells for block in blocks for cells in block]
    if not rows or min(map(len, rows)) < 2:
        return False
    if max(map(len, rows)) == 2 and labels and _are_tags(rows, labels, column):
        return False  # a word and its tag
    return all(count_words([cells[0] for cells in block]) for block in blocks)


def _are_tags(rows: Sequence[Sequence[str]], labels: Sequence[str], column: int | None) -> bool:
    kinds = {_kind(label) for label in labels} | {"O"}
    return all(_kind(_tag(row, column)) in kinds for row in rows)


def _tag(row: Sequence[str], column: int | None) -> str:
    return row[-1] if column is None or column >= len(row) else row[column]


def _kind(tag: str) -> str:
    """The type of a tag: PER of B-PER; other tags are their own type."""
    return tag.partition("-")[2] or tag
