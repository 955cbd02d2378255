"""Checks that encoders of plugins keep their contract; a violation is reported with the plugin's name."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.plugins import Origin, is_ours
from nas_cli.registry import show

if TYPE_CHECKING:
    from nas_cli.data.source import Array, Encoder, Levels

DTYPES = ("float32", "int32")


def hold_encoder(restore: Callable[..., Encoder], origin: Origin) -> Callable[..., Encoder]:
    @functools.wraps(restore)
    def made(state: Mapping[str, Any]) -> Encoder:
        encoder = restore(state)  # an error here means that the state is damaged
        return encoder if is_ours(encoder) else HeldEncoder(encoder, origin)

    return made


class HeldEncoder:
    """A plugin's encoder, checked: it gives the dtype and shape that its axes declare, and a state that is JSON
    data."""

    def __init__(self, encoder: Encoder, origin: Origin) -> None:
        self._encoder = encoder
        self._origin = origin
        if not isinstance(self.axes, Axes) or self.axes.dtype not in DTYPES:
            raise origin.wrong(f"has an encoder of {show(self.axes)}; wanted are Axes of {' or '.join(DTYPES)}")

    @property
    def kind(self) -> str:
        return str(self.state()["kind"])

    @property
    def raw(self) -> bool:
        return bool(getattr(self._encoder, "raw", False))

    @property
    def axes(self) -> Axes:
        return self._encoder.axes

    @property
    def levels(self) -> Levels | None:
        return getattr(self._encoder, "levels", None)

    def require(self, column: Column[Array], whose: str) -> None:
        """Nothing to check here: `encode` checks every column."""

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._encoder.facts

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(getattr(self._encoder, "notes", ()))

    @property
    def assets(self) -> Mapping[str, Array]:
        found = getattr(self._encoder, "assets", {})
        if not isinstance(found, Mapping) or not all(map(_is_of_numbers, found.values())):
            raise self._origin.wrong(f"has the assets {show(found)}, and arrays of numbers by name are wanted")
        return found

    def encode(self, raw: Array) -> Column[Array]:
        given: Any = self._origin.call("encode", self._encoder.encode, raw)
        column = given if isinstance(given, Column) else Column(given)
        found, axes = column.values, self.axes
        wanted = f"{axes.dtype} ({', '.join(['n', *map(str, axes.shape)])})"
        fits = isinstance(found, np.ndarray) and found.dtype == axes.dtype and len(found) == len(raw)
        if not fits or not axes.fits(found.shape[1:]):
            raise self._origin.wrong(f"encodes {len(raw)} examples as {describe_array(found)}, and {wanted} is wanted")
        if axes.sent_lengths:
            self._require_lengths(column)
        return column

    def _require_lengths(self, column: Column[Array]) -> None:
        """Ragged floats need explicit lengths: no value marks the end of a sequence."""
        lengths, longest = column.lengths, column.values.shape[-1]
        if lengths is None:
            raise self._origin.wrong("encodes sequences of floats without their lengths: Column(values, lengths=…)")
        if lengths.shape != (len(column),) or lengths.dtype.kind not in "iu":
            raise self._origin.wrong(f"gave the lengths {describe_array(lengths)} of {len(column)} sequences")
        if len(lengths) and (lengths.min() < 1 or lengths.max() > longest):
            raise self._origin.wrong(
                f"gave lengths from {lengths.min()} to {lengths.max()}, and sequences have 1 to {longest} places here"
            )
        if column.values[np.broadcast_to(_after(lengths, longest), column.values.shape)].any():
            raise self._origin.wrong("gave sequences that are not zero after their ends")

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        return self._origin.call("read", self._encoder.read, arguments)

    def state(self) -> dict[str, Any]:
        found: Any = self._origin.call("state", self._encoder.state)
        try:
            json.dumps(found)
        except (TypeError, ValueError) as error:
            raise self._origin.wrong(f"gave {show(found)} for state, which is no JSON data: {error}") from None
        if not isinstance(found, dict) or "kind" not in found:
            raise self._origin.wrong(f"gave {show(found)} for state, and a dict with its kind is wanted")
        return found


def describe_array(found: object) -> str:
    return f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else show(found)


def _after(lengths: Array, longest: int) -> Array:
    """bool (n, 1, longest): the positions after the end of each sequence."""
    after: Array = np.arange(longest) >= lengths[:, None]
    return after[:, None]


def _is_of_numbers(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
