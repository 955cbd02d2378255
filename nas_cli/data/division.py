"""How a training part is divided by the groups of its examples, by their moments, or by both; and notes on what came of
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from nas_cli.data.formats.moments import Moments, read_others
from nas_cli.data.source import Array, Divide
from nas_cli.data.split import by_group, by_order, latest_of_group
from nas_cli.registry import short

USES = {"train": "to learn from", "validation": "to choose by", "test": "to test on"}


@dataclass(frozen=True)
class Keys:
    """The group of each of N examples, and its moment, as texts (N,) of the files; None where the spec names none."""

    groups: Array | None = None
    times: Array | None = None


@dataclass(frozen=True)
class Division:
    """Of a training part with these `keys`. `group` and `time` are what they are called, and `moments` are the times as
    they are ordered."""

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
            return [f"divided by '{self.group}', each group in one part: {came}"]
        by = f"'{self.time}' (read as {self.moments.as_})"
        if self.group is None:
            return [f"divided by {by}, the newest held out: {came}"]
        return [f"divided by '{self.group}' and {by}, the newest of each group held out: {came}", *self._uneven(parts)]

    def _extent(self, rows: Array) -> str:
        """How many examples these are, of how many groups, and from when to when."""
        said = _counted(len(rows), "example")
        if self.keys.groups is not None:
            said += f" of {_counted(len(set(self.keys.groups[rows].tolist())), 'group')}"
        if self.moments is not None and self.keys.times is not None:
            moments, times = self.moments.values[rows], self.keys.times[rows]
            said += f" from {short(times[moments.argmin()])} to {short(times[moments.argmax()])}"
        return said

    def _uneven(self, parts: Mapping[str, Array]) -> list[str]:
        """Notes on groups that are too small to be divided, and on those that are divided within one moment."""
        learned = self._by_group(parts["train"])
        held = self._by_group(list(chain.from_iterable(rows for part, rows in parts.items() if part != "train")))
        whole = [group for group in learned if group not in held]
        within = [group for group in held if group in learned and min(held[group]) == max(learned[group])]
        notes = []
        if whole:
            notes.append(f"groups of '{self.group}' too small for any of their examples to be held out: {len(whole):,}")
        if within:
            notes.append(
                f"groups of '{self.group}' that are divided between examples of one moment, as the file has them in "
                f"order: {len(within):,}"
            )
        return notes

    def _by_group(self, rows: Array | Sequence[int]) -> dict[str, list[float]]:
        """The moments of these examples, by group."""
        assert self.keys.groups is not None
        assert self.moments is not None
        found: dict[str, list[float]] = {}
        for group, moment in zip(self.keys.groups[rows].tolist(), self.moments.values[rows].tolist(), strict=True):
            found.setdefault(group, []).append(moment)
        return found

    def about_own(self, part: str, where: object, keys: Keys) -> list[str]:
        """Notes on a part that the data has of its own, at `where`, whose examples have these `keys`: groups that the
        training part has too, and what is not newer than that."""
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
        known = self._newest(keys)
        late = [moment <= newest for moment, newest in zip(moments.tolist(), known, strict=True)]
        if not any(late):
            return []
        than = "the newest to learn from" + ("" if self.group is None else f" of their group of '{self.group}'")
        return [
            f"examples of the {part} part {where} that are not newer by '{self.time}' than {than}: {sum(late):,} of "
            f"{len(late):,}"
        ]

    def _newest(self, keys: Keys) -> list[float]:
        """For each example of another part the newest moment of the training part, of its group if there are groups."""
        assert self.moments is not None
        values = self.moments.values
        if self.keys.groups is None or keys.groups is None:
            return [float(values.max())] * len(keys.times if keys.times is not None else ())
        newest = {group: max(moments) for group, moments in self._by_group(range(len(values))).items()}
        return [newest.get(group, float("-inf")) for group in keys.groups.tolist()]

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
