"""Texts and sentences to predict from: a text a file or a line, a column of a table, words in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.asked import STANDARD_INPUT, Asked, Form, form, is_id
from nas_cli.data.formats.csv_file import ENDINGS, SEPARATORS, first_rows, read_table
from nas_cli.data.formats.foreign import is_json
from nas_cli.data.formats.pieces import DOCUMENT, first_line_of, lines_of, opened, pieces
from nas_cli.data.formats.sentences import in_columns, sentences
from nas_cli.data.formats.unfold import named
from nas_cli.data.portable import tokenize
from nas_cli.data.source import Array
from nas_cli.data.sources.text import TEXT_COLUMNS, are_documents
from nas_cli.data.sources.text_classes import is_text
from nas_cli.data.sources.text_table import separator_of
from nas_cli.errors import DataError, did_you_mean

LOOKED_AT = 200
"""Lines by which sentences in columns are told from sentences a line."""


@form("texts")
class Texts(Form):
    takes_texts = True

    def takes(self, path: Path) -> bool:
        return is_text(path, self._encoding)

    def text(self, text: str) -> Array:
        raw = np.empty(1, object)
        raw[0] = text
        return raw

    def value(self, given: Any, folder: Path) -> Array:
        return self.text(str(given))

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        if not is_text(path, self._encoding):
            raise DataError(f"{shown} is no text")
        yield from self._examples(path, shown)

    @property
    def _encoding(self) -> str:
        return str(self.settings.arguments.get("encoding", "utf-8"))

    @property
    def _documents(self) -> bool:
        known = self.encoder.state().get("documents")
        if known is not None:
            return bool(known)
        path = self.settings.arguments.get("path")  # runs from before do not say
        return path is not None and are_documents(Path(path))

    def _examples(self, path: Path, shown: str) -> Iterator[Asked]:
        if self._is_table_of_texts(path):
            yield from self._column(path, shown)
        elif self._documents:
            with opened(path, self._encoding, shown) as file:
                text = file.read(DOCUMENT + 1)
            if len(text) > DOCUMENT:
                raise DataError(f"{shown} is a text of more than {DOCUMENT:,} characters")
            if not text.strip():
                raise DataError(f"{shown} has no text")
            yield Asked({"input": shown, "file": shown}, self.text(text.strip()))
        else:
            yield from self._lines(path, shown)

    def _lines(self, path: Path, shown: str) -> Iterator[Asked]:
        for number, line in lines_of(path, self._encoding, shown):
            if number == 1 and is_json(line.encode()):
                self.say(f"lines of {shown} are JSON, and are read as they stand, with names and brackets")
            if line.strip():
                yield Asked({"input": line.strip(), "file": shown, "row": number}, self.text(line.strip()))

    def _is_table_of_texts(self, path: Path) -> bool:
        name = path.name.lower()
        if name.endswith(ENDINGS):
            return True
        if self._documents and name != STANDARD_INPUT:
            return False
        columns = self._first_cells(path)
        return self._text_column(columns) is not None and (len(columns) > 1 or name == STANDARD_INPUT)

    def _first_cells(self, path: Path) -> list[str]:
        """Of a file whose ending does not say whether it is a table; none where it is none, by what it begins with."""
        try:
            separator, rows = first_rows(path, self._encoding)
        except DataError:
            return []
        if path.name == STANDARD_INPUT:
            return first_line_of(path, separator, self._encoding)
        even = len(rows) > 1 and all(len(row) == len(rows[0]) for row in rows)
        return rows[0] if even and separator in SEPARATORS and not any(" " in name for name in rows[0]) else []

    def _text_column(self, columns: Sequence[str]) -> str | None:
        said = self.settings.arguments.get("text_column")
        if said is not None:
            return said if said in columns else None
        return next((name for word in TEXT_COLUMNS for name in columns if name.lower() == word), None)

    def _column(self, path: Path, shown: str) -> Iterator[Asked]:
        separator = separator_of(path, self._encoding)
        header = bool(self.settings.arguments.get("header", True))
        first = 1
        for piece in pieces(path, separator, header, self._encoding):
            with named(piece, shown):
                columns, rows = read_table(piece, separator, header, encoding=self._encoding)
            column = self._text_column(columns)
            if column is None:
                said = self.settings.arguments.get("text_column")
                hint = did_you_mean(said, columns) if said else f": none is called {', '.join(TEXT_COLUMNS)}"
                raise DataError(f"{shown} has the columns {', '.join(columns)}, and no column of texts{hint}")
            place = columns.index(column)
            ids = [k for k, name in enumerate(columns) if name != column and is_id(name)]
            for k, cells in enumerate(rows):
                where = {"input": f"{shown}, row {first + k:,}", "file": shown, "row": first + k}
                yield Asked(where | ({"id": str(cells[ids[0]])} if ids else {}), self.text(str(cells[place])))
            first += len(rows)


@form("sentences")
class Sentences(Texts):
    def text(self, text: str) -> Array:
        raw = np.empty(1, object)
        raw[0] = tuple(tokenize(self.encoder.state(), text))
        return raw

    def _examples(self, path: Path, shown: str) -> Iterator[Asked]:
        lines = lines_of(path, self._encoding, shown)
        column = self.settings.arguments.get("column")
        head = [line for _, line in islice(lines, LOOKED_AT)]
        if not in_columns(path, head, self.reader.labels, column):
            yield from self._lines(path, shown)
            return
        lines = lines_of(path, self._encoding, shown)
        for number, words in enumerate(sentences((line for _, line in lines), head, self.reader.labels, column), 1):
            raw = np.empty(1, object)
            raw[0] = tuple(words)
            yield Asked({"input": " ".join(words), "file": shown, "row": number}, raw)
