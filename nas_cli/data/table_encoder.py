"""Rows of a table as numbers: what each column is, found in the training part, and how its cells become inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from nas_cli.data.source import ENCODERS, Array
from nas_cli.errors import DataError

Transform = Literal["quantile", "standard", "none"]
UNSEEN, MISSING = 0, 1
"""The numbers of a category that the training part does not have, and of an empty cell."""
FIRST = 2
KNOTS = 256
"""Quantiles that are kept of a column at most."""
TAIL = 1e-3
"""The share of a normal distribution beyond which a quantile transform does not go: three deviations."""
RARE = 2
"""A category that the training part has less often is taken for one that it does not have."""


@dataclass(frozen=True)
class Number:
    """A numeric column: at `knots` (raw, ascending) it takes the `values`, between them it is interpolated, beyond them
    goes on as between the last two. An empty cell is the median, and where the training part has any, `gaps` is true
    and another column says so.
    """

    name: str
    knots: tuple[float, ...]
    values: tuple[float, ...]
    median: float
    gaps: bool


@dataclass(frozen=True)
class Category:
    """A column of words; `words` are those that are known, numbered from FIRST."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class TableEncoder:
    """Rows as float32 (n, F): numeric columns, then which of their cells were empty, then categories as numbers.

    `header` names the columns of raw rows, cells being texts; `columns` are those that are used. Cells that are one of
    `missing` are empty.
    """

    header: tuple[str, ...]
    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    missing: tuple[str, ...]
    separator: str = ","
    has_header: bool = True
    target: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.numeric_columns + len(self.categories),)

    @property
    def numeric_columns(self) -> int:
        return len(self.numbers) + sum(column.gaps for column in self.numbers)

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def facts(self) -> Mapping[str, Any]:
        sizes = [FIRST + len(column.words) for column in self.categories]
        return {"numeric_columns": self.numeric_columns, "categories": sizes}

    def encode(self, raw: Array) -> Array:
        """`raw` (n, columns) are texts. Raises DataError where a cell of a numeric column is no number."""
        places = {name: place for place, name in enumerate(self.header)}
        scaled, gaps = [], []
        for column in self.numbers:
            values = as_floats(raw[:, places[column.name]], self.missing, column.name)
            empty = np.isnan(values)
            scaled.append(_interpolate(np.where(empty, column.median, values), column))
            if column.gaps:
                gaps.append(empty.astype(np.float64))
        chosen = []
        for category in self.categories:
            known = {word: FIRST + k for k, word in enumerate(category.words)}
            known |= dict.fromkeys(self.missing, MISSING)
            chosen.append([known.get(cell, UNSEEN) for cell in raw[:, places[category.name]]])
        columns = [*scaled, *gaps, *chosen]
        return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """Each argument is a CSV file like those trained on; the target's column may be missing."""
        from nas_cli.data.csv_table import read_table

        found: list[tuple[str, Array]] = []
        for argument in arguments:
            header, rows = read_table(Path(argument), self.separator, self.has_header, self.header, self.target)
            for number, row in enumerate(rows, 1):
                cells = dict(zip(header, row, strict=True))
                raw = np.array([[cells.get(name, "") for name in self.header]], object)
                found.append((f"{argument}, row {number}" if len(rows) > 1 else argument, raw))
        return found

    def state(self) -> dict[str, Any]:
        return {
            "kind": "table",
            "header": list(self.header),
            "numbers": [{**vars(c), "knots": list(c.knots), "values": list(c.values)} for c in self.numbers],
            "categories": [{"name": c.name, "words": list(c.words)} for c in self.categories],
            "missing": list(self.missing),
            "separator": self.separator,
            "has_header": self.has_header,
            "target": self.target,
        }


def as_floats(cells: Array, missing: Sequence[str], name: str) -> Array:
    """Texts as float64 (n,), NaN where a cell is missing. Raises DataError naming the column and the cell."""
    values = np.empty(len(cells), np.float64)
    for row, cell in enumerate(cells):
        if cell in missing:
            values[row] = np.nan
            continue
        try:
            values[row] = float(cell)
        except ValueError:
            raise DataError(
                f"column '{name}' is numeric and has the cell '{cell}': put it into data.missing if that is an empty "
                f"one, or name the column under data.categorical"
            ) from None
        if not np.isfinite(values[row]):
            raise DataError(f"column '{name}' has the cell '{cell}', which is no finite number")
    return values


def is_numeric(cells: Array, missing: Sequence[str]) -> bool:
    """Whether every cell that is not missing is a finite number, and there is one."""
    seen = {cell for cell in cells if cell not in missing}
    try:
        return bool(seen) and all(np.isfinite(float(cell)) for cell in seen)
    except ValueError:
        return False


def fit_number(name: str, cells: Array, missing: Sequence[str], transform: Transform) -> Number:
    """`standard`: mean 0 and deviation 1. `quantile`: normally distributed (as scikit-learn's QuantileTransformer)."""
    raw = as_floats(cells, missing, name)
    values = raw[~np.isnan(raw)]
    gaps = len(values) < len(raw)
    if not len(values):
        values = np.zeros(1)
    median = float(np.median(values))
    deviation = float(values.std())
    if transform == "quantile" and deviation > 0:
        shares = np.linspace(0, 1, min(KNOTS, len(values)))
        raws = np.quantile(values, shares)
        knots, first = np.unique(raws, return_index=True)
        last = len(raws) - 1 - np.unique(raws[::-1], return_index=True)[1]
        middle = np.clip((shares[first] + shares[last]) / 2, TAIL, 1 - TAIL)
        normal = NormalDist()
        return Number(name, tuple(knots.tolist()), tuple(normal.inv_cdf(p) for p in middle.tolist()), median, gaps)
    centre = float(values.mean()) if transform != "none" else 0.0
    scale = deviation if transform != "none" and deviation > 0 else 1.0
    return Number(name, (centre, centre + scale), (0.0, 1.0), median, gaps)


def _interpolate(values: Array, column: Number) -> Array:
    """Piecewise linear, in float64; a column with one knot is constant."""
    knots, wanted = np.array(column.knots), np.array(column.values)
    if len(knots) < 2:
        return np.zeros_like(values)
    if len(knots) == 2:
        slope = (wanted[1] - wanted[0]) / (knots[1] - knots[0])
        scaled: Array = wanted[0] + (values - knots[0]) * slope
        return scaled
    return np.interp(values, knots, wanted)


def fit_category(name: str, cells: Array, missing: Sequence[str]) -> Category:
    counts = Counter(cell for cell in cells if cell not in missing)
    known = [word for word, count in counts.items() if count >= RARE]
    return Category(name, tuple(sorted(known, key=lambda word: (-counts[word], word))))


def _restore(state: Mapping[str, Any]) -> TableEncoder:
    numbers = [
        Number(str(c["name"]), tuple(c["knots"]), tuple(c["values"]), float(c["median"]), bool(c["gaps"]))
        for c in state["numbers"]
    ]
    categories = [Category(str(c["name"]), tuple(map(str, c["words"]))) for c in state["categories"]]
    return TableEncoder(
        tuple(map(str, state["header"])),
        tuple(numbers),
        tuple(categories),
        tuple(map(str, state["missing"])),
        str(state["separator"]),
        bool(state["has_header"]),
        str(state["target"]),
    )


ENCODERS.register("table")(_restore)
