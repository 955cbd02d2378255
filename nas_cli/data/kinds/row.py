"""Rows of a table as numbers: what each column is, found in the training part, and how its cells become inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any, ClassVar, Literal

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data.formats.csv_file import read_table
from nas_cli.data.formats.csv_lines import Rows
from nas_cli.data.formats.encodings import Say, require_codec
from nas_cli.data.kind import KINDS, Kind, Repeats
from nas_cli.data.portable import FIRST, encode_columns
from nas_cli.data.source import ENCODERS, NO_ASSETS, Array, Part
from nas_cli.errors import DataError

Transform = Literal["quantile", "standard", "none"]
KNOTS = 256
"""Quantiles that are kept of a column at most."""
HEAVIEST = 64
FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Multiplier of a hash: an odd number with random-looking bits."""
TAIL = 1e-3
"""The share of a normal distribution beyond which a quantile transform does not go: three deviations."""
RARE = 2
"""Rarer categories count as unknown, so that the network learns an input for unknown ones."""


@dataclass(frozen=True)
class TableEncoder:
    """Rows as float32 (n, F): numeric columns, then which of their cells were empty, then categories as numbers.

    `content` is what `portable.encode_columns` takes, with the `header` that raw rows (n, columns) of texts have, the
    `target`, and how a file is read.
    """

    content: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    raw: ClassVar[bool] = False
    levels: ClassVar[None] = None
    assets: ClassVar[Mapping[str, Array]] = NO_ASSETS
    parsed: list[Any] = field(default_factory=list)
    """The rows that this was fitted on, and the numbers of their columns by name: taken once, so that they need not be
    read twice."""

    @property
    def kind(self) -> str:
        return "table"

    @property
    def axes(self) -> Axes:
        return Axes.floats(self.facts["numeric_columns"] + len(self.content["categories"]))

    @property
    def facts(self) -> Mapping[str, Any]:
        numbers = self.content["numbers"]
        sizes = [FIRST + len(column["words"]) for column in self.content["categories"]]
        return {"numeric_columns": len(numbers) + sum(column["gaps"] for column in numbers), "categories": sizes}

    def require(self, column: Column[Array], whose: str) -> None:
        """Nothing to check: the network takes every encoded row."""

    def encode(self, raw: Array) -> Array:
        """Raises DataError where a cell of a numeric column is no number."""
        try:
            return self._encode(raw)
        except ValueError as error:
            raise DataError(
                f"{error}: list it under data.missing if that means an empty one, or the column under data.categorical"
            ) from None

    def _encode(self, raw: Array) -> Array:
        known: Mapping[str, Any] = self.parsed[1] if self.parsed and self.parsed[0] is raw else {}
        self.parsed.clear()
        used = [column["name"] for column in (*self.content["numbers"], *self.content["categories"])]
        places = {name: place for place, name in enumerate(self.content["header"])}
        columns = {name: known[name] for name in used if name in known}
        columns |= {name: raw[:, places[name]].tolist() for name in used if name not in known}
        return encode_columns(self.content, columns)

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        """Each argument is a file like those trained on; the target's column may be missing."""
        found: list[tuple[str, Array]] = []
        for argument in arguments:
            rows = read_rows(Path(argument), self.content)
            try:
                self._encode(rows)
            except ValueError as error:
                raise DataError(f"{argument}: {error}") from None
            found += [(f"{argument}, row {number:,}", rows[number - 1 : number]) for number in range(1, len(rows) + 1)]
        return found

    def state(self) -> dict[str, Any]:
        return dict(self.content)


def read_rows(file: Path, state: Mapping[str, Any]) -> Rows:
    """The rows of a file to predict from, in the columns of `state["header"]`; the target's may be missing. Raises
    DataError."""
    return _read(file, state, labelled=False)[0]


def read_labelled(file: Path, state: Mapping[str, Any], say: Say) -> tuple[Rows, Array]:
    """The rows of a file to test on, and the cells of the target's column. Raises DataError."""
    return _read(file, state, labelled=True, say=say)


def _read(file: Path, state: Mapping[str, Any], labelled: bool, say: Say | None = None) -> tuple[Rows, Array]:
    """A column that the network does not read is empty where the file lacks it."""
    header, target = state["header"], state["target"]
    used = [column["name"] for column in (*state["numbers"], *state["categories"])]
    needed = [*used, *([target] if labelled else [])] if state["has_header"] else header
    optional = "" if labelled else target
    columns, cells = read_table(file, state["separator"], state["has_header"], needed, optional, state["encoding"], say)
    empty = np.full(len(cells), "", object)
    by_name = {name: cells[:, place] for place, name in enumerate(columns)}
    return np.stack([by_name.get(name, empty) for name in header], axis=1), by_name.get(target, empty)


