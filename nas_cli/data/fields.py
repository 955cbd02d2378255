"""What comes into a network: the fields of an example, each with its encoder."""

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
"""The `kind` of the state of several fields, and the fact that holds the facts of each."""


@dataclass(frozen=True)
class Fields:
    """The encoder of every field, in the order in which a network takes them."""

    encoders: Mapping[str, Encoder]

    @property
    def encoder(self) -> Encoder:
        """That of the one field that there is."""
        (encoder,) = self.encoders.values()
        return encoder

    @property
    def inputs(self) -> Mapping[str, Axes]:
        return {field: encoder.axes for field, encoder in self.encoders.items()}

    @property
    def levels(self) -> Mapping[str, Levels]:
        """What the fields of raw levels are normalised by."""
        return {field: encoder.levels for field, encoder in self.encoders.items() if encoder.levels is not None}

    @property
    def facts(self) -> Mapping[str, Any]:
        """Those of the one field; of several those of each, by its name, under `fields`."""
        if len(self.encoders) == 1:
            return self.encoder.facts
        return {SEVERAL: {field: dict(encoder.facts) for field, encoder in self.encoders.items()}}

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for encoder in self.encoders.values() for note in encoder.notes)

    @property
    def assets(self) -> Mapping[str, Array]:
        """Arrays that layers begin with. Raises DataError where two fields bring one of the same name."""
        found: dict[str, Array] = {}
        for field, encoder in self.encoders.items():
            for name, array in encoder.assets.items():
                if name in found:
                    raise DataError(f"the field {field} brings {name} for layers to begin with, as another field does")
                found[name] = array
        return found

    @property
    def raw(self) -> bool:
        """Whether a network takes examples as a source reads them."""
        return all(encoder.raw for encoder in self.encoders.values())

    def encode(self, raw: Raw) -> dict[str, Column[Array]]:
        """Examples as a source reads them, as columns by field. Raises DataError."""
        given = by_field(raw, self.encoders)
        return {field: as_column(encoder.encode(given[field])) for field, encoder in self.encoders.items()}

    def require(self, part: Part, whose: str) -> None:
        """Raises DataError where the inputs of `part` are none of these."""
        for field, encoder in self.encoders.items():
            encoder.require(part.columns[field], whose)

    def state(self) -> dict[str, Any]:
        """JSON data with its `kind`, from which `restore` makes the encoders again."""
        if len(self.encoders) == 1:
            return self.encoder.state()
        return {"kind": SEVERAL, SEVERAL: {field: encoder.state() for field, encoder in self.encoders.items()}}


def restore(state: Mapping[str, Any], fields: Mapping[str, str]) -> Fields:
    """Those of `state`, for `fields` (their kinds by name). Raises KeyError, TypeError or ValueError where it is
    damaged."""
    if state["kind"] != SEVERAL:
        (field,) = fields
        return Fields({field: ENCODERS[str(state["kind"])](state)})
    stored = state[SEVERAL]
    return Fields({field: ENCODERS[str(stored[field]["kind"])](stored[field]) for field in fields})


def by_field(given: Any, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a source gives for its `fields`: a mapping, or what belongs to the only one."""
    if isinstance(given, Mapping):
        return given
    (field,) = fields
    return {field: given}


def as_column(found: Array | Column[Array]) -> Column[Array]:
    return found if isinstance(found, Column) else Column(found)


def ordered(column: Column[Array], places: Array) -> Column[Array]:
    """The examples at `places` (n,) of a column in memory."""
    return Column(column.values[places], None, None if column.lengths is None else column.lengths[places])


def ends(column: Column[Array]) -> Array:
    """int64 (n,): the lengths of a ragged column's examples."""
    if column.lengths is not None:
        return column.lengths
    found: Array = np.count_nonzero(column.values[:, 0], axis=-1)
    return found


def together(raw: Sequence[Raw]) -> Raw:
    """Examples (1, …) as sources read them, as one batch (N, …), by field where they come so."""
    by_fields: list[Any] = list(raw)
    if isinstance(raw[0], Mapping):
        return {field: np.concatenate([one[field] for one in by_fields]) for field in raw[0]}
    return np.concatenate(by_fields)


def size_of(raw: Raw) -> int:
    """Bytes of examples as sources read them."""
    arrays = list(raw.values()) if isinstance(raw, Mapping) else [raw]
    return sum(array.nbytes for array in arrays)


def one_of(raw: Raw) -> Any:
    """The single example that `raw` (1, …) holds: a mapping by field where they come so."""
    return {field: array[0] for field, array in raw.items()} if isinstance(raw, Mapping) else raw[0]


def stacked(examples: Sequence[Any]) -> Raw:
    """Single examples as a source's batch (N, …): the way back from `one_of`."""
    first = examples[0]
    if isinstance(first, Mapping):
        return {field: _array([example[field] for example in examples]) for field in first}
    return _array(examples)


def _array(examples: Sequence[Any]) -> Array:
    """Of texts, or tuples of words, an array of objects (N,)."""
    if isinstance(examples[0], np.ndarray):
        return np.stack(examples)
    raw = np.empty(len(examples), object)
    for place, example in enumerate(examples):
        raw[place] = example
    return raw
