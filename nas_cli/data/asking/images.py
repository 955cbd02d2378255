"""Images to predict from: pictures, and arrays of many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nas_cli.data.asked import Asked, Form, Reader, form
from nas_cli.data.formats.pictures import SUFFIXES, is_picture
from nas_cli.data.inputs import SeenPictures, own_size, read_inputs
from nas_cli.data.source import Array

ARRAYS = (".npy", ".npz")


@form("images")
class Images(Form):
    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._seen = SeenPictures()

    def takes(self, path: Path) -> bool:
        name = path.name.lower()
        arrays = name.endswith(ARRAYS) or ("idx" in name and "labels" not in name)
        return arrays or name.endswith(SUFFIXES) or is_picture(path)

    def read(self, path: Path, shown: str) -> Iterator[Asked]:
        shape = self.encoder.axes.shape
        found = read_inputs(self.settings, shape, [path], self._seen)
        picture = own_size(self.settings, shape[0], path) if self.reader.whole else None
        for name, image in found:
            yield Asked(_where(name, str(path), shown), image[None], picture)

    def value(self, given: Any, folder: Path) -> Array:
        ((_, image),) = read_inputs(self.settings, self.encoder.axes.shape, [folder / str(given)], self._seen)
        return image[None]

    def notes(self) -> Sequence[str]:
        return self._seen.notes(self.settings)


def _where(name: str, path: str, shown: str) -> dict[str, Any]:
    place = re.fullmatch(re.escape(path) + r"\[(\d+)\]", name)
    number = {"row": int(place[1])} if place else {}
    return {"input": shown + name[len(path) :] if name.startswith(path) else name, "file": shown, **number}
