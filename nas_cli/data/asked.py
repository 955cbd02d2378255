"""What a user wants predicted, read piece by piece: every format that the task's sources read, with a label or without.

Folders and .zip files are read through, gzipped files unpacked; what is labelled is read as if it were not.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nas_cli.data.fields import Fields
from nas_cli.data.formats.csv_file import ENDINGS, SEPARATORS, first_rows, read_table
from nas_cli.data.formats.foreign import is_json
from nas_cli.data.formats.pictures import SUFFIXES, is_picture
from nas_cli.data.formats.pieces import DOCUMENT, first_line_of, lines_of, opened, pieces
from nas_cli.data.formats.sentences import in_columns, sentences
from nas_cli.data.formats.unfold import UNPACKED, named, unfold
from nas_cli.data.inputs import SeenPictures, own_size, read_inputs
from nas_cli.data.kinds.new_words import NewWords
from nas_cli.data.kinds.row import read_rows
from nas_cli.data.portable import tokenize
from nas_cli.data.records import JSON_LINES, Records
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import Array, Encoder, Raw
from nas_cli.data.sources.text import TEXT_COLUMNS, are_documents
from nas_cli.data.sources.text_classes import is_text
from nas_cli.data.sources.text_table import separator_of
from nas_cli.errors import DataError, did_you_mean

ARRAYS = (".npy", ".npz")
STANDARD_INPUT = "input"
"""What the file is called that holds it."""
BLOCK = 1 << 20
ID = re.compile(r"(.*[^a-z])?(id|uuid|guid)|index|rownames|unnamed: 0", re.IGNORECASE)
"""What a column is called that tells rows apart; one of them is repeated beside the answers."""
CAMEL = re.compile(r".*[a-z](Id|ID)")
LOOKED_AT = 200
"""Lines by which sentences in columns are told from sentences a line."""


@dataclass(frozen=True)
class Asked:
    """`raw` (1, …) is the example, by field where several come in; `where` says which it is: `input` for a person, and
    `file`, `row`, `id` where it has them. `picture` (C, H, W) is a picture in its own size, where the reader was asked
    for it."""

    where: Mapping[str, Any]
    raw: Raw
    picture: Array | None = None


@dataclass(frozen=True)
class Reader:
    """Of a network that takes `fields`, and learned from data of `settings` with `labels`.

    `say` is told what is passed over. With `whole`, pictures are read in their own size too.
    """

    settings: DataSettings
    fields: Fields
    labels: Sequence[str] = ()
    say: Callable[[str], None] = lambda text: None
    whole: bool = False

    @property
    def encoder(self) -> Encoder:
        """That of the one field that comes in."""
        return self.fields.encoder

    @property
    def kind(self) -> str:
        """images, table, texts, sentences, or what the encoder of a plugin is called; "" of several fields."""
        return self.encoder.kind if len(self.fields.encoders) == 1 else ""

    @property
    def takes_texts(self) -> bool:
        return self.kind in ("texts", "sentences")

    def texts(self, texts: Sequence[str]) -> Iterator[Asked]:
        """Texts themselves. Raises DataError where one is empty."""
        for text in texts:
            if not text.strip():
                raise DataError("an empty text has no words to predict from")
            yield Asked({"input": text}, self._raw(text))

    def files(self, paths: Sequence[Path]) -> Iterator[Asked]:
        """What lies in files and folders, in their order. Raises DataError that names what cannot be read."""
        seen = SeenPictures()
        for path in paths:
            yield from self._at(path, str(path), seen)
        for note in seen.notes(self.settings):
            self.say(note)

    def stream(self, raw: BinaryIO) -> Iterator[Asked]:
        """Bytes that come from elsewhere, standard input say, as from a file called `-`."""
        seen = SeenPictures()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / STANDARD_INPUT
            with file.open("wb") as out:
                left = UNPACKED
                while left > 0 and (block := raw.read(min(left, BLOCK))):
                    out.write(block)
                    left -= len(block)
            if left == UNPACKED:
                raise DataError("there is nothing on standard input")
            if not left:
                raise DataError(f"standard input has more than {UNPACKED:,} bytes: name the file instead")
            yield from self._at(file, "-", seen)
        for note in seen.notes(self.settings):
            self.say(note)

    def _at(self, path: Path, shown: str, seen: SeenPictures) -> Iterator[Asked]:
        found = False
        with named(path, shown):
            for file, name in unfold(path, shown, self.kind, self._takes, self.say):
                with named(file, name):
                    for asked in self._file(file, name, seen):
                        found = True
                        yield asked
        if not found:
            raise DataError(f"{shown} has nothing to predict from")

    def _file(self, path: Path, shown: str, seen: SeenPictures) -> Iterator[Asked]:
        if not self.kind:
            for row, example in Records(self.settings, self.fields).read(path, shown):
                yield Asked({"input": f"{shown}, row {row:,}", "file": shown, "row": row}, example)
        elif self.kind == "images":
            shape = self.encoder.axes.shape
            found = read_inputs(self.settings, shape, [path], seen)
            picture = own_size(self.settings, shape[0], path) if self.whole else None
            for name, image in found:
                yield Asked(_image(name, str(path), shown), image[None], picture)
        elif self.kind == "table":
            yield from self._table(path, shown)
        elif self.takes_texts:
            if not is_text(path, self._encoding):
                raise DataError(f"{shown} is no text")
            yield from self._file_of_texts(path, shown) if self.kind == "texts" else self._sentences(path, shown)
        else:
            for name, raw in self.encoder.read([str(path)]):
                yield Asked({"input": name.replace(str(path), shown), "file": shown}, raw)

    def _takes(self, path: Path) -> bool:
        """Whether a file of a folder or an archive is one to predict from: by its name, or by how it begins."""
        name = path.name.lower()
        if self.kind == "images":
            arrays = name.endswith(ARRAYS) or ("idx" in name and "labels" not in name)
            return arrays or name.endswith(SUFFIXES) or is_picture(path)
        if self.kind in ("table", ""):
            return name.endswith(ENDINGS if self.kind else (*ENDINGS, *JSON_LINES))
        return not self.takes_texts or is_text(path, self._encoding)  # what a plugin's encoder reads is its own affair

    # Tables ----------------------------------------------------------------------------------------------------------

    def _table(self, path: Path, shown: str) -> Iterator[Asked]:
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

    # Texts -----------------------------------------------------------------------------------------------------------

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

    def _raw(self, text: str) -> Array:
        raw = np.empty(1, object)
        raw[0] = text if self.kind == "texts" else tuple(tokenize(self.encoder.state(), text))
        return raw

    def _file_of_texts(self, path: Path, shown: str) -> Iterator[Asked]:
        if self._is_table_of_texts(path):
            yield from self._column(path, shown)
        elif self._documents:
            with opened(path, self._encoding, shown) as file:
                text = file.read(DOCUMENT + 1)
            if len(text) > DOCUMENT:
                raise DataError(f"{shown} is a text of more than {DOCUMENT:,} characters")
            if not text.strip():
                raise DataError(f"{shown} has no text")
            yield Asked({"input": shown, "file": shown}, self._raw(text.strip()))
        else:
            yield from self._lines(path, shown)

    def _lines(self, path: Path, shown: str) -> Iterator[Asked]:
        for number, line in lines_of(path, self._encoding, shown):
            if number == 1 and is_json(line.encode()):
                self.say(f"lines of {shown} are JSON, and are read as they stand, with names and brackets")
            if line.strip():
                yield Asked({"input": line.strip(), "file": shown, "row": number}, self._raw(line.strip()))

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
                yield Asked(where | ({"id": str(cells[ids[0]])} if ids else {}), self._raw(str(cells[place])))
            first += len(rows)

    # Sentences -------------------------------------------------------------------------------------------------------

    def _sentences(self, path: Path, shown: str) -> Iterator[Asked]:
        lines = lines_of(path, self._encoding, shown)
        column = self.settings.arguments.get("column")
        head = [line for _, line in islice(lines, LOOKED_AT)]
        if not in_columns(path, head, self.labels, column):
            yield from self._lines(path, shown)
            return
        lines = lines_of(path, self._encoding, shown)
        for number, words in enumerate(sentences((line for _, line in lines), head, self.labels, column), 1):
            raw = np.empty(1, object)
            raw[0] = tuple(words)
            yield Asked({"input": " ".join(words), "file": shown, "row": number}, raw)


def is_id(name: str) -> bool:
    return bool(ID.fullmatch(name) or CAMEL.fullmatch(name))


def _image(name: str, path: str, shown: str) -> dict[str, Any]:
    place = re.fullmatch(re.escape(path) + r"\[(\d+)\]", name)
    number = {"row": int(place[1])} if place else {}
    return {"input": shown + name[len(path) :] if name.startswith(path) else name, "file": shown, **number}
