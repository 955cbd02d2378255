"""The input fields of a network, each with its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data.source import ENCODERS, Array, Encoder, Levels, Part, Raw
from nas_cli.errors import DataError
from nas_cli.model.build import OF_FIELDS

SEVERAL = OF_FIELDS
"""The `kind` of the state of several fields, and the key that holds the facts of each."""


@dataclass(frozen=True)
class Fields:
    """The encoder of every field, in the order in which a network takes them."""

    encoders: Mapping[str, Encoder]

    @property
    def encoder(self) -> Encoder:
        """The encoder of the only field."""
        (encoder,) = self.encoders.values()
        return encoder

    @property
    def inputs(self) -> Mapping[str, Axes]:
        return {field: encoder.axes for field, encoder in self.encoders.items()}

    @property
    def levels(self) -> Mapping[str, Levels]:
        """Mean and standard deviation by which each raw image field is normalised."""
        return {field: encoder.levels for field, encoder in self.encoders.items() if encoder.levels is not None}

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts of the only field; of several fields, a mapping from each name to its facts under `fields`."""
        if len(self.encoders) == 1:
            return self.encoder.facts
        return {SEVERAL: {field: dict(encoder.facts) for field, encoder in self.encoders.items()}}

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for encoder in self.encoders.values() for note in encoder.notes)

    @property
    def assets(self) -> Mapping[str, Array]:
        """Arrays that initialise layers, by name. Raises DataError where two fields have an asset of the same name."""
        found: dict[str, Array] = {}
        for field, encoder in self.encoders.items():
            for name, array in encoder.assets.items():
                if name in found:
                    raise DataError(f"the field {field} brings {name} for layers to begin with, as another field does")
                found[name] = array
        return found

    @property
    def raw(self) -> bool:
        """Whether a network takes the examples unencoded, as a source reads them."""
        return all(encoder.raw for encoder in self.encoders.values())

    def encode(self, raw: Raw) -> dict[str, Column[Array]]:
        """Encodes examples, as a source reads them, into columns by field. Raises DataError."""
        given = by_field(raw, self.encoders)
        return {field: as_column(encoder.encode(given[field])) for field, encoder in self.encoders.items()}

    def require(self, part: Part, whose: str) -> None:
        """Raises DataError where the inputs of `part` do not fit these encoders; `whose` names the part."""
        for field, encoder in self.encoders.items():
            encoder.require(part.columns[field], whose)

    def state(self) -> dict[str, Any]:
        """JSON data with a `kind`, from which `restore` rebuilds the encoders."""
        if len(self.encoders) == 1:
            return self.encoder.state()
        return {"kind": SEVERAL, SEVERAL: {field: encoder.state() for field, encoder in self.encoders.items()}}


def restore(state: Mapping[str, Any], fields: Mapping[str, str]) -> Fields:
    """Rebuilds the encoders from `state`, for `fields` (kinds by name). Raises KeyError, TypeError or ValueError where
    the state is damaged."""
    if state["kind"] != SEVERAL:
        (field,) = fields
        return Fields({field: ENCODERS[str(state["kind"])](state)})
    stored = state[SEVERAL]
    return Fields({field: ENCODERS[str(stored[field]["kind"])](stored[field]) for field in fields})


def by_field(given: Any, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """A value for each of a source's `fields`: `given` is a mapping already, or belongs to the only field."""
    if isinstance(given, Mapping):
        return given
    (field,) = fields
    return {field: given}


def as_column(found: Array | Column[Array]) -> Column[Array]:
    return found if isinstance(found, Column) else Column(found)


def ordered(column: Column[Array], places: Array) -> Column[Array]:
    """The examples at the indices `places` (n,) of a column in memory."""
    return Column(column.values[places], None, None if column.lengths is None else column.lengths[places])


def together(raw: Sequence[Raw]) -> Raw:
    """Joins raw examples (1, …) into one batch (N, …), by field where they are mappings."""
    by_fields: list[Any] = list(raw)
    if isinstance(raw[0], Mapping):
        return {field: np.concatenate([one[field] for one in by_fields]) for field in raw[0]}
    return np.concatenate(by_fields)


def size_of(raw: Raw) -> int:
    """Bytes of a raw batch."""
    arrays = list(raw.values()) if isinstance(raw, Mapping) else [raw]
    return sum(array.nbytes for array in arrays)


def one_of(raw: Raw) -> Any:
    """The single example in `raw` (1, …); a mapping by field where `raw` is one."""
    return {field: array[0] for field, array in raw.items()} if isinstance(raw, Mapping) else raw[0]


def stacked(examples: Sequence[Any]) -> Raw:
    """Joins single examples into a raw batch (N, …): the inverse of `one_of`."""
    first = examples[0]
    if isinstance(first, Mapping):
        return {field: _array([example[field] for example in examples]) for field in first}
    return _array(examples)


def _array(examples: Sequence[Any]) -> Array:
    """An array; texts and tuples of words become an array of objects (N,)."""
    if isinstance(examples[0], np.ndarray):
        return np.stack(examples)
    raw = np.empty(len(examples), object)
    for place, example in enumerate(examples):
        raw[place] = example
    return raw
