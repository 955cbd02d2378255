"""Examples of one part that another has too: scores on it are too good by what is known of them."""

from __future__ import annotations

import numpy as np

from nas_cli.data.source import Array, Part

REPEATED = 0.01
"""The share of a part's examples that training may have too without a word."""
FEWEST = {"images": 1, "table rows": 2}
"""Two rows of a small table may be equal by chance, and two pictures hardly."""
CHUNK = 512
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def about_repeated(known: Part, other: Part, inputs: str, use: str, known_use: str = "to learn from") -> list[str]:
    """A note where examples of `other`, which is there "to choose by" or "to test on", are used in another way as
    well."""
    if inputs not in FEWEST:
        return []
    what, how = ("pictures", ", pixel for pixel") if inputs == "images" else ("rows", ", cell for cell")
    among = f"{what} {known_use} too{how}"
    return _note(count_repeated(known, other, inputs), FEWEST[inputs], len(other), f"{what} {use}", among)


def about_repeated_words(train: Array, other: Array, what: str, use: str) -> list[str]:
    """Likewise, of raw texts, or tuples of words, (n,)."""
    known = set(train.tolist())
    count = sum(example in known for example in other.tolist())
    return _note(count, 2, len(other), f"{what} {use}", f"{what} to learn from too")


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
    digests = _of_pictures(train)
    order = np.lexsort((train.targets, digests))
    same = digests[order][1:] == digests[order][:-1]
    differ = same & (train.targets[order][1:] != train.targets[order][:-1])
    count = len(np.unique(digests[order][1:][differ]))
    if not count:
        return []
    return [f"pictures to learn from that lie in two classes or more, pixel for pixel: {count:,}"]


def count_repeated(known: Part, other: Part, inputs: str) -> int:
    """How many examples of `other` are in `known` too: pictures of the same pixels, or rows and targets of the same
    bits."""
    digest = _of_pictures if inputs == "images" else _of_rows
    return int(np.isin(digest(other), digest(known)).sum())


def _of_pictures(part: Part) -> Array:
    """int64 (n,): those of this process, which repeat in no other."""
    found = np.empty(len(part), np.int64)
    order = np.arange(len(part)) if part.rows is None else np.argsort(part.rows)  # a mapped file is read in its order
    for start in range(0, len(part), CHUNK):
        places = order[start : start + CHUNK]
        pictures = part.inputs[places if part.rows is None else part.rows[places]]
        found[places] = [hash(picture.tobytes()) for picture in pictures]
    return found


def _of_rows(part: Part) -> Array:
    """uint64 (n,)"""
    rows = np.concatenate([part.inputs, part.targets[:, None]], axis=1, dtype=np.float32, casting="unsafe")
    found = np.zeros(len(rows), np.uint64)
    for column in rows.view(np.uint32).T:
        found = (found ^ column) * FACTOR
        found ^= found >> np.uint64(29)
    return found
