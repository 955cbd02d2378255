"""Counts cells, in rows to predict or to test on, that are unknown categories to the network."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nas_cli.data.source import Array
from nas_cli.registry import short

MOST_NAMED = 10


class NewWords:
    """The unknown categories by a table encoder's `state`; rows are given in pieces."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        empty = {*state["missing"], ""}
        self.known = {column["name"]: {*column["words"], *empty} for column in state["categories"]}
        self.places = {name: state["header"].index(name) for name in self.known}
        self.counts: Counter[str] = Counter()
        self.firsts: dict[str, str] = {}

    def look(self, rows: Array) -> None:
        """Counts in rows (n, columns) of texts, whose columns are those of the header."""
        for name, known in self.known.items():
            for cell, count in Counter(rows[:, self.places[name]].tolist()).items():
                if unicodedata.normalize("NFC", cell.strip()) not in known:
                    self.counts[name] += count
                    self.firsts.setdefault(name, cell)

    def notes(self, where: str) -> list[str]:
        if not self.counts:
            return []
        found = [
            f"'{name}': {n:,} ('{short(self.firsts[name])}' say)" for name, n in self.counts.most_common(MOST_NAMED)
        ]
        more = f" and {len(self.counts) - MOST_NAMED} more columns" if len(self.counts) > MOST_NAMED else ""
        return [f"cells of {where} that are none of the categories learned, by column: {', '.join(found)}{more}"]
