"""Reads labelled examples from another path for a trained network; its training data is not opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data.encoded import taken
from nas_cli.data.fields import Fields
from nas_cli.data.formats.csv_parts import find_tables
from nas_cli.data.formats.files import choose_part
from nas_cli.data.formats.folders import PassedOver
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.data.kinds.new_words import NewWords
from nas_cli.data.kinds.row import TableEncoder, read_labelled
from nas_cli.data.load import require_kinds
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import SOURCES, TARGETS, Dataset, Encoder, Examples, Part
from nas_cli.data.sources.csv_table import labels_in
from nas_cli.data.sources.idx import find_files
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError

DIVIDING = ("group", "time", "time_format")
"""Keys of sources that divide the training part."""


def load_other(
    settings: DataSettings,
    path: Path,
    labels: Sequence[str],
    wanted: Wanted,
    fields: Fields,
) -> Part:
    """The examples at `path`, in a format of the task: the test part where the data is divided, else everything; with
    notes on what was found and passed over.

    `labels` and `fields` are the network's. Raises DataError where the examples cannot be read, have no labels, have a
    class that the network does not know, or are images of another size.
    """
    path = path.expanduser()
    if not path.exists():
        raise DataError(f"there is no file or folder {path} to evaluate on")
    notes: list[str] = []
    dataset = None
    single = fields.encoder if len(fields.encoders) == 1 else None
    if isinstance(single, TableEncoder):
        examples = _table(path, single.state(), notes)
    else:
        dataset = _open(settings, path, single)
        examples = _part_to_test(dataset, path, wanted)
    if not len(examples.labels):
        raise DataError(f"{examples.origin} has no examples")
    names = dataset.names if dataset else None
    kind = TARGETS[wanted.target](Dataset(examples, names=names), labels, settings.origin)
    targets = kind.encode(examples)
    columns = fields.encode(examples.read(np.arange(len(targets))))
    notes += dataset.notes() if dataset else []
    part = taken(columns, targets, kind, fields)
    fields.require(part, examples.origin)
    called = examples.called(np.arange(len(targets)))
    return replace(part, others=kind.others(examples), notes=tuple(notes), names=called)


def _table(path: Path, state: Mapping[str, Any], notes: list[str]) -> Examples:
    """The rows of a table, in the columns that the network was trained on, whatever their order in the file."""
    parts = find_tables(path, "test")
    file = parts[choose_part(path, list(parts), "test", Path())]
    rows, cells = read_labelled(file, state, notes.append)
    new = NewWords(state)
    new.look(rows)
    notes += new.notes(str(file))
    labels = labels_in(file, state["target"], cells, state["missing"], state["decimal"])
    return Examples(str(file), labels, lambda indices: rows[indices])


def _open(settings: DataSettings, path: Path, encoder: Encoder | None) -> Dataset:
    """The data at `path`, read with the settings of the network's training data; images may have any of our formats."""
    name = settings.source if "path" in settings.arguments else ""
    if isinstance(encoder, ImageEncoder) and (not name or name in ("npz", "idx", "image-folder")):
        name = _images_at(path)
    if not name:
        raise DataError(f"source {settings.source} reads no files, so that {path} cannot be read as it")
    arguments: dict[str, Any] = {
        param.name: settings.arguments.get(param.name, param.default) for param in SOURCES.params(name)
    }
    arguments["path"] = path
    if SOURCES.origin(name) is None:
        arguments |= dict.fromkeys(arguments.keys() & DIVIDING)  # nothing is held out here
    if "color" in arguments and encoder is not None:
        channels, height, width = encoder.axes.shape
        arguments |= {"size": (height, width), "color": "grey" if channels == 1 else "rgb"}
    return SOURCES[name](**arguments)


def _images_at(path: Path) -> str:
    if not path.is_dir():
        return "npz"
    return "idx" if find_files(path, PassedOver()) else "image-folder"


def _part_to_test(dataset: Dataset, path: Path, wanted: Wanted) -> Examples:
    require_kinds(dataset.inputs, wanted, f"{path} has", "the network takes")
    if dataset.test is not None:
        return dataset.test()
    if dataset.validation is not None:
        raise DataError(f"{path} is divided and has no test part: name the file or folder that is meant")
    return dataset.train
