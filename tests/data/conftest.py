"""Small real data in the format of every source: digits of scikit-learn, written as that source reads them."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

PER_CLASS = 12


@dataclass
class Made:
    """`section` of a spec; the images and labels that its files hold; how its own test part, if any, is damaged."""

    section: dict[str, Any]
    images: np.ndarray[Any, Any]
    labels: list[str]
    damage_test: Callable[[], None] | None = None
    path: Path | None = None


def few_digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """12 images of each digit, sorted by class as real files often are: uint8 (120, 8, 8), int64 (120,)."""
    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    chosen = np.concatenate([np.flatnonzero(bunch.target == k)[:PER_CLASS] for k in range(10)])
    return pixels[chosen], bunch.target[chosen].astype(np.int64)


def halves(images: Any, labels: Any) -> dict[str, tuple[Any, Any]]:
    """Every third image as a test part."""
    test = np.arange(len(labels)) % 3 == 0
    return {"train": (images[~test], labels[~test]), "test": (images[test], labels[test])}


def write_idx(path: Path, values: Any) -> None:
    codes = {np.dtype("uint8"): 0x08, np.dtype(">i4"): 0x0C, np.dtype(">f4"): 0x0D}
    header = bytes([0, 0, codes[values.dtype], values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = header + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_folder(folder: Path, images: Any, labels: Any) -> None:
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / f"digit-{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{k:04d}.png")


def make_digits(folder: Path, divided: bool) -> Made:
    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return Made({"source": "digits"}, pixels, [str(k) for k in bunch.target])


def make_idx(folder: Path, divided: bool) -> Made:
    images, labels = few_digits()
    parts = halves(images, labels) if divided else {"train": (images, labels)}
    for part, (x, y) in parts.items():
        name = {"train": "train", "test": "t10k"}[part]
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", x)
        write_idx(folder / f"{name}-labels.idx1-ubyte", y.astype(np.uint8))

    def damage() -> None:
        for file in folder.glob("t10k*"):  # past the header, which says whether there is something to test on
            content = file.read_bytes()
            packed = file.suffix == ".gz"
            cut = (gzip.decompress(content) if packed else content)[:-5]
            file.write_bytes(gzip.compress(cut) if packed else cut)

    made = Made({"source": "idx", "path": str(folder)}, images, [str(k) for k in labels], path=folder)
    made.damage_test = damage if divided else None
    return made


def make_npz(folder: Path, divided: bool) -> Made:
    images, labels = few_digits()
    path = folder / "data.npz"
    if divided:
        parts = halves(images, labels)
        arrays = {f"{k}_{part}": v for part, pair in parts.items() for k, v in zip("xy", pair, strict=True)}
    else:
        arrays = {"images": images, "labels": labels}
    np.savez(path, **arrays)

    def damage() -> None:  # their headers, which say whether there is something to test on, stay as they are
        np.savez(path, **{**arrays, "x_test": np.full(arrays["x_test"].shape, 7.5)})

    made = Made({"source": "npz", "path": str(path)}, images, [str(k) for k in labels], path=path)
    made.damage_test = damage if divided else None
    return made


def make_image_folder(folder: Path, divided: bool) -> Made:
    images, labels = few_digits()
    if divided:
        for part, (x, y) in halves(images, labels).items():
            write_folder(folder / part, x, y)
    else:
        write_folder(folder, images, labels)

    def damage() -> None:
        for file in (folder / "test").rglob("*.png"):
            file.write_bytes(b"no longer what it was")

    section = {"source": "image-folder", "path": str(folder)}
    made = Made(section, images, [f"digit-{k}" for k in labels], path=folder)
    made.damage_test = damage if divided else None
    return made


def write_table(folder: Path, table: Path, images: Any, labels: Any) -> None:
    """Pictures in `folder`, and a table that names each and its digit."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["file,digit"]
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / f"{k:04d}.png")
        rows.append(f"{folder.name}/{k:04d}.png,digit-{label}")
    table.write_text("\n".join(rows) + "\n")


def make_image_table(folder: Path, divided: bool) -> Made:
    images, labels = few_digits()
    parts = halves(images, labels) if divided else {"all": (images, labels)}
    for part, (x, y) in parts.items():
        write_table(folder / f"images-{part}", folder / f"{part}.csv", x, y)

    def damage() -> None:  # past the first, which tells whether there is something to test on
        for file in sorted((folder / "images-test").iterdir())[1:]:
            file.write_bytes(b"no longer what it was")

    section = {"source": "image-table", "path": str(folder)}
    made = Made(section, images, [f"digit-{k}" for k in labels], path=folder)
    made.damage_test = damage if divided else None
    return made


MAKERS = {
    "digits": make_digits,
    "idx": make_idx,
    "npz": make_npz,
    "image-folder": make_image_folder,
    "image-table": make_image_table,
}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Writes real data as a source reads it, with a test part of its own or without; fails where it knows not how."""

    def maker(source: str, divided: bool, name: str = "data") -> Made:
        assert source in MAKERS, f"write real data for the source {source} in {__file__}, so that it is tested"
        folder = tmp_path / name
        folder.mkdir()
        return MAKERS[source](folder, divided)

    return maker


@pytest.fixture
def digit_images() -> tuple[Any, Any]:
    return few_digits()


@pytest.fixture
def idx_writer() -> Callable[[Path, Any], None]:
    return write_idx


@pytest.fixture
def folder_writer() -> Callable[[Path, Any, Any], None]:
    return write_folder
