"""From labels, as files have them, to class indices."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from nas_cli.data.source import Array, Examples
from nas_cli.errors import DataError

NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A text that is a number, not a code with leading zeros."""
CONSTANT = 0.8
"""With such a share of one class or more, accuracy says little."""
SHOWN = 3


@dataclass(frozen=True)
class Classes:
    """The classes of the training part. `values`: its labels, one for each class, sorted; `names`: as texts.

    Labels that are texts are compared in Unicode's NFC, and those that are numbers as numbers: 1 is 1.0.
    `merged` are classes with the labels that fell together. `share` is that of the largest class, `largest`.
    """

    values: tuple[int | str, ...]
    names: tuple[str, ...]
    merged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    largest: str = ""
    share: float = 0.0
    ragged = False

    @property
    def facts(self) -> Mapping[str, Any]:
        return {}

    @property
    def texts(self) -> bool:
        return isinstance(self.values[0], str)

    @property
    def notes(self) -> list[str]:
        """Notes on labels merged into one class, on names that hardly differ, and on a class with nearly all
        examples."""
        notes = []
        for name, labels in list(self.merged.items())[:SHOWN]:
            several = ", ".join(f"'{label}'" for label in labels)
            notes.append(f"the labels {several} are one class, '{name}', since they are the same number or letters")
        notes += about_alike(self.names, "classes") if self.texts else []
        if self.share >= CONSTANT:
            notes.append(
                f"{100 * self.share:.3g} % of the examples are of the class '{self.largest}': an answer that is always "
                f"'{self.largest}' has an accuracy of {self.share:.3g}; macro_f1 counts every class alike"
            )
        return notes

    def strata(self, targets: Array) -> Array:
        """Every class gives its share to each part."""
        return targets

    def others(self, examples: Examples) -> tuple[str, ...]:
        return ()

    def absent(self, targets: Array) -> list[str]:
        counts = np.bincount(targets, minlength=len(self.names))
        return [name for name, count in zip(self.names, counts, strict=True) if not count]

    def encode(self, examples: Examples) -> Array:
        """Class indices, int64 (N,). Raises DataError where a label is none of the classes."""
        if len(examples.labels) == 0:
            raise DataError(f"{examples.origin} has no examples")
        require_one_each(examples)
        if _are_texts(examples.labels) != self.texts:
            kinds = ("texts", "whole numbers")
            here, there = reversed(kinds) if self.texts else kinds
            raise DataError(f"{examples.origin} has {here} as labels, and the training part {there}")
        labels = examples.labels.tolist()
        exact = {value: place for place, value in enumerate(self.values)}  # runs from before may have 1 and 1.0
        by_key = {_key(value): place for place, value in enumerate(self.values)}
        places = {label: exact.get(label, by_key.get(_key(label), -1)) for label in set(labels)}
        found = np.fromiter(map(places.__getitem__, labels), np.int64, len(labels))
        if found.min() < 0:
            wrong = labels[int(np.argmin(found))]
            raise DataError(
                f"{examples.origin} has {labels.count(wrong)} with the label '{wrong}', "
                "which the training part does not have"
            )
        return found


class LabelsError(DataError):
    """A source gives labels that are none of the kind of target: of a plugin it is the plugin's mistake."""


def require_one_each(examples: Examples) -> None:
    """Raises LabelsError where labels are not one for each example."""
    shape = examples.labels.shape
    if len(shape) != 1:
        hint = "; of one-hot rows, labels.argmax(axis=1) are the classes" if len(shape) == 2 else ""
        raise LabelsError(f"{examples.origin} has labels {shape}, and an array (N,), one each, is wanted{hint}")


def known_classes(examples: Examples, labels: Sequence[str], names: Sequence[str] | None) -> Classes:
    """The classes `labels` of a trained network, by what stands for them in files such as those of `examples`: whole
    numbers, the places of `names` where there are such, or themselves. Raises DataError."""
    if not isinstance(examples.labels[0], int | np.integer):
        return Classes(tuple(labels), tuple(labels))
    try:
        numbers = [list(names).index(label) for label in labels] if names else [int(label) for label in labels]
    except ValueError:
        raise DataError(
            f"{examples.origin} has whole numbers as labels, and the network knows {', '.join(labels[:20])}"
        ) from None
    return Classes(tuple(numbers), tuple(labels))


