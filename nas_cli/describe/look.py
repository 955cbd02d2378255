"""A look at a folder of pictures, without decoding them: for a spec that fits."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_cli.data import parse_data
from nas_cli.data.load import require_test
from nas_cli.data.sources.picture_reading import looked_at
from nas_cli.errors import DataError

LOOKED_AT = 2000
"""Pictures at most; of more, so many evenly spread ones."""


@dataclass(frozen=True)
class Looked:
    """`where` the pictures to train on lie, how many they are, their classes, and their median (height, width).

    `settings` are keys of `data:` that are needed beside the usual ones; `notes` are for the user.
    """

    where: str
    count: int
    classes: tuple[str, ...]
    size: tuple[int, int]
    settings: Mapping[str, Any]
    notes: tuple[str, ...]


def look_at_pictures(path: Path) -> Looked:
    """Raises DataError where there are none, or one that is looked at is damaged."""
    section: dict[str, Any] = {"source": "image-folder", "path": str(path)}
    settings: dict[str, Any] = {}
    dataset = parse_data(section).open()
    examples = dataset.train
    assert examples.stream is not None
    classes = tuple(sorted(set(examples.labels.tolist())))
    if len(classes) < 2:
        raise DataError(f"{examples.origin} has only one class, '{classes[0]}': two are needed to tell apart")
    try:
        about_test = require_test(parse_data(section), dataset)
    except DataError as error:
        if not error.remedy:
            raise
        settings.update(error.remedy)
        about_test = require_test(parse_data({**section, **settings}), dataset)
    files = examples.stream.files
    sizes, about_pictures = looked_at(files[:: -(-len(files) // LOOKED_AT)])
    size = (statistics.median_low([h for h, _ in sizes]), statistics.median_low([w for _, w in sizes]))
    notes = (*about_test, *dataset.notes(), *about_pictures)
    return Looked(examples.origin, len(files), classes, size, settings, notes)
