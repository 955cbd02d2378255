"""Pictures that belong to answers, such as masks: drawn in the size of the input picture, and written as PNG."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import Asked
from nas_cli.data.fields import one_of
from nas_cli.data.formats.pictures import Fit, require_pillow
from nas_cli.deliver.load import Model
from nas_cli.deliver.predictions import form_of, require_free
from nas_cli.errors import UserError
from nas_cli.files import not_a_folder, write_bytes
from nas_cli.task.pixels import colours

Array = np.ndarray[Any, Any]
DEFAULT = Path("predictions")
"""The default folder for pictures."""
LONGEST = 180
"""The name of a picture file starts with at most so many bytes of the name of its input."""
NOTHING = 255
"""The mask's value for pixels that the network did not see."""


@dataclass
class Drawings:
    """Writes pictures into `folder`, named after the inputs: `NAME-mask.png`. Equal names get a number. Existing files
    are replaced only with `force`.
    """

    folder: Path
    force: bool = False
    count: int = 0
    _names: set[str] = field(default_factory=set)

    def require_place(self) -> None:
        """Raises UserError where the folder cannot be made, or written to."""
        other = not_a_folder(self.folder)
        if other is not None:
            raise UserError(f"{other} is no folder, and pictures are to be written in {self.folder}: name another")
        there = next(place for place in (self.folder, *self.folder.absolute().parents) if place.is_dir())
        if not os.access(there, os.W_OK | os.X_OK):
            raise UserError(f"the folder {there} cannot be written: name another with --out")

    def save(self, asked: Asked, pictures: Mapping[str, Array]) -> dict[str, str]:
        """Writes the pictures of one input; returns the file of each. Raises OSError, and UserError where a file exists
        already and `force` is off.
        """
        name = self._name(asked.where, list(pictures))
        files = {kind: self.folder / f"{name}-{kind}.png" for kind in pictures}
        there = next((file for file in files.values() if os.path.lexists(file)), None)
        if there is not None and not self.force:
            raise UserError(
                f"{there} is there already: name another folder with --out, or have it replaced with --force"
            )
        for kind, file in files.items():
            write_bytes(file, as_png(pictures[kind]))
            self.count += 1
        return {kind: str(file) for kind, file in files.items()}

    def _name(self, where: Mapping[str, Any], kinds: list[str]) -> str:
        """A new name for the pictures of an input: that of its file, with the number of the row in a file of many."""
        stem = Path(where.get("file", where["input"])).stem
        stem = "input" if stem in ("", "-") else os.fsdecode(os.fsencode(stem)[:LONGEST])
        if "row" in where:
            stem += f"-{where['row']}"
        names = [stem, *(f"{stem}-{number}" for number in range(2, len(self._names) + 3))]
        name = next(name for name in names if not {f"{name}-{kind}" for kind in kinds} & self._names)
        self._names |= {f"{name}-{kind}" for kind in kinds}
        return name


def drawings_for(model: Model, out: Path | None, folder: Path | None, force: bool) -> Drawings | None:
    """Where to write the pictures of a model's answers: `folder`, or beside `out`, the file of answers. None for a task
    without pictures. Raises UserError where the folder cannot be written, or is named for a task without pictures.
    """
    if not draws(model):
        if folder is not None:
            form_of(folder)
            require_free(folder, force)
        return None
    beside = DEFAULT if out is None else out.with_name(f"{out.name}.files")
    drawings = Drawings(folder or beside, force)
    drawings.require_place()
    return drawings


def draws(model: Model) -> bool:
    """Whether the task draws pictures for answers; found by asking for those of a black image."""
    if len(model.inputs) > 1 or not model.encoder.raw:
        return False
    example = np.zeros((1, *model.input_shape), np.uint8)
    return bool(model.task.pictures(model.predict(example)[0], model.labels, example[0]))


def draw(model: Model, outputs: Any, asked: Asked) -> Mapping[str, Array]:
    """The task's pictures for one answer, in the size of the input picture where that is known."""
    if asked.picture is None:
        return model.task.pictures(outputs, model.labels, one_of(asked.raw))
    frame = Frame.of(asked.picture, model.input_shape[1:], model.data.arguments.get("fit", "stretch"))
    found = model.task.pictures(outputs, model.labels, frame.framed(asked.picture))
    return {name: frame.undone(drawn, asked.picture) for name, drawn in found.items()}


@dataclass(frozen=True)
class Frame:
    """The frame that a network sees of a picture, (H, W) in pixels of the picture: larger than the picture where that
    was padded, smaller where it was cut. They overlap at `place` in the frame and at `window` in the picture.
    """

    shape: tuple[int, int]
    place: tuple[slice, slice]
    window: tuple[slice, slice]

    @classmethod
    def of(cls, picture: Array, size: tuple[int, ...], fit: Fit) -> Frame:
        """The frame of a picture (C, H, W) that was resized to `size`, the network's height and width."""
        height, width = picture.shape[1:]
        if fit == "stretch":
            shape = (height, width)
        else:
            choose = max if fit == "pad" else min
            shape = (
                choose(height, max(1, round(width * size[0] / size[1]))),
                choose(width, max(1, round(height * size[1] / size[0]))),
            )
        places, windows = [], []
        for framed, side in zip(shape, (height, width), strict=True):
            both, shift = min(framed, side), abs(framed - side) // 2
            places.append(slice(shift, shift + both) if framed > side else slice(0, both))
            windows.append(slice(0, both) if framed > side else slice(shift, shift + both))
        return cls(shape, (places[0], places[1]), (windows[0], windows[1]))

    def framed(self, picture: Array) -> Array:
        """The content of the frame, uint8 (C, *shape), black outside of the picture."""
        if self.shape == picture.shape[1:]:
            return picture
        framed = np.zeros((len(picture), *self.shape), np.uint8)
        framed[:, *self.place] = picture[:, *self.window]
        return framed

    def undone(self, drawn: Array, picture: Array) -> Array:
        """The drawing of the frame, brought to the size of the picture. Pixels outside of the frame show the picture
        itself, and NOTHING in a mask. A drawing of another size than the frame is returned unchanged.
        """
        if drawn.shape[:2] != self.shape or self.shape == picture.shape[1:]:
            return drawn
        whole = np.full((*picture.shape[1:], *drawn.shape[2:]), NOTHING, np.uint8)
        if drawn.ndim == 3:
            whole[:] = picture.transpose(1, 2, 0) if len(picture) == 3 else picture[0, :, :, None]
        whole[self.window] = drawn[self.place]
        return whole


def as_png(picture: Array) -> bytes:
    """PNG of a mask (H, W), whose pixel values are classes and whose palette their colours, or of RGB (H, W, 3)."""
    require_pillow("pictures of answers")
    from PIL import Image

    if picture.ndim == 2:
        image = Image.frombytes("P", (picture.shape[1], picture.shape[0]), picture.tobytes())
        image.putpalette(colours(256).tobytes())
    else:
        image = Image.fromarray(np.ascontiguousarray(picture))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
