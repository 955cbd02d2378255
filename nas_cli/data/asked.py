"""The examples to predict, read one at a time: every format that the task's sources read, with labels or without.
Folders and .zip files are searched, gzipped files unpacked, and labels ignored. The files of `asking/` say how files
hold examples, one for each kind of example.
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
"""The name of the temporary file that standard input is copied to."""
BLOCK = 1 << 20
ID = re.compile(r"(.*[^a-z])?(id|uuid|guid)|index|rownames|unnamed: 0", re.IGNORECASE)
"""Names of columns that identify a row; such a column is repeated beside the answers."""
CAMEL = re.compile(r".*[a-z](Id|ID)")


@dataclass(frozen=True)
class Asked:
    """`raw` (1, …) is the example, a mapping by field where there are several; `where` identifies it: `input` for a
    person, and `file`, `row`, `id` where it has them. `picture` (C, H, W) is the picture in its original size, where
    the reader was asked for it."""

    where: Mapping[str, Any]
    raw: Raw
    picture: Array | None = None


@dataclass(frozen=True)
class Reader:
    """Reads examples for a network that takes `fields` and was trained on data of `settings` with `labels`.

    `say` is told what is passed over. With `whole`, pictures are also read in their original size.
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
        """The `texts` as examples. Raises DataError where one is empty."""
        form = self.form()
        for text in texts:
            if not text.strip():
                raise DataError("an empty text has no words to predict from")
            yield Asked({"input": text}, form.text(text))

    def files(self, paths: Sequence[Path]) -> Iterator[Asked]:
        """The examples in files and folders, in their order. Raises DataError, which names the file that cannot be
        read."""
        form = self.form()
        for path in paths:
            yield from self._at(path, str(path), form)
        for note in form.notes():
            self.say(note)

    def stream(self, raw: BinaryIO) -> Iterator[Asked]:
        """The examples in a stream, such as standard input, read as if from a file called `-`."""
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
    """How files hold the examples of an encoder. This base class serves a plugin's encoder, which reads them by its
    `read`. An instance serves one reading; `notes` cover everything that was read."""

    takes_texts = False

    def __init__(self, reader: Reader) -> None:
        self.reader, self.settings, self.say = reader, reader.settings, reader.say

    @property
    def encoder(self) -> Encoder:
        """The encoder of the only field."""
        return self.reader.fields.encoder

    @property
    def what(self) -> str:
        """The noun for such examples in the message about a folder that holds none."""
        return self.encoder.kind

    def takes(self, path: Path) -> bool:
        """Whether a file of a folder or an archive holds examples to predict, by its name or by its first bytes."""
        return True

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        """The examples in the file `path`, which messages call `shown`. Raises DataError."""
        for name, raw in self.encoder.read([str(path)]):
            yield Asked({"input": name.replace(str(path), shown), "file": shown}, raw)

    def value(self, given: Any, folder: Path) -> Array:
        """The raw example (1, …) in a cell of a table or a JSON value. Names of files are relative to `folder`. Raises
        DataError."""
        ((_, found),) = self.encoder.read([str(given)])
        return found

    def text(self, text: str) -> Array:
        """A text as a raw example (1,)."""
        raise AssertionError("no text is an example of this kind")

    def notes(self) -> Sequence[str]:
        return ()


FORMS: dict[str, type[Form]] = {}
"""By the kind of encoder; SEVERAL for several fields."""


def form(*kinds: str) -> Callable[[type[Form]], type[Form]]:
    """Decorator: registers a Form for the encoders of these kinds."""

    def add(cls: type[Form]) -> type[Form]:
        FORMS.update(dict.fromkeys(kinds, cls))
        return cls

    return add


def is_id(name: str) -> bool:
    """Whether a column identifies rows, by its name."""
    return bool(ID.fullmatch(name) or CAMEL.fullmatch(name))
