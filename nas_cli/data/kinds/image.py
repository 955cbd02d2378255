"""Images as a network's inputs: raw pixels, which it normalises by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nas_cli.axes import Axes, Column
from nas_cli.data.formats.pixels import shape_text
from nas_cli.data.kind import KINDS, Kind, Repeats
from nas_cli.data.kinds.histogram import about_levels, histogram, normalisation
from nas_cli.data.source import ENCODERS, NO_ASSETS, Array, Levels, Part
from nas_cli.errors import DataError

CHUNK = 512
"""Pictures of a mapped file that are read at once."""


@dataclass(frozen=True)
class ImageEncoder:
    """Images of `axes`, uint8 (C, H, W), are fed to the network unencoded. `levels` normalise them; None for a trained
    network, which has them among its weights.
    """

    axes: Axes
    levels: Levels | None = None
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "images"
    raw: bool = True
    assets: ClassVar[Mapping[str, Array]] = NO_ASSETS

    def encode(self, raw: Array) -> Array:
        return raw

    def read(self, arguments: Sequence[str]) -> list[tuple[str, Array]]:
        raise AssertionError("pictures are read as the network's data was: by `read_inputs`")

    def require(self, column: Column[Array], whose: str) -> None:
        """Raises DataError where the images have another size."""
        found = column.values.shape[1:]
        if not self.axes.fits(found):
            raise DataError(
                f"inputs of {whose} are {shape_text(found)}, those of the training part {shape_text(self.axes.shape)}"
            )

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "shape": list(self.axes.shape)}


def fit_images(column: Column[Array]) -> ImageEncoder:
    """The encoder fitted on the images of the training part."""
    counts = histogram(column)
    axes = Axes(str(np.dtype(column.values.dtype)), tuple(column.values.shape[1:]))
    notes = tuple(about_levels(counts))
    return ImageEncoder(axes, Levels(*normalisation(counts)), notes)


def _restore(state: Mapping[str, Any]) -> ImageEncoder:
    return ImageEncoder(Axes("uint8", tuple(int(side) for side in state["shape"])))


ENCODERS.register("images")(_restore)


def digests_of_pictures(part: Part) -> Array:
    """int64 (n,): hashes of the pictures, valid only within this process."""
    found = np.empty(len(part), np.int64)
    values, rows = part.column.values, part.column.rows
    order = np.arange(len(part)) if rows is None else np.argsort(rows)  # a mapped file is read in its order
    for start in range(0, len(part), CHUNK):
        places = order[start : start + CHUNK]
        pictures = values[places if rows is None else rows[places]]
        found[places] = [hash(picture.tobytes()) for picture in pictures]
    return found


KINDS["images"] = Kind(
    "image", raw=True, repeats=Repeats("pictures", ", pixel for pixel", 1, digests_of_pictures, True)
)
