"""Sentences in the columns of the CoNLL shared tasks, with tags or without, as lines to predict from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ENDINGS = (".conll", ".bio", ".iob", ".iob2", ".annotated", ".train", ".dev", ".testa", ".testb")
BREAK = "-DOCSTART-"


def in_columns(path: Path, head: Sequence[str], labels: Sequence[str], column: int | None) -> bool:
    """Whether a file has a word a line and an empty line after each sentence, rather than a sentence a line.

    By its ending, else by its first lines: all have as many columns, and the last, or `column`, has nothing but tags of
    the kinds that `labels` are of; or there are words alone, with empty lines between them.
    """
    if path.name.lower().removesuffix(".gz").endswith(ENDINGS):
        return True
    full = [line for line in head if line.strip() and not line.startswith(BREAK)]
    rows = [_cells(line) for line in full]
    widths = set(map(len, rows))
    if len(widths) != 1:
        return False
    gaps = len(full) < len(head)
    if widths == {1}:
        return len(full) > 1 and gaps
    kinds = {_kind(label) for label in labels} | {"O"}
    tags = [row[-1 if column is None or column >= len(row) else column] for row in rows]
    return all(_kind(tag) in kinds for tag in tags) or (gaps and all("\t" in line for line in full))


def sentences(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each sentence: the first column."""
    words: list[str] = []
    for line in lines:
        cells = _cells(line)
        if line.strip() and not cells[0].startswith(BREAK):
            words.append(cells[0])
        elif words:
            yield words
            words = []
    if words:
        yield words


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()


def _kind(tag: str) -> str:
    """PER of B-PER; other tags are their own kind."""
    return tag.partition("-")[2] or tag
