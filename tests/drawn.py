"""Images with masks that are made from one number, so that each tells which other belongs to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import parse_data
from nas_cli.data.source import Dataset
from nas_cli.errors import DataError

COUNT = 6
SIZE = (8, 10)
Pixels = np.ndarray[Any, Any]


def classes_of(k: int, size: tuple[int, int] = SIZE, kinds: int = 2) -> Pixels:
    """Another mask for each k: column k and below are of the classes 1, 2, …, all else is 0."""
    mask = np.zeros(size, np.uint8)
    for kind in range(1, kinds):
        mask[kind:, (k + kind) % size[1]] = kind
    return mask


def save(file: Path, pixels: Pixels, **more: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, **more)


def image_of(k: int, size: tuple[int, int] = SIZE) -> Pixels:
    """Known by the grey of its corner; else ten times its mask."""
    pixels = 100 * classes_of(k, size)
    pixels[0, 0] = k
    return pixels


def draw(
    folder: Path, images: str = "images/{}.png", masks: str = "masks/{}.png", count: int = COUNT, kinds: int = 2
) -> Path:
    for k in range(count):
        save(folder / images.format(k), image_of(k))
        save(folder / masks.format(k), classes_of(k, kinds=kinds))
    return folder


def opened(path: Path, **more: Any) -> Dataset:
    return parse_data({"source": "image-masks", "path": str(path), **more}).open()


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        opened(path, **more)
    return str(caught.value)
