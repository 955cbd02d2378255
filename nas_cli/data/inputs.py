"""Reads image files to predict, in the size and colours that a trained network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from nas_cli.data.formats.files import GZIP, read_bytes, reading_numpy, require_file
from nas_cli.data.formats.pictures import READ, SUFFIXES, Levels, Look, decode, is_picture, look, require_pillow
from nas_cli.data.formats.pixels import as_pixels, shape_text
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import Array
from nas_cli.data.sources.idx import read_idx
from nas_cli.data.sources.npz import NAMES, array_names, read_array
from nas_cli.data.sources.picture_reading import about_reading
from nas_cli.errors import DataError

IMAGE_ARRAYS = (*(x for pairs in reversed(list(NAMES.values())) for x, _ in pairs),)
NPY, ZIP = b"\x93NUMPY", b"PK"


@dataclass
class SeenPictures:
    """Counts of pictures that were converted with a loss, and the names of arrays that were passed over: for notes to
    the user."""

    deep: int = 0
    upper: int = 0
    moving: int = 0
    clear: int = 0
    unread: list[str] = field(default_factory=list)

    def add(self, found: Look) -> None:
        self.deep += found.levels is not None
        self.upper += found.upper
        self.moving += found.moving
        self.clear += found.clear

    def notes(self, settings: DataSettings) -> list[str]:
        notes = list(self.unread)
        if self.deep and _levels(settings) is None:
            notes.append(
                f"grey pictures with more than 8 bits: {self.deep:,}, and the network learned from none: their values "
                "0 to 65535 become the levels 0 to 255"
            )
        return [*notes, *about_reading(self.upper, self.moving, self.clear)]


def read_inputs(
    settings: DataSettings, input_shape: Sequence[int], files: Sequence[Path], seen: SeenPictures | None = None
) -> list[tuple[str, Array]]:
    """(name, uint8 of `input_shape`, which is (C, H, W)) of every image in `files`.

    Pictures become grey or colour and are resized, as the training pictures were. Arrays
    (.npy, .npz, IDX) must have the network's size, (H, W), (H, W, C) or (C, H, W), and be uint8 or floats from 0 to 1.
    The images of a batch are named `file[0]`, `file[1]`, …. The format is recognised by content, whatever the file's
    name. Raises DataError.
    """
    seen = seen or SeenPictures()
    found: list[tuple[str, Array]] = []
    channels, height, width = input_shape
    for file in files:
        require_file(file)
        if file.suffix.lower() in SUFFIXES or is_picture(file):
            require_pillow(f"predicting from {file}")
            if channels not in (1, 3):
                raise DataError(f"{file} has 1 or 3 channels, and the network takes {channels}: give it arrays (.npy)")
            seen.add(look(file))
            fit, levels = settings.arguments.get("fit", "stretch"), _levels(settings)
            found.append((str(file), decode(file, channels == 1, (height, width), fit, levels)))
        else:
            images = _as_batch(_read_array(file, seen), (channels, height, width), str(file))
            names = [f"{file}[{place}]" for place in range(len(images))]
            if len(images) == 1:
                names = [str(file)]
            found += zip(names, images, strict=True)
    return found


def own_size(settings: DataSettings, channels: int, file: Path) -> Array | None:
    """The picture in `file`, uint8 (C, H, W) in its original size; None where the file holds arrays. Raises
    DataError."""
    if file.suffix.lower() not in SUFFIXES and not is_picture(file):
        return None
    return decode(file, channels == 1, levels=_levels(settings))


def _levels(settings: DataSettings) -> Levels | None:
    """The values of pictures of more than 8 bits that become 0 and 255; None where the network was not trained on such
    pictures, or is older than this setting."""
    levels: Levels | Literal["auto"] = settings.arguments.get("levels", "auto")
    return None if levels == "auto" else levels


def _read_array(file: Path, seen: SeenPictures) -> Array:
    start = read_bytes(file, False, len(NPY))
    if start == NPY:
        return _read_npy(file)
    if start[:2] == ZIP or file.suffix.lower() == ".npz":
        return _read_npz(file, seen)
    if start[:2] in (GZIP, b"\0\0"):
        return read_idx(file)
    raise DataError(f"{file} is no image that can be read: allowed are {READ}, .npy, .npz and IDX files")


def _read_npy(file: Path) -> Array:
    with reading_numpy(str(file), file), file.open("rb") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _read_npz(file: Path, seen: SeenPictures) -> Array:
    """The only array, or the one with a usual name for images; that of the test part comes first."""
    names = array_names(file)
    known = [name for wanted in IMAGE_ARRAYS for name in names if name.lower() == wanted]
    if not known and len(names) != 1:
        raise DataError(f"{file} has the arrays {', '.join(names) or 'of nothing'}: none is called x or images")
    if len(known) > 1:
        seen.unread.append(f"{file}: of its arrays {known[0]} is predicted from, and not {', '.join(known[1:])}")
    return read_array(file, (known or names)[0])


def _as_batch(raw: Array, shape: tuple[int, int, int], origin: str) -> Array:
    """One image or a batch as uint8 (n, C, H, W); the network's `shape` decides which axis is which."""
    channels, height, width = shape
    if raw.shape[1:] == shape or raw.shape == shape:
        batch = raw
    elif raw.shape[-3:] == (height, width, channels) and raw.ndim in (3, 4):
        batch = np.moveaxis(raw, -1, -3)
    elif raw.shape[-2:] == (height, width) and channels == 1 and raw.ndim in (2, 3):
        batch = raw[..., None, :, :]
    else:
        wanted = f"{height}x{width}" if channels == 1 else f"{height}x{width}x{channels}"
        raise DataError(f"{origin} is {shape_text(raw.shape)}, and the network takes images of {wanted}")
    batch = batch.reshape(-1, *shape)
    if not len(batch):
        raise DataError(f"{origin} has no images")
    return np.ascontiguousarray(as_pixels(batch, origin))
