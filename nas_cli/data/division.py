"""Divides a training part by the groups of its examples, by their times, or by both, with notes on the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nas_cli.data.formats.moments import Moments, read_others
from nas_cli.data.source import Array, Divide
from nas_cli.data.split import by_group, by_order, latest_of_group, numbered
from nas_cli.registry import short

USES = {"train": "to learn from", "validation": "to choose by", "test": "to test on"}


@dataclass(frozen=True)
class Keys:
    """The groups and the times of N examples, (N,), as the files spell them; None where the spec names no such
    column."""

    groups: Array | None = None
    times: Array | None = None


@dataclass(frozen=True)
class Division:
    """The division of a training part with these `keys`. `group` and `time` are the names of their columns, and
    `moments` the times as numbers that can be ordered."""

    keys: Keys = Keys()
    group: str | None = None
    time: str | None = None
    moments: Moments | None = None

    @property
    def divide(self) -> Divide | None:
        """See `Dataset.divide`."""
        groups, moments = self.keys.groups, self.moments
        if moments is None:
            return None if groups is None else by_group(groups)
        return by_order(moments.values) if groups is None else latest_of_group(groups, moments.values)

    def about(self, parts: Mapping[str, Array]) -> list[str]:
        """See `Dataset.about_division`."""
        if self.divide is None or len(parts) < 2:
            return []
        came = ", ".join(f"{self._extent(rows)} {USES[part]}" for part, rows in parts.items())
        if self.moments is None:
            return [f"divided by '{self.group}', each group in one part: {came}", *self._alone()]
        by = f"'{self.time}' (read as {self.moments.as_})"
        if self.group is None:
            return [f"divided by {by}, the newest held out: {came}"]
        return [f"divided by '{self.group}' and {by}, the newest of each group held out: {came}", *self._uneven(parts)]

    def _alone(self) -> list[str]:
        """A note where every group has a single example."""
        if self._numbers.max() + 1 < len(self._numbers):
            return []
        return [f"no two examples are of one group of '{self.group}': it divides them as nothing would"]

    @cached_property
    def _numbers(self) -> Array:
        """The group of each example as an index 0, 1, …, (N,)."""
        assert self.keys.groups is not None
        return numbered(self.keys.groups)

    def _extent(self, rows: Array) -> str:
        """How many examples `rows` are, of how many groups, and from which time to which."""
        said = _counted(len(rows), "example")
        if self.keys.groups is not None:
            said += f" of {_counted(len(np.unique(self._numbers[rows])), 'group')}"
        if self.moments is not None and self.keys.times is not None:
            moments, times = self.moments.values[rows], self.keys.times[rows]
            said += f" from {short(times[moments.argmin()])} to {short(times[moments.argmax()])}"
        return said

    def _uneven(self, parts: Mapping[str, Array]) -> list[str]:
        """Notes on groups that are too small to be divided, and on groups whose cut falls between examples of the same
        time."""
        assert self.moments is not None
        held = np.concatenate([rows for part, rows in parts.items() if part != "train"])
        newest = self._newest(parts["train"])
        whole = set(self._numbers[parts["train"]].tolist()) - set(self._numbers[held].tolist())
        within = np.unique(self._numbers[held][self.moments.values[held] == newest[self._numbers[held]]])
        notes = []
        if whole:
            notes.append(f"groups of '{self.group}' too small for any of their examples to be held out: {len(whole):,}")
        if len(within):
            notes.append(
                f"groups of '{self.group}' that are divided between examples of one moment, as the file has them in "
                f"order: {len(within):,}"
            )
        return notes

    def _newest(self, rows: Array) -> Array:
        """The newest time of each group among the examples `rows`, (G,)."""
        assert self.moments is not None
        values = self.moments.values
        newest = np.full(self._numbers.max() + 1, values.min(), values.dtype)
        np.maximum.at(newest, self._numbers[rows], values[rows])
        return newest

    def about_own(self, part: str, where: object, keys: Keys) -> list[str]:
        """Notes on a part with files of its own, at `where`, whose examples have these `keys`: groups that it shares
        with the training part, and examples that are not newer than it."""
        if self.moments is None:
            return self._shared(part, where, keys)
        if keys.times is None:
            return []
        moments = read_others(keys.times.tolist(), self.moments)
        if moments is None:
            return [
                f"what of the {part} part {where} is newer than the training part is not known, since it has "
                f"'{self.time}' in another form, or not everywhere"
            ]
        late = self._are_late(moments, keys)
        if not late.any():
            return []
        than = "the newest to learn from" + ("" if self.group is None else f" of their group of '{self.group}'")
        return [
            f"examples of the {part} part {where} that are not newer by '{self.time}' than {than}: {late.sum():,} of "
            f"{len(late):,}"
        ]

    def _are_late(self, moments: Array, keys: Keys) -> Array:
        """bool (n,): examples of another part that are not newer than the training part, or than their group in it."""
        assert self.moments is not None
        values = self.moments.values
        if self.keys.groups is None or keys.groups is None:
            late: Array = moments <= values.max()
            return late
        newest = self._newest(np.arange(len(values)))
        known = dict(zip(self.keys.groups.tolist(), newest[self._numbers].tolist(), strict=True))
        pairs = zip(moments.tolist(), keys.groups.tolist(), strict=True)
        return np.array([group in known and moment <= known[group] for moment, group in pairs])

    def _shared(self, part: str, where: object, keys: Keys) -> list[str]:
        if keys.groups is None or self.keys.groups is None:
            return []
        own, known = keys.groups.tolist(), set(self.keys.groups.tolist())
        of_known = sum(group in known for group in own)
        if not of_known:
            return []
        return [
            f"groups of '{self.group}' that are in the {part} part {where} and in the training part too: "
            f"{len(known & set(own)):,} of {len(set(own)):,}, with {of_known:,} of {len(own):,} examples: scores say "
            "less of groups that are new"
        ]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
