"""Examples of several fields to predict from: a table, or JSON lines, with a column for every field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas_cli.data.asked import Asked, Form, Reader, form
from nas_cli.data.fields import SEVERAL, Fields
from nas_cli.data.formats.csv_file import ENDINGS, find_separator, read_table
from nas_cli.data.formats.pieces import lines_of
from nas_cli.data.source import Array
from nas_cli.errors import DataError, did_you_mean

JSON_LINES = (".jsonl", ".ndjson")


@form(SEVERAL)
class Records(Form):
    """Each field is read as its kind reads a value."""

    what = "examples with a column for every field"

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._forms: dict[str, Form] = {}
        for field, encoder in reader.fields.encoders.items():
            self._forms[field] = replace(reader, fields=Fields({field: encoder})).form()

    def takes(self, path: Path) -> bool:
        return path.name.lower().endswith((*ENDINGS, *JSON_LINES))

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        """Raises DataError with the row where one has no such field. Files that a cell names are looked for beside the
        file, if their path is not absolute."""
        rows = self._lines(path, shown) if path.suffix.lower() in JSON_LINES else self._cells(path)
        for number, row in rows:
            where = f"{shown}, row {number:,}"
            missing = [field for field in self._forms if row.get(field) in (None, "")]
            if missing:
                near = did_you_mean(missing[0], row)
                raise DataError(f"{where} has no '{missing[0]}', which the network takes{near}")
            example: dict[str, Array] = {}
            for field, each in self._forms.items():
                try:
                    example[field] = each.value(row[field], path.parent)
                except DataError as error:
                    raise DataError(f"{where}, {field}: {error}") from None
            yield Asked({"input": where, "file": shown, "row": number}, example)

    def notes(self) -> Sequence[str]:
        return [note for each in self._forms.values() for note in each.notes()]

    def _lines(self, path: Path, shown: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for number, line in lines_of(path, "utf-8", shown):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{shown}, row {number:,} is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise DataError(f"{shown}, row {number:,} is no JSON object with {', '.join(self._forms)}")
            yield number, row

    def _cells(self, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
        columns, rows = read_table(path, find_separator(path, "utf-8"), True)
        for number, cells in enumerate(rows, 1):
            yield number, dict(zip(columns, cells.tolist(), strict=True))
