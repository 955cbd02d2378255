"""Reads picture files with Pillow (the extra `images`)."""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.files import DAMAGED, first_line, unreadable
from nas_cli.data.source import Array
from nas_cli.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

In = TypeVar("In")
Out = TypeVar("Out")
Fit = Literal["stretch", "crop", "pad"]
"""How a picture of other proportions is resized: stretched, cropped to the centre, or padded with black."""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
READ = "PNG, JPEG, WebP, BMP, GIF, TIFF and PPM"
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
SIGNATURE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP|BM....\0\0\0\0|P[1-6]\s+[#\d]", re.DOTALL
)
"""First bytes of the picture formats."""
MOST_PIXELS = 120_000_000
"""A larger picture is more likely a decompression bomb than a photograph, and takes 2 GB while it is decoded."""
LARGE = 16_000_000
"""Pixels; pictures above this are decoded one at a time."""
_one_large = threading.Lock()
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
"""Pillow's modes of grey pictures with more than 8 bits a pixel."""
Levels = tuple[float, float]
SIXTEEN_BITS: Levels = (0.0, 65535.0)
ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""


@dataclass(frozen=True)
class Look:
    """Properties of a picture. `size` is (height, width), upright.
    `levels` are the least and the largest value of a grey picture of more than 8 bits. `upper`: a colour picture has
    more than 8 bits a channel, and only the upper 8 are read. `moving`: an animation, whose first frame is read.
    `clear`: it may have transparent pixels, which become white.
    """

    grey: bool
    size: tuple[int, int]
    levels: Levels | None = None
    upper: bool = False
    moving: bool = False
    clear: bool = False


def require_pillow(purpose: str) -> None:
    """Raises MissingExtraError where Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "images", purpose) from None
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is our bound
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # such as damaged EXIF data


def is_picture(path: File) -> bool:
    """Whether a file is a picture, by its first bytes."""
    try:
        with path.open("rb") as file:
            return SIGNATURE.match(file.read(16)) is not None
    except OSError as error:
        raise unreadable(path, error) from None


def is_deep(path: File) -> bool:
    """Whether a picture is grey with more than 8 bits, by its header. Raises DataError."""
    with opened(path) as image:
        return image.mode in DEEP


def look(path: File) -> Look:
    """The properties in a picture's header; for a grey picture of more than 8 bits, also its levels. Raises
    DataError."""
    with opened(path) as image:
        upper = image.mode not in DEEP and any("16" in str(tile[3]) for tile in getattr(image, "tile", ()))
        moving = bool(getattr(image, "is_animated", False))
        return Look(_is_grey(image.mode), _size(image), _levels(image), upper, moving, image.has_transparency_data)


def _size(image: Image) -> tuple[int, int]:
    """(height, width) upright."""
    height, width = image.height, image.width
    if image.format == "TIFF":  # some versions of Pillow have swapped height and width already
        tags: Any = image
        width, height = tags.tag_v2[256], tags.tag_v2[257]
    known = image.format != "PNG" or "exif" in image.info  # asking a PNG for EXIF data would read it to its end
    turned = known and image.getexif().get(ORIENTATION) in TURNED
    return (width, height) if turned else (height, width)


def _levels(image: Image) -> Levels | None:
    if image.mode not in DEEP:
        return None
    values = np.asarray(image)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def stands(path: File) -> tuple[tuple[int, int], int]:
    """(height, width) upright, and the EXIF orientation: 1 is unturned. Raises DataError."""
    with opened(path) as image:
        known = image.format != "PNG" or "exif" in image.info
        return _size(image), int(image.getexif().get(ORIENTATION, 1)) if known else 1


def fit_classes(classes: Array, size: tuple[int, int], fit: Fit, outside: int) -> Array:
    """Resizes a class map, uint8 (H, W), in the way that `decode` resizes the picture, by nearest neighbour; `outside`
    is the class of the edges that `fit: pad` adds."""
    from PIL import Image as Pillow

    if classes.shape == size:
        return classes
    return np.asarray(_resize(Pillow.fromarray(classes), size, fit, smooth=False, outside=outside))


def turn(pixels: Array, orientation: int) -> Array:
    """Turns pixels (H, W) upright, by the EXIF orientation."""
    turned = {
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: np.rot90(pixels, -1),
        7: pixels[::-1, ::-1].T,
        8: np.rot90(pixels),
    }
    return np.ascontiguousarray(turned.get(orientation, pixels))


def decode(
    path: File,
    grey: bool,
    size: tuple[int, int] | None = None,
    fit: Fit = "stretch",
    levels: Levels | None = None,
) -> Array:
    """The picture as uint8 (1 or 3, H, W), turned upright by its EXIF data; resized to `size` with antialiasing.
    Transparent pixels become white. In a grey picture with more than 8 bits, the range of `levels` (default: that of 16
    bits) becomes 0 to 255. Raises DataError where the file is damaged.
    """
    from PIL import ImageOps

    with opened(path) as image:
        if size is not None:
            # JPEG decodes at 1/2, 1/4 or 1/8 of the size in a fraction of the time; twice the final size is kept.
            image.draft(None, (2 * max(size), 2 * max(size)))
        upright = _flat(ImageOps.exif_transpose(image), levels or SIXTEEN_BITS).convert("L" if grey else "RGB")
        if size is not None and (upright.height, upright.width) != size:
            upright = _resize(upright, size, fit)
        pixels = np.asarray(upright, dtype=np.uint8)
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def in_parallel(function: Callable[[In], Out], items: Sequence[In]) -> Iterable[Out]:
    """`function` of each item, in order, in threads: Pillow decodes without holding the GIL."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(function, items, chunksize=1)


@contextmanager
def opened(path: File) -> Iterator[Image]:
    """The opened picture; Pillow's errors over a broken file become a DataError that names it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path if isinstance(path, Path) else path.open("rb"), formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > MOST_PIXELS:
                raise DataError(f"{path} says that it has {pixels:,} pixels, and pictures have {MOST_PIXELS:,} at most")
            with _one_large if pixels > LARGE else nullcontext():
                yield image
    except UnidentifiedImageError:
        raise DataError(f"{path} is no picture that can be read ({READ}), or is damaged") from None
    except Image.DecompressionBombError:
        raise DataError(f"{path} says that it has more pixels than any sound picture") from None
    except MemoryError:
        raise DataError(f"the picture {path} does not fit into memory") from None
    except (OSError, *DAMAGED) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise DataError(f"the picture {path} cannot be read: {reason}") from None


def _is_grey(mode: str) -> bool:
    return mode in ("1", "L", "LA", "La", *DEEP)


def _flat(image: Image, levels: Levels) -> Image:
    """The picture without transparency, with deep grey (more than 8 bits) as 8-bit grey; NaN becomes black."""
    from PIL import Image as Pillow

    if image.mode in DEEP:
        low, high = levels
        scaled = (np.asarray(image, np.float64) - low) * (255 / (high - low) if high > low else 0.0)
        return Pillow.fromarray(np.clip(np.rint(np.nan_to_num(scaled, nan=0.0)), 0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    layers = image.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", layers.size, "white"), layers)


def _resize(image: Image, size: tuple[int, int], fit: Fit, smooth: bool = True, outside: int | None = None) -> Image:
    from PIL import ImageOps
    from PIL.Image import Resampling

    height, width = size
    method = Resampling.BILINEAR if smooth else Resampling.NEAREST
    if fit == "crop":
        return ImageOps.fit(image, (width, height), method)
    if fit == "pad":
        return ImageOps.pad(image, (width, height), method, color=outside)
    return image.resize((width, height), method)
