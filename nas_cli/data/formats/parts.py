"""Finds the part of the data that a file or folder is, by whole words of its name, in any case."""

from __future__ import annotations

import re

WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validate", "valid", "val", "dev", "devel", "development", "testa"),
    "test": ("test", "testing", "tst", "testb"),
}
"""Words that name a part; testa and testb are CoNLL-2003's."""
FILLING = (
    "set",
    "data",
    "dataset",
    "split",
    "part",
    "images",
    "imgs",
    "pictures",
    "photos",
    "texts",
    "files",
    "folder",
)
"""Filling words, which say nothing about the part."""


def part_of(name: str) -> str | None:
    """The part that the words of a file's or folder's name say: "train" for `seg_train`, `Train.csv`, `trainData`.
    None where they name no part, or several.
    """
    for words in (_words(name.lower()), _words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())):
        found = {part for part, known in WORDS.items() if any(_plain(word) in known for word in words)}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def is_only_a_part(name: str) -> bool:
    """Whether a name has no other word, so that it can hardly be a class: `Training Set`, but not `seg_train`."""
    words = [word for word in _words(name.partition(".")[0].lower()) if word not in FILLING]
    return len(words) == 1 and part_of(name) is not None


def _plain(word: str) -> str:
    """A word without a filling end: `train` of `trainset`."""
    return next((word.removesuffix(end) for end in FILLING if word.endswith(end) and word != end), word)


def _words(name: str) -> list[str]:
    """Runs of letters: `train` of train2017."""
    return re.findall(r"[^\W\d_]+", name)