def fit_number(name: str, raw: Array, transform: Transform) -> dict[str, Any]:
    """A numeric column (N,), NaN where a cell is empty: at the raw `knots` it takes the `values`; an empty cell is the
    `median`; `gaps` says whether the training part has any.

    `standard`: mean 0 and deviation 1. `quantile`: normally distributed, as scikit-learn's QuantileTransformer has it,
    but a single value weighs no more than a share of 1/64. Otherwise a column of mostly zeros would have nearly all of
    the distribution between 0 and the next number, where there is nothing.
    """
    values = raw[~np.isnan(raw)]
    gaps = len(values) < len(raw)
    values = values if len(values) else np.zeros(1)
    deviation = float(values.std())
    if transform == "quantile" and deviation > 0:
        distinct, counts = np.unique(values, return_counts=True)
        weights = np.minimum(counts, max(1.0, len(values) / HEAVIEST))
        ends = np.cumsum(weights) / weights.sum()
        middles = ends - weights / weights.sum() / 2
        kept = np.arange(len(distinct))
        if len(distinct) > KNOTS:
            kept = np.unique(np.searchsorted(ends, np.linspace(0, 1, KNOTS)).clip(0, len(distinct) - 1))
        places = [NormalDist().inv_cdf(share) for share in np.clip(middles[kept], TAIL, 1 - TAIL).tolist()]
        where = distinct[kept].tolist()
    else:
        centre = float(values.mean()) if transform != "none" else 0.0
        scale = deviation if transform != "none" and deviation > 0 else 1.0
        where, places = [centre, centre + scale], [0.0, 1.0]
    return {"name": name, "knots": where, "values": places, "median": float(np.median(values)), "gaps": gaps}


def fit_category(name: str, cells: Sequence[str], missing: Sequence[str]) -> dict[str, Any]:
    """A column of words; those that are known, the most frequent first."""
    counts = Counter(cells)
    for cell in missing:
        counts.pop(cell, None)
    known = [word for word, count in counts.items() if count >= RARE]
    return {"name": name, "words": sorted(known, key=lambda word: (-counts[word], word))}


def _restore(state: Mapping[str, Any]) -> TableEncoder:
    content: dict[str, Any] = {
        "kind": "table",
        "header": list(map(str, state["header"])),
        "numbers": [
            {
                "name": str(column["name"]),
                "knots": [float(knot) for knot in column["knots"]],
                "values": [float(value) for value in column["values"]],
                "median": float(column["median"]),
                "gaps": bool(column["gaps"]),
                "empty": [str(cell) for cell in column.get("empty", ())],
                "marks": str(column.get("marks", "")),
            }
            for column in state["numbers"]
        ],
        "categories": [{"name": str(c["name"]), "words": list(map(str, c["words"]))} for c in state["categories"]],
        "missing": list(map(str, state["missing"])),
        "decimal": str(state.get("decimal", ".")),
        "separator": str(state["separator"]),
        "has_header": bool(state["has_header"]),
        "encoding": str(state["encoding"]),
        "target": str(state["target"]),
    }
    if len(content["separator"]) != 1 or content["separator"] in '"\r\n' or content["decimal"] not in (".", ","):
        raise ValueError("a separator is one character, and a decimal sign a point or a comma")
    require_codec(content["encoding"])
    for column in (*content["numbers"], *content["categories"]):
        if column["name"] not in content["header"]:
            raise ValueError(f"there is no column {column['name']} in its header")
    for column in content["numbers"]:
        if not _is_curve(column["knots"], column["values"]):
            raise ValueError(f"the knots of column {column['name']} are no ascending numbers, with a value for each")
    return TableEncoder(content)


def _is_curve(knots: Sequence[float], values: Sequence[float]) -> bool:
    finite = bool(np.isfinite([*knots, *values]).all())
    rises = all(low <= high for low, high in pairwise(knots)) and (len(knots) != 2 or knots[0] < knots[1])
    return len(knots) == len(values) > 0 and finite and rises


ENCODERS.register("table")(_restore)


def digests_of_rows(part: Part) -> Array:
    """Hashes of the rows, uint64 (n,)."""
    rows = np.concatenate([part.inputs, part.targets[:, None]], axis=1, dtype=np.float32, casting="unsafe")
    found = np.zeros(len(rows), np.uint64)
    for column in rows.view(np.uint32).T:
        found = (found ^ column) * FACTOR
        found ^= found >> np.uint64(29)
    return found


KINDS["table rows"] = Kind("row", repeats=Repeats("rows", ", cell for cell", 2, digests_of_rows))
"""A single repeat is not reported: rows of a small table may be equal by chance."""
