"""Named entities in tags, as the conlleval script of the CoNLL shared tasks reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

Entity = tuple[str, int, int]
"""(type, first word, last word)."""


def find_entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence with tags O, B-TYPE, I-TYPE, in the order of the words.

    One begins at a B, or at an I after another type or after O, as conlleval has it.
    """
    found: list[Entity] = []
    first, kind = -1, ""
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        goes_on = prefix == "I" and kind == name and first >= 0
        if first >= 0 and not goes_on:
            found.append((kind, first, place - 1))
            first = -1
        if prefix in ("B", "I") and not goes_on:
            first, kind = place, name
    return found


def count_entities(
    wanted: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]
) -> dict[str, tuple[int, int, int]]:
    """(right, predicted, true) entities by type; right is one whose type and both ends are."""
    right: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    true: Counter[str] = Counter()
    for gold, guess in zip(wanted, predicted, strict=True):
        true_ones, claimed_ones = set(find_entities(gold)), set(find_entities(guess))
        true.update(kind for kind, _, _ in true_ones)
        claimed.update(kind for kind, _, _ in claimed_ones)
        right.update(kind for kind, _, _ in true_ones & claimed_ones)
    return {kind: (right[kind], claimed[kind], true[kind]) for kind in sorted(set(true) | set(claimed))}


def scores(right: int, claimed: int, true: int) -> dict[str, float]:
    """Precision, recall and F1; a ratio of nothing is 0."""
    precision = right / claimed if claimed else 0.0
    recall = right / true if true else 0.0
    total = claimed + true
    return {"precision": precision, "recall": recall, "f1": 2 * right / total if total else 0.0}


def total(counts: dict[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    """Over all types."""
    right, claimed, true = (sum(count[k] for count in counts.values()) for k in range(3))
    return right, claimed, true