def find_classes(examples: Examples, names: tuple[str, ...] | None = None) -> Classes:
    """The classes of the training part `examples`; `names` are those of the labels 0, 1, ….

    Raises DataError where there are no examples, where there are fewer than two classes, where a class has one example,
    and where `names` do not fit.
    """
    origin = examples.origin
    if len(examples.labels) == 0:
        raise DataError(f"{origin} has no examples")
    texts = _are_texts(examples.labels)
    counts: dict[int | str, int] = Counter(examples.labels.tolist())
    groups = _groups(counts, texts)
    values = tuple(sorted(groups))
    sizes = [sum(counts[label] for label in groups[value]) for value in values]
    if names is not None:
        _require_names(origin, values, names)
    shown = tuple(map(str, values))
    if names is not None:
        shown = tuple(names[int(value)] for value in values)
    if len(values) == 1:
        raise DataError(f"{origin} has only one class, '{shown[0]}': two are needed to tell apart")
    if min(sizes) < 2:
        raise _single(origin, [name for name, size in zip(shown, sizes, strict=True) if size < 2], len(values))
    merged = {str(value): [str(label) for label in labels] for value, labels in groups.items() if len(labels) > 1}
    most = max(sizes)
    return Classes(values, shown, merged, shown[sizes.index(most)], most / sum(sizes))


def _single(origin: str, single: Sequence[str], classes: int) -> DataError:
    """The error for classes with a `single` example, among so many `classes`."""
    more = f", and so have {len(single) - 1} others" if len(single) > 1 else ""
    many = len(single) > classes / 2 and any("." in name for name in single)
    hint = "; if it is a number that is to be predicted, take the task table-regression" if many else ""
    return DataError(
        f"the class '{_cut(single[0])}' of {origin} has only one example{more}: "
        f"each needs at least two, one to train on and one to validate on{hint}"
    )


def is_lopsided(targets: Array) -> bool:
    """Whether nearly all of `targets`, class indices (n,), are the same: accuracy says little then."""
    return bool(np.bincount(targets).max() >= CONSTANT * len(targets))


def _require_names(origin: str, values: tuple[int | str, ...], names: tuple[str, ...]) -> None:
    first, last = values[0], values[-1]
    if isinstance(first, str) or isinstance(last, str):
        raise DataError(f"{origin} has its own names as labels: leave labels out")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"labels names two classes '{twice}'")
    if first < 0 or last >= len(names):
        wrong = first if first < 0 else last
        raise DataError(f"{origin} has the label {wrong}, and labels names {len(names)}: 0 to {len(names) - 1}")


def _groups(labels: Iterable[int | str], texts: bool) -> dict[int | str, list[int | str]]:
    """The labels of each class, by the shortest of them."""
    same: dict[object, list[int | str]] = {}
    for label in labels:
        same.setdefault(_key(label), []).append(label)
    return {_shortest(found, texts): found for found in same.values()}


def _key(label: int | str) -> object:
    """What labels of one class have in common."""
    if isinstance(label, int):
        return label
    if NUMBER.fullmatch(label):
        try:
            return Decimal(label)
        except InvalidOperation:
            return label
    return label if label.isascii() else unicodedata.normalize("NFC", label)


def _shortest(labels: Sequence[int | str], texts: bool) -> int | str:
    if not texts:
        return labels[0]
    return min((unicodedata.normalize("NFC", str(label)) for label in labels), key=lambda name: (len(name), name))


def about_alike(names: Iterable[str], what: str) -> list[str]:
    """Sentences on those of `names`, of classes say, that are hardly different."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_folded(name), []).append(name)
    notes = []
    for several in [several for several in alike.values() if len(several) > 1][:SHOWN]:
        shown = ", ".join(f"'{_cut(name)}'" for name in several)
        notes.append(
            f"{shown} are {len(several)} {what}, and hardly differ (case, spaces, zeros, true for 1): as they stand"
        )
    return notes


def _folded(name: str) -> str:
    """The name without differences that are hardly seen: case, spaces, invisible characters, leading zeros; true is
    1."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if unicodedata.category(c) != "Cf")
    plain = re.sub(r"(?<![\d.])0+(?=\d)", "", " ".join(seen.split()))
    return {"true": "1", "false": "0"}.get(plain, plain)


def _cut(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}…"


def _are_texts(labels: Array) -> bool:
    return labels.dtype.kind in "UO"


def as_labels(raw: Array, origin: str) -> Array:
    """An array of labels as integers, fractions or texts (N,), or as several numbers (N, K). Raises DataError where it
    is neither."""
    labels = raw.reshape(len(raw)) if raw.ndim == 2 and raw.shape[1] == 1 else raw
    if labels.ndim not in (1, 2):
        shape = "x".join(map(str, raw.shape)) or "a single value"
        raise DataError(f"{origin} is {shape}: labels are a list with one label for each image")
    kind = labels.dtype.kind
    if kind == "S":
        try:
            return np.char.decode(labels, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{origin} has labels that are no UTF-8 text") from None
    if kind == "f" and not (np.isfinite(labels).all() and (labels == np.floor(labels)).all()):
        return labels
    if kind in "uf" and labels.size and np.abs(labels).max() >= 2.0**63:
        raise DataError(f"{origin} has labels beyond 64 bits: whole numbers from 0 on are expected")
    if kind not in "biufU":
        raise DataError(f"{origin} has labels of type {labels.dtype}; allowed: numbers and texts")
    return labels if kind == "U" else labels.astype(np.int64)
