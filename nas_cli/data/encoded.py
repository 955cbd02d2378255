"""From examples in files to parts: encoded columns by field, and targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nas_cli.axes import Column
from nas_cli.data.cache import Cache
from nas_cli.data.fields import Fields, as_column, by_field, ordered
from nas_cli.data.kinds.image import fit_images
from nas_cli.data.source import Array, Dataset, Examples, Part, Raw, Targets
from nas_cli.data.wanted import Wanted, fields_of

(IMAGE,) = Wanted().fields
"""The only field of sources that need no encoder: images."""


def read_division(
    dataset: Dataset,
    cache: Cache | None,
    kind: Targets,
    targets: Array,
    stay: Array,
    held: Array | None,
    fields: Fields | None,
) -> tuple[Part, Part | None, Fields]:
    """The training part, the part held out of it, and the fields; without `fields`, they are fitted on the training
    part."""
    validation = None
    kinds = fields_of(dataset.inputs)
    if dataset.fit or len(kinds) > 1:
        in_order = np.sort(stay)  # reading in file order is several times as fast
        raw = dataset.train.read(in_order)
        fields = fields or _fit(dataset, raw)
        places = np.searchsorted(in_order, stay)
        columns = {field: ordered(column, places) for field, column in fields.encode(raw).items()}
        train = taken(columns, targets[stay], kind, fields)
        validation = read_part(dataset.train, held, targets, kind, None, fields) if held is not None else None
        return train, validation, fields
    (field,) = kinds
    mapped = cache.inputs(dataset.train) if cache else None
    if mapped is not None:
        train = Part({field: Column(mapped, stay)}, targets[stay])
        validation = Part({field: Column(mapped, held)}, targets[held]) if held is not None else None
    else:
        inputs = dataset.train.read(stay if held is None else np.concatenate([stay, held]))  # one call: it may unpack
        train = Part({field: Column(inputs[: len(stay)])}, targets[stay])
        validation = Part({field: Column(inputs[len(stay) :])}, targets[held]) if held is not None else None
    return train, validation, fields or Fields({field: fit_images(train.column)})


def _fit(dataset: Dataset, raw: Raw) -> Fields:
    """The encoder of every field, fitted on the examples of the training part; images need no `fit` of the source."""
    kinds = fields_of(dataset.inputs)
    given, fits = by_field(raw, kinds), by_field(dataset.fit or {}, kinds)
    encoders = {}
    for field in kinds:
        fit = fits.get(field)
        encoders[field] = fit_images(as_column(given[field])) if fit is None else fit(given[field])
    return Fields(encoders)


def taken(columns: Mapping[str, Column[Array]], targets: Array, kind: Targets, fields: Fields | None) -> Part:
    """A part. Ragged targets are cut to the longest input of this part, which may be shorter than that of the whole
    file."""
    if not kind.ragged or fields is None:
        return Part(columns, targets)
    along = next(field for field, axes in fields.inputs.items() if axes.ragged)
    return Part(columns, targets[:, : columns[along].values.shape[-1]], along=along)


def read_part(
    examples: Examples, indices: Array, targets: Array, kind: Targets, cache: Cache | None, fields: Fields | None
) -> Part:
    """The examples at `indices` (n,) with their `targets`; inputs that do not fit into memory are memory-mapped from
    the `cache`."""
    mapped = cache.inputs(examples) if cache else None
    if mapped is not None:
        (field,) = (IMAGE,) if fields is None else fields.encoders
        return Part({field: Column(mapped, indices)}, targets[indices])
    raw = examples.read(indices)
    columns = {IMAGE: Column(raw)} if fields is None else fields.encode(raw)
    return taken(columns, targets[indices], kind, fields)


def read_whole(examples: Examples, kind: Targets, cache: Cache | None, fields: Fields | None) -> Part:
    """All examples of a part that has files of its own."""
    targets = kind.encode(examples)
    part = read_part(examples, np.arange(len(targets)), targets, kind, cache, fields)
    return replace(part, others=kind.others(examples))
