"""What a user wants predicted, read piece by piece: every format that the task's sources read, with a label or without.

Folders and .zip files are read through, gzipped files unpacked; what is labelled is read as if it were not. How files
hold examples, the files of `asking/` say, one for each kind of example.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nas_cli.data.fields import SEVERAL, Fields
from nas_cli.data.formats.unfold import UNPACKED, named, unfold
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import Array, Encoder, Raw
from nas_cli.errors import DataError

STANDARD_INPUT = "input"
"""What the file is called that holds it."""
BLOCK = 1 << 20
ID = re.compile(r"(.*[^a-z])?(id|uuid|guid)|index|rownames|unnamed: 0", re.IGNORECASE)
"""What a column is called that tells rows apart; one of them is repeated beside the answers."""
CAMEL = re.compile(r".*[a-z](Id|ID)")


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
    def takes_texts(self) -> bool:
        return self.form().takes_texts

    def texts(self, texts: Sequence[str]) -> Iterator[Asked]:
        """Texts themselves. Raises DataError where one is empty."""
        form = self.form()
        for text in texts:
            if not text.strip():
                raise DataError("an empty text has no words to predict from")
            yield Asked({"input": text}, form.text(text))

    def files(self, paths: Sequence[Path]) -> Iterator[Asked]:
        """What lies in files and folders, in their order. Raises DataError that names what cannot be read."""
        form = self.form()
        for path in paths:
            yield from self._at(path, str(path), form)
        for note in form.notes():
            self.say(note)

    def stream(self, raw: BinaryIO) -> Iterator[Asked]:
        """Bytes that come from elsewhere, standard input say, as from a file called `-`."""
        form = self.form()
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
            yield from self._at(file, "-", form)
        for note in form.notes():
            self.say(note)

    def form(self) -> Form:
        """How files hold the examples, for one reading."""
        several = len(self.fields.encoders) > 1
        return FORMS.get(SEVERAL if several else self.fields.encoder.kind, Form)(self)

    def _at(self, path: Path, shown: str, form: Form) -> Iterator[Asked]:
        found = False
        with named(path, shown):
            for file, name in unfold(path, shown, form.what, form.takes, self.say):
                with named(file, name):
                    for asked in form.read(file, name):
                        found = True
                        yield asked
        if not found:
            raise DataError(f"{shown} has nothing to predict from")


class Form:
    """How files hold examples that an encoder takes: a plugin's by itself, in its `read`. It is there for one reading,
    and `notes` are on all that was read."""

    takes_texts = False

    def __init__(self, reader: Reader) -> None:
        self.reader, self.settings, self.say = reader, reader.settings, reader.say

    @property
    def encoder(self) -> Encoder:
        """That of the one field that comes in."""
        return self.reader.fields.encoder

    @property
    def what(self) -> str:
        """What a folder without any has no file of."""
        return self.encoder.kind

    def takes(self, path: Path) -> bool:
        """Whether a file of a folder or an archive is one to predict from: by its name, or by how it begins."""
        return True

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        """The examples in a file, which is `shown` to a person by another name. Raises DataError."""
        for name, raw in self.encoder.read([str(path)]):
            yield Asked({"input": name.replace(str(path), shown), "file": shown}, raw)

    def value(self, given: Any, folder: Path) -> Array:
        """The raw example (1, …) that a cell of a table holds, or a value of JSON; a file that it names is sought in
        `folder`. Raises DataError."""
        ((_, found),) = self.encoder.read([str(given)])
        return found

    def text(self, text: str) -> Array:
        """The raw example (1,) that a text itself is."""
        raise AssertionError("no text is an example of this kind")

    def notes(self) -> Sequence[str]:
        return ()


FORMS: dict[str, type[Form]] = {}
"""By the kinds of encoders, and of several fields."""


def form(*kinds: str) -> Callable[[type[Form]], type[Form]]:
    """Decorator: makes a class the way to read what encoders of these kinds take."""

    def add(cls: type[Form]) -> type[Form]:
        FORMS.update(dict.fromkeys(kinds, cls))
        return cls

    return add


def is_id(name: str) -> bool:
    """Whether a column tells rows apart, by its name."""
    return bool(ID.fullmatch(name) or CAMEL.fullmatch(name))
