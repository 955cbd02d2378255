"""Examples of several fields that a user wants predicted: a table, or JSON lines, with a column for every field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.fields import Fields
from nas_cli.data.formats.csv_file import find_separator, read_table
from nas_cli.data.formats.pieces import lines_of
from nas_cli.data.inputs import SeenPictures, read_inputs
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.data.kinds.row import TableEncoder
from nas_cli.data.portable import tokenize
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import Array, Encoder
from nas_cli.errors import DataError, did_you_mean

JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Records:
    """Reads the examples of a network that takes `fields`, and learned from data of `settings`."""

    settings: DataSettings
    fields: Fields

    def read(self, path: Path, shown: str) -> Iterator[tuple[int, dict[str, Array]]]:
        """The number of every row, from 1 on, and its example (1, …) by field. Files that a cell names are looked for
        beside the file, if their path is not absolute. Raises DataError with the row where one has no such field."""
        seen = SeenPictures()
        rows = self._lines(path, shown) if path.suffix.lower() in JSON_LINES else self._cells(path)
        for number, row in rows:
            missing = [field for field in self.fields.encoders if row.get(field) in (None, "")]
            if missing:
                near = did_you_mean(missing[0], row)
                raise DataError(f"{shown}, row {number:,} has no '{missing[0]}', which the network takes{near}")
            example = {}
            for field, encoder in self.fields.encoders.items():
                try:
                    example[field] = self._value(encoder, row[field], path.parent, seen)
                except DataError as error:
                    raise DataError(f"{shown}, row {number:,}, {field}: {error}") from None
            yield number, example

    def _lines(self, path: Path, shown: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for number, line in lines_of(path, "utf-8", shown):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{shown}, row {number:,} is no JSON: {error}") from None
            if not isinstance(row, dict):
                fields = ", ".join(self.fields.encoders)
                raise DataError(f"{shown}, row {number:,} is no JSON object with {fields}")
            yield number, row

    def _cells(self, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
        columns, rows = read_table(path, find_separator(path, "utf-8"), True)
        for number, cells in enumerate(rows, 1):
            yield number, dict(zip(columns, cells.tolist(), strict=True))

    def _value(self, encoder: Encoder, given: Any, folder: Path, seen: SeenPictures) -> Array:
        """A raw example (1, …) of what a row has for a field."""
        if isinstance(encoder, ImageEncoder):
            ((_, image),) = read_inputs(self.settings, encoder.axes.shape, [folder / str(given)], seen)
            return image[None]
        if isinstance(encoder, TableEncoder):
            if not isinstance(given, Mapping):
                raise DataError("a table row is a JSON object with a cell for every column")
            return np.array([[str(given.get(column, "")) for column in encoder.state()["header"]]], object)
        if encoder.kind in ("texts", "sentences"):
            raw = np.empty(1, object)
            raw[0] = str(given) if encoder.kind == "texts" else tuple(tokenize(encoder.state(), str(given)))
            return raw
        ((_, found),) = encoder.read([str(given)])
        return found
