"""Pictures that are known by their grey, and tables that name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import SOURCES, TrainingData, Wanted, load_training, parse_data
from nas_cli.data.source import Dataset
from nas_cli.errors import DataError

NUMBERS = Wanted("images", "number")
COUNT = 12
ROWS = [f"{k}.png" for k in range(COUNT)]


def picture(k: int, size: tuple[int, int] = (6, 4)) -> Image.Image:
    """Known by its grey, ten times `k`. `size` is (height, width)."""
    return Image.fromarray(np.full(size, 10 * k, np.uint8))


def draw(folder: Path, names: Sequence[str] = ROWS) -> None:
    for k, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(k).save(file)


def write(file: Path, names: Sequence[str], header: str | None = "file,number", mark: str = ",") -> Path:
    """Row k names a picture, and has k / 2."""
    lines = [header] if header is not None else []
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*lines, *(f"{name}{mark}{k / 2}" for k, name in enumerate(names))]) + "\n")
    return file


def opened(path: Path, **more: Any) -> Dataset:
    return SOURCES["image-table"](**parse_data({"source": "image-table", "path": str(path), **more}).arguments)


def load(path: Path, **more: Any) -> TrainingData:
    return load_training(parse_data({"source": "image-table", "path": str(path), **more}), 0, wanted=NUMBERS)


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **more)
    return str(caught.value)


def greys(dataset: Dataset) -> list[int]:
    count = len(dataset.train.labels)
    return [int(image[0, 0, 0]) // 10 for image in dataset.train.read(np.arange(count))]


def halved(dataset: Dataset) -> list[float]:
    return [2 * float(label) for label in dataset.train.labels]
