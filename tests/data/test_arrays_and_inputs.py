"""Arrays in all their layouts and types; files to predict from; the real Fashion-MNIST where it is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.axes import only
from nas_cli.data import load_test, load_training, parse_data, read_inputs
from nas_cli.errors import DataError, MissingExtraError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 6, 5, 3), np.uint8)
LABELS = np.arange(20) % 2
FASHION = Path(__file__).parents[2].parent / "shared" / "data" / "fashion-mnist"


def whole(path: Path, **more: Any) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """All images in the order of the file, through the test part; and the labels."""
    settings = parse_data({"source": "npz", "path": str(path), **more})
    return load_test(settings, 0).inputs, load_training(settings, 0).labels


@pytest.mark.parametrize(
    ("stored", "more"),
    [
        (IMAGES, {}),
        (IMAGES.transpose(0, 3, 1, 2), {}),
        (IMAGES / 255, {}),
        ((IMAGES / 255).astype(np.float16), {}),
        (IMAGES.astype(np.int64), {}),
        (IMAGES, {"layout": "NHWC"}),
        (IMAGES.transpose(0, 3, 1, 2), {"layout": "NCHW"}),
    ],
    ids=["NHWC", "NCHW", "float64", "float16", "int64", "said NHWC", "said NCHW"],
)
def test_layouts_and_types(tmp_path: Path, stored: Any, more: dict[str, Any]) -> None:
    np.savez_compressed(tmp_path / "a.npz", X_train=stored, Y_train=LABELS, x_test=stored, y_test=LABELS)
    inputs, labels = whole(tmp_path / "a.npz", **more)
    np.testing.assert_array_equal(inputs, IMAGES.transpose(0, 3, 1, 2))
    assert labels == ("0", "1")


def test_masks_are_black_and_white(tmp_path: Path) -> None:
    mask = IMAGES[..., 0] > 99
    np.savez(tmp_path / "a.npz", x=mask, y=LABELS, x_test=mask, y_test=LABELS)
    np.testing.assert_array_equal(whole(tmp_path / "a.npz")[0][:, 0], mask * 255)


@pytest.mark.parametrize(
    ("stored", "names"),
    [
        (LABELS[:, None].astype(np.uint8), ("0", "1")),
        (LABELS.astype(np.float32), ("0", "1")),
        (LABELS == 1, ("0", "1")),
        (np.where(LABELS == 0, 9, 10), ("9", "10")),
        (LABELS - 1, ("-1", "0")),
        (np.where(LABELS == 0, "dog", "cat"), ("cat", "dog")),
        (np.where(LABELS == 0, b"dog", b"cat"), ("cat", "dog")),
    ],
)
def test_labels_of_all_kinds(tmp_path: Path, stored: Any, names: tuple[str, ...]) -> None:
    np.savez(tmp_path / "a.npz", train_images=IMAGES, train_labels=stored, test_images=IMAGES, test_labels=stored)
    settings = parse_data({"source": "npz", "path": str(tmp_path / "a.npz")})
    assert load_training(settings, 0).labels == names
    wanted = [names.index(str(label.decode() if isinstance(label, bytes) else label)) for label in _plain(stored)]
    assert load_test(settings, 0).targets.tolist() == wanted


def _plain(labels: Any) -> list[Any]:
    if labels.dtype.kind in "bf":
        labels = labels.astype(int)
    return labels.reshape(-1).tolist()


# Inputs to predict from ---------------------------------------------------------------------------------------------

GREY = parse_data({"source": "digits"})


def test_every_way_to_write_one_image_is_the_same_image(tmp_path: Path) -> None:
    image = IMAGES[0]
    Image.fromarray(image).save(tmp_path / "a.png")
    for name, array in {"b": image, "c": image.transpose(2, 0, 1), "d": image / 255, "e": image[None]}.items():
        np.save(tmp_path / f"{name}.npy", array)
    files = sorted(tmp_path.iterdir())
    found = read_inputs(GREY, (3, 6, 5), files)
    assert [name for name, _ in found] == [str(file) for file in files]
    for _, pixels in found:
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, image.transpose(2, 0, 1))


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, None, 1, 2), (0, 1, 2, None)], ids=["NHW", "NCHW", "NHWC"])
def test_many_images_in_one_file(tmp_path: Path, axes: tuple[int | None, ...]) -> None:
    grey = IMAGES[..., 0]
    index = tuple(slice(None) if axis is not None else None for axis in axes)
    np.save(tmp_path / "a.npy", grey[index])
    found = read_inputs(GREY, (1, 6, 5), [tmp_path / "a.npy"])
    assert [name for name, _ in found][:2] == [f"{tmp_path}/a.npy[0]", f"{tmp_path}/a.npy[1]"]
    np.testing.assert_array_equal(np.stack([pixels for _, pixels in found])[:, 0], grey)


def test_training_files_can_be_predicted_from(tmp_path: Path, digit_images: Any, idx_writer: Any) -> None:
    images, labels = digit_images
    idx_writer(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    np.savez(tmp_path / "a.npz", x_train=images[:5], y_train=labels[:5], x_test=images, y_test=labels)
    for name in ("t10k-images-idx3-ubyte.gz", "a.npz"):
        found = read_inputs(GREY, (1, 8, 8), [tmp_path / name])
        np.testing.assert_array_equal(np.stack([pixels for _, pixels in found])[:, 0], images)


def test_pictures_fit_as_the_training_images_did(tmp_path: Path) -> None:
    Image.new("L", (30, 10), 255).save(tmp_path / "wide.png")
    settings = parse_data({"source": "image-folder", "path": "x", "size": 10, "fit": "pad"})
    [(_, pixels)] = read_inputs(settings, (1, 10, 10), [tmp_path / "wide.png"])
    assert pixels[0, 0].max() == 0
    assert pixels[0, 5].min() == 255


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npy", np.zeros((7, 7), np.uint8), "is 7x7, and the network takes images of 8x8"),
        ("a.npy", np.full((8, 8), 16.0), "floats are read as 0 to 1"),
        ("a.npy", np.zeros((0, 8, 8), np.uint8), "has no images"),
        ("a.npy", np.array(["x"]), "is 1, and the network"),
        ("a.npy", np.array([None]), "Python objects"),
        ("a.npy", b"\x93NUMPY", "no array that can be read, or is damaged"),
        ("a.npy", b"", "is empty"),
        ("a.txt", b"text", "GIF, TIFF and PPM, .npy, .npz and IDX"),
        ("a.jpg", b"text", "is no picture that can be read"),
        ("a.npz", {"p": np.zeros(3), "q": np.zeros(3)}, "p, q: none is called x or images"),
    ],
)
def test_what_cannot_be_predicted_from_is_named(tmp_path: Path, name: str, content: Any, words: str) -> None:
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(file, **content)
    else:
        np.save(file, content, allow_pickle=True)
    with pytest.raises(DataError) as caught:
        read_inputs(GREY, (1, 8, 8), [file])
    assert str(file) in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*gone\.png"):
        read_inputs(GREY, (1, 8, 8), [tmp_path / "gone.png"])


def test_other_channels_than_a_picture_has(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="the network takes 4"):
        read_inputs(GREY, (4, 8, 8), [tmp_path / "a.png"])


def test_arrays_need_no_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    np.save(tmp_path / "a.npy", np.zeros((8, 8), np.uint8))
    (tmp_path / "a.png").write_bytes(b"x")
    assert len(read_inputs(GREY, (1, 8, 8), [tmp_path / "a.npy"])) == 1
    with pytest.raises(MissingExtraError, match=r"a\.png needs the package Pillow"):
        read_inputs(GREY, (1, 8, 8), [tmp_path / "a.png"])


@pytest.mark.skipif(not FASHION.is_dir(), reason="../shared/data is not here")
def test_fashion_mnist() -> None:
    """Its rows are sorted by class, and its counts are published: 6,000 + 1,000 of each."""
    settings = parse_data({"source": "idx", "path": str(FASHION), "validation": 0.1})
    data = load_training(settings, 0)
    assert only(data.inputs).shape == (1, 28, 28)
    assert np.bincount(data.train.targets).tolist() == [5400] * 10
    assert np.bincount(data.validation.targets).tolist() == [600] * 10
    assert np.unique(data.train.targets[:200]).size == 10
    assert np.bincount(load_test(settings, 0, data.labels, fields=data.fields).targets).tolist() == [1000] * 10
