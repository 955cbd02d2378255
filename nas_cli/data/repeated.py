"""Finds examples that two parts share, which make scores too good, and equal examples of several classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nas_cli.data.kind import KINDS, Repeats, target_kind
from nas_cli.data.kinds.image import digests_of_pictures
from nas_cli.data.source import Array, Part
from nas_cli.data.wanted import Wanted

REPEATED = 0.01
"""A larger share of a part's examples that the training part has too is reported."""


def about_repeated(known: Part, other: Part, inputs: object, use: str, known_use: str = "to learn from") -> list[str]:
    """A note where examples of `other`, whose `use` is "to choose by" or "to test on", are in `known` too."""
    repeats = KINDS[inputs].repeats if isinstance(inputs, str) else None
    if repeats is None or repeats.digest is None:
        return []
    among = f"{repeats.called} {known_use} too{repeats.how}"
    return _note(count_repeated(known, other, repeats), repeats.least, len(other), f"{repeats.called} {use}", among)


def about_training(
    train: Part, validation: Part, wanted: Wanted, targets: Array, raw: Callable[[], tuple[Array, Array]]
) -> list[str]:
    """Notes on validation examples that the training part has too, and on equal training examples, with `targets` (n,),
    of several classes. `raw` reads the examples of both parts; it is called where the kind has no digest."""
    repeats = KINDS[wanted.inputs].repeats if isinstance(wanted.inputs, str) else None
    if repeats is None:
        return []
    contradict = repeats.contradict and target_kind(wanted.target).classes
    if repeats.digest is not None:
        notes = about_repeated(train, validation, wanted.inputs, "to choose by")
        return notes + about_contradictions(train) if contradict else notes
    learned, others = raw()
    notes = about_repeated_words(learned, others, repeats, "to choose by")
    return notes + about_contradicting_texts(learned, targets) if contradict else notes


def about_repeated_words(train: Array, other: Array, repeats: Repeats, use: str) -> list[str]:
    """Like `about_repeated`, for raw texts or tuples of words, (n,)."""
    known = set(train.tolist())
    count = sum(example in known for example in other.tolist())
    what = repeats.called
    return _note(count, repeats.least, len(other), f"{what} {use}", f"{what} to learn from too{repeats.how}")


def about_contradicting_texts(texts: Array, targets: Array) -> list[str]:
    """A note where the same text (n,) has several classes (n,)."""
    classes: dict[str, set[int]] = {}
    for text, target in zip(texts.tolist(), targets.tolist(), strict=True):
        classes.setdefault(text, set()).add(target)
    count = sum(len(found) > 1 for found in classes.values())
    return [f"texts to learn from that are of two classes or more: {count:,}"] if count else []


def _note(count: int, least: int, of: int, what: str, among: str) -> list[str]:
    if count < max(least, REPEATED * of):
        return []
    return [f"{count:,} of {of:,} {what} are among the {among}: scores are too good by what is known of them"]


def about_contradictions(train: Part) -> list[str]:
    """A note where the same picture has several classes."""
    digests = digests_of_pictures(train)
    order = np.lexsort((train.targets, digests))
    same = digests[order][1:] == digests[order][:-1]
    differ = same & (train.targets[order][1:] != train.targets[order][:-1])
    count = len(np.unique(digests[order][1:][differ]))
    if not count:
        return []
    return [f"pictures to learn from that lie in two classes or more, pixel for pixel: {count:,}"]


def count_repeated(known: Part, other: Part, repeats: Repeats) -> int:
    """How many examples of `other` are in `known` too."""
    assert repeats.digest is not None
    return int(np.isin(repeats.digest(other), repeats.digest(known)).sum())
