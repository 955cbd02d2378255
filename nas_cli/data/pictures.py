"""PNG and JPEG files, through Pillow (the extra `images`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from nas_cli.data.files import DAMAGED, first_line
from nas_cli.data.source import Array
from nas_cli.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

In = TypeVar("In")
Out = TypeVar("Out")
Fit = Literal["stretch", "crop", "pad"]
"""How a picture of other proportions gets a size: stretched, cut to the middle, or padded with black."""
FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")
ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""


@dataclass(frozen=True)
class Look:
    """What a picture is before it is decoded. `size` is (height, width) as it should be seen."""

    grey: bool
    size: tuple[int, int]


def require_pillow(purpose: str) -> None:
    """Raises MissingExtraError where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise MissingExtraError("Pillow", "images", purpose) from None


def look(path: Path) -> Look:
    """What the header of a PNG or JPEG file says. Raises DataError where it is none."""
    with _opened(path) as image:
        height, width = image.height, image.width
        if image.format != "PNG" and image.getexif().get(ORIENTATION) in TURNED:
            height, width = width, height
        return Look(_is_grey(image.mode), (height, width))


def decode(path: Path, grey: bool, size: tuple[int, int] | None = None, fit: Fit = "stretch") -> Array:
    """The picture as uint8 (1 or 3, H, W), upright as its EXIF data has it; resized to `size` with antialiasing.

    What is transparent becomes white. Raises DataError where the file is damaged.
    """
    from PIL import ImageOps

    with _opened(path) as image:
        if size is not None:
            # JPEG decodes to a half, a quarter or an eighth at a fraction of the time; twice the size is kept.
            image.draft(None, (2 * max(size), 2 * max(size)))
        upright = _flat(ImageOps.exif_transpose(image)).convert("L" if grey else "RGB")
        if size is not None and (upright.height, upright.width) != size:
            upright = _resize(upright, size, fit)
        pixels = np.asarray(upright, dtype=np.uint8)
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def in_parallel(function: Callable[[In], Out], items: Sequence[In]) -> Iterable[Out]:
    """`function` of each item in order; Pillow decodes without holding Python's lock."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(function, items, chunksize=1)


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """The picture, while whatever Pillow raises over a broken file becomes a DataError that names it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except UnidentifiedImageError:
        raise DataError(f"{path} is no PNG or JPEG image, or is damaged") from None
    except Image.DecompressionBombError:
        raise DataError(f"{path} says that it has more pixels than any sound image") from None
    except (OSError, *DAMAGED) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise DataError(f"the image {path} cannot be read: {reason}") from None


def _is_grey(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La", "F") or mode.startswith("I")


def _flat(image: Image) -> Image:
    """Without transparency, and 16-bit grey as 8-bit grey."""
    from PIL import Image as Pillow

    if image.mode.startswith("I"):
        return Pillow.fromarray(np.clip(np.rint(np.asarray(image) / 257), 0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    layers = image.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", layers.size, "white"), layers)


def _resize(image: Image, size: tuple[int, int], fit: Fit) -> Image:
    from PIL import ImageOps
    from PIL.Image import Resampling

    height, width = size
    if fit == "crop":
        return ImageOps.fit(image, (width, height), Resampling.BILINEAR)
    if fit == "pad":
        return ImageOps.pad(image, (width, height), Resampling.BILINEAR)
    return image.resize((width, height), Resampling.BILINEAR)
