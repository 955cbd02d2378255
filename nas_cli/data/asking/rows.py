"""Rows of tables to predict from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.asked import Asked, Form, form, is_id
from nas_cli.data.formats.csv_file import ENDINGS
from nas_cli.data.formats.pieces import pieces
from nas_cli.data.formats.unfold import named
from nas_cli.data.kinds.new_words import NewWords
from nas_cli.data.kinds.row import read_rows
from nas_cli.data.source import Array
from nas_cli.errors import DataError


@form("table")
class Rows(Form):
    def takes(self, path: Path) -> bool:
        return path.name.lower().endswith(ENDINGS)

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        state = self.encoder.state()
        header = list(state["header"])
        used = {column["name"] for column in (*state["numbers"], *state["categories"])}
        named_so = [name for name in header if is_id(name) and name != state["target"]]
        ids = sorted(named_so, key=lambda name: name in used)  # what the network does not read tells rows apart sooner
        place = header.index(ids[0]) if ids else None
        first, new = 1, NewWords(state)
        for piece in pieces(path, state["separator"], state["has_header"], state["encoding"]):
            with named(piece, shown):
                rows = read_rows(piece, state)
            new.look(rows)
            have_ids = place is not None and bool(rows[:, place].any())
            for k in range(len(rows)):
                where = {"input": f"{shown}, row {first + k:,}", "file": shown, "row": first + k}
                if have_ids:
                    where["id"] = str(rows[k, place])
                yield Asked(where, rows[k : k + 1])
            first += len(rows)
        for note in new.notes(shown):
            self.say(note)

    def value(self, given: Any, folder: Path) -> Array:
        if not isinstance(given, Mapping):
            raise DataError("a table row is a JSON object with a cell for every column")
        return np.array([[str(given.get(column, "")) for column in self.encoder.state()["header"]]], object)
