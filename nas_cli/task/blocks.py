"""What reports consist of. The console and the HTML page draw blocks without knowing the task that made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Cells are texts. The first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Matrix:
    """Counts of pairs, of true and predicted classes say. `names` are those of its rows and of its columns."""

    title: str
    corner: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def table(self) -> Table:
        """The same as texts."""
        rows = [
            (name, *(f"{count:,}" for count in counts)) for name, counts in zip(self.names, self.counts, strict=True)
        ]
        return Table(self.title, (self.corner, *self.names), tuple(rows))


@dataclass(frozen=True)
class Curve:
    """Lines through points (x, y), each with a name."""

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[tuple[float, float], ...]]


Block = Table | Matrix | Curve


def metrics_table(title: str, report: Mapping[str, Any], spoken: Mapping[str, str] | None = None) -> Table:
    """Each metric of a report, beside those of baselines and of a method without a network, where there are such.

    `spoken` are metrics that are called otherwise than by their name in words.
    """
    beside = report.get("beside") or []
    columns = ("metric", "this network", *(other["name"] for other in beside)) if beside else ("metric", "value")
    rows = []
    for name, value in report["metrics"].items():
        values = (value, *(other["metrics"].get(name) for other in beside))
        shown = (spoken or {}).get(name, name.replace("_", " "))
        rows.append((shown, *map(_written, values)))
    return Table(title, columns, tuple(rows))


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
