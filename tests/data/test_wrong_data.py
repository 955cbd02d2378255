"""What wrong data is answered: one sentence that names the file and the fault."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nas_cli.axes import Column
from nas_cli.data import load_test, load_training, parse_data, read_inputs
from nas_cli.data.kinds.histogram import histogram, normalisation
from nas_cli.errors import DataError, SpecError

DIGITS = load_digits()
IMAGES = (DIGITS.images[:60] * 15).astype(np.uint8)
LABELS = DIGITS.target[:60].astype(np.int64)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, images: bytes, labels: bytes) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return {"source": "idx", "path": str(folder)}


def write_npz(path: Path, **arrays: Any) -> dict[str, Any]:
    np.savez(path, **arrays)
    return {"source": "npz", "path": str(path)}


def write_folder(folder: Path, count: int = 4) -> dict[str, Any]:
    for label in (0, 1, 2):
        (folder / f"digit {label}").mkdir(parents=True)
        for n, image in enumerate(IMAGES[label == LABELS][:count]):
            Image.fromarray(image).save(folder / f"digit {label}" / f"{n}.png")
    return {"source": "image-folder", "path": str(folder)}


def answer(section: dict[str, Any]) -> str:
    with pytest.raises(DataError) as caught:
        load_training(parse_data(section), 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_wrong_idx_files(tmp_path: Path) -> None:
    good_images, good_labels = idx(IMAGES), idx(LABELS)
    cases = {
        "magic": (b"\x01" + good_images[1:], good_labels, "train-images"),
        "cut": (good_images[:-5], good_labels, "train-images"),
        "counts": (good_images, idx(LABELS[:-3]), "57"),
        "empty": (b"", good_labels, "train-images"),
        "swapped": (good_labels, good_images, "train-"),
    }
    for name, (images, labels, words) in cases.items():
        assert words in answer(write_idx(tmp_path / name, images, labels)), name
    section = write_idx(tmp_path / "gz", good_images, good_labels)
    (tmp_path / "gz" / "train-images-idx3-ubyte").unlink()
    (tmp_path / "gz" / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(good_images)[:-20])
    assert "train-images-idx3-ubyte.gz" in answer(section)
    (tmp_path / "none").mkdir()
    assert "none" in answer({"source": "idx", "path": str(tmp_path / "none")})
    assert "nowhere" in answer({"source": "idx", "path": str(tmp_path / "nowhere")})


def test_wrong_npz_files(tmp_path: Path) -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "counts": ({"x": IMAGES, "y": LABELS[:-1]}, "59"),
        "names": ({"pictures": IMAGES, "kinds": LABELS}, "pictures"),
        "one class": ({"x": IMAGES, "y": LABELS * 0}, "only one class"),
        "a single example": ({"x": IMAGES[:3], "y": np.array([0, 0, 1])}, "only one example"),
        "complex": ({"x": IMAGES.astype(np.complex64), "y": LABELS}, "complex"),
        "nan": ({"x": np.where(IMAGES > 3, np.nan, IMAGES / 255), "y": LABELS}, "x"),
        "nothing": ({"x": IMAGES[:0], "y": LABELS[:0]}, ""),
    }
    for name, (arrays, words) in cases.items():
        assert words in answer(write_npz(tmp_path / f"{name}.npz", **arrays)), name
    section = write_npz(tmp_path / "objects.npz", x=np.array([{"a": 1}] * 60, dtype=object), y=LABELS)
    assert "objects.npz" in answer(section)  # an object array is a pickle: it is not read
    (tmp_path / "text.npz").write_text("no archive")
    assert "text.npz" in answer({"source": "npz", "path": str(tmp_path / "text.npz")})


def test_wrong_image_folders(tmp_path: Path) -> None:
    section = write_folder(tmp_path / "broken")
    (tmp_path / "broken" / "digit 1" / "x.png").write_bytes(b"no image")
    assert "x.png" in answer(section)
    section = write_folder(tmp_path / "single", 1)
    assert "only one example" in answer(section)
    section = write_folder(tmp_path / "sizes")
    Image.fromarray(IMAGES[0][:5]).save(tmp_path / "sizes" / "digit 1" / "odd.png")
    assert "size" in answer(section)
    load_training(parse_data({**section, "size": [8, 8]}), 0)
    (tmp_path / "empty").mkdir()
    assert "empty" in answer({"source": "image-folder", "path": str(tmp_path / "empty")})


def test_wrong_sections() -> None:
    for raw, path, words in (
        ({"source": "digit"}, ("source",), "did you mean 'digits'"),
        ({}, (), "needs source"),
        ({"source": "digits", "validaton": 0.1}, ("validaton",), "did you mean 'validation'"),
        ({"source": "digits", "validation": 1.5}, ("validation",), "got 1.5"),
        ({"source": "idx"}, ("source",), "needs path"),
        ({"source": "image-folder", "path": "x", "size": [0, 3]}, ("size", 0), "got 0"),
    ):
        with pytest.raises(SpecError) as caught:
            parse_data(raw)
        assert caught.value.path == path
        assert words in caught.value.message


def test_the_test_part_is_not_opened_by_training(tmp_path: Path) -> None:
    section = write_idx(tmp_path / "idx", idx(IMAGES), idx(LABELS))
    for name, content in (("images-idx3", idx(IMAGES)), ("labels-idx1", idx(LABELS))):
        (tmp_path / "idx" / f"t10k-{name}-ubyte").write_bytes(
            content[:-1]
        )  # its header is read, and says what should be
    assert len(load_training(parse_data(section), 0).train) == 48
    with pytest.raises(DataError, match="t10k"):
        load_test(parse_data(section), 0)


def test_normalisation_is_of_the_training_part_alone() -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    inputs[:, 2] = 7
    mean, std = normalisation(histogram(Column(inputs)))
    assert mean == pytest.approx(inputs.mean((0, 2, 3)).tolist())
    assert std == pytest.approx([*inputs[:, :2].std((0, 2, 3)).tolist(), 1.0])
    data = load_training(parse_data({"source": "digits"}), 0)
    assert normalisation(histogram(data.train.column))[0] != normalisation(histogram(data.validation.column))[0]
    assert data.encoder.levels is not None
    assert data.encoder.levels.mean == normalisation(histogram(data.train.column))[0]


def test_files_to_predict_are_read_as_training_images_were(tmp_path: Path) -> None:
    settings = parse_data({"source": "digits"})
    Image.fromarray(IMAGES[5]).convert("RGB").resize((32, 32), Image.Resampling.NEAREST).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", IMAGES[5])
    found = read_inputs(settings, (1, 8, 8), [tmp_path / "a.png", tmp_path / "b.npy"])
    assert [array.shape for _, array in found] == [(1, 8, 8), (1, 8, 8)]
    assert all(array.dtype == np.uint8 for _, array in found)
    assert np.array_equal(found[1][1][0], IMAGES[5])
    for name, content in (("c.png", b"x"), ("d.npy", b"x")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            read_inputs(settings, (1, 8, 8), [tmp_path / name])
