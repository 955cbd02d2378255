"""Bad data is answered with one sentence that names the file, and never with a traceback of another library."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import images as images_of

from nas_cli.axes import only
from nas_cli.data import load_test, load_training, parse_data
from nas_cli.data.formats.pictures import decode
from nas_cli.errors import DataError, MissingExtraError

Pair = tuple[Any, Any]
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def fails(section: dict[str, Any], *words: str, load: Callable[..., Any] = load_training, **more: Any) -> None:
    with pytest.raises(DataError) as caught:
        load(parse_data(section), 0, **more)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


# IDX ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mnist(tmp_path: Path, digit_images: Pair, idx_writer: Any) -> Path:
    images, labels = digit_images
    idx_writer(tmp_path / TRAIN_IMAGES, images)
    idx_writer(tmp_path / TRAIN_LABELS, labels.astype(np.uint8))
    return tmp_path


def idx(path: Path, **more: Any) -> dict[str, Any]:
    return {"source": "idx", "path": str(path), **more}


def test_a_truncated_gzip(mnist: Path) -> None:
    file = mnist / TRAIN_IMAGES
    file.write_bytes(file.read_bytes()[:-400])
    fails(idx(mnist), TRAIN_IMAGES, "cut short")


def test_a_damaged_gzip(mnist: Path) -> None:
    file = mnist / TRAIN_IMAGES
    content = bytearray(file.read_bytes())
    content[200:260] = bytes(60)
    file.write_bytes(content)
    fails(idx(mnist), TRAIN_IMAGES, "damaged")


def test_a_file_that_is_no_gzip(mnist: Path) -> None:
    (mnist / TRAIN_IMAGES).write_text("<html>404 Not Found</html>")
    fails(idx(mnist), TRAIN_IMAGES, "no IDX file")


def test_a_gzip_is_known_by_what_it_holds(mnist: Path) -> None:
    before = load_training(parse_data(idx(mnist)), 0)
    (mnist / TRAIN_IMAGES).rename(mnist / "train-images-idx3-ubyte")
    assert (load_training(parse_data(idx(mnist)), 0).train.inputs == before.train.inputs).all()
    unpacked = gzip.decompress((mnist / "train-images-idx3-ubyte").read_bytes())
    (mnist / "train-images-idx3-ubyte").rename(mnist / TRAIN_IMAGES)
    (mnist / TRAIN_IMAGES).write_bytes(unpacked)
    assert (load_training(parse_data(idx(mnist)), 0).train.inputs == before.train.inputs).all()


def test_a_wrong_magic_number(mnist: Path) -> None:
    (mnist / TRAIN_IMAGES).write_bytes(gzip.compress(b"\x89PNG and so on"))
    fails(idx(mnist), TRAIN_IMAGES, "no IDX file", "89 50 4e 47")


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0\x08\x03\0\0"])
def test_a_file_that_ends_in_its_header(mnist: Path, content: bytes) -> None:
    (mnist / TRAIN_IMAGES).write_bytes(gzip.compress(content))
    fails(idx(mnist), TRAIN_IMAGES)


def test_a_header_that_promises_terabytes(mnist: Path) -> None:
    (mnist / TRAIN_IMAGES).write_bytes(gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12))
    fails(idx(mnist), TRAIN_IMAGES, "cut short", "4294967295x4294967295x4294967295")


def test_more_bytes_than_the_header_says(mnist: Path) -> None:
    file = mnist / TRAIN_IMAGES
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()) + b"\0"))
    fails(idx(mnist), TRAIN_IMAGES, "longer than it should be")


def test_other_counts_of_images_and_labels(mnist: Path, digit_images: Pair, idx_writer: Any) -> None:
    idx_writer(mnist / TRAIN_LABELS, digit_images[1][:-1].astype(np.uint8))
    fails(idx(mnist), TRAIN_IMAGES, "120 images and 119 labels")


def test_images_without_labels(mnist: Path) -> None:
    (mnist / TRAIN_LABELS).unlink()
    fails(idx(mnist), TRAIN_IMAGES, "no file with the train labels")


def test_no_training_part(mnist: Path) -> None:
    for file in mnist.iterdir():
        file.rename(mnist / file.name.replace("train", "t10k"))
    fails(idx(mnist), "only files of the part test", "train-images-idx3-ubyte")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    fails(idx(tmp_path), "no IDX files")


def test_two_files_for_one_place(mnist: Path, digit_images: Pair, idx_writer: Any) -> None:
    idx_writer(mnist / "train-images.idx3-ubyte", digit_images[0])
    fails(idx(mnist), "two files of train images", TRAIN_IMAGES, "train-images.idx3-ubyte")


def test_a_test_label_that_training_lacks(mnist: Path, digit_images: Pair, idx_writer: Any) -> None:
    images, labels = digit_images
    idx_writer(mnist / "t10k-images-idx3-ubyte", images)
    idx_writer(mnist / "t10k-labels-idx1-ubyte", np.where(labels == 9, 11, labels).astype(np.uint8))
    load_training(parse_data(idx(mnist)), 0)
    fails(idx(mnist), "12 with the label '11'", "training part does not have", load=load_test)


def test_a_test_part_of_another_size(mnist: Path, digit_images: Pair, idx_writer: Any) -> None:
    images, labels = digit_images
    idx_writer(mnist / "t10k-images-idx3-ubyte", np.ascontiguousarray(images[:, :7]))
    idx_writer(mnist / "t10k-labels-idx1-ubyte", labels.astype(np.uint8))
    fails(idx(mnist), "test part are 1x7x8", "1x8x8", load=load_test, fields=images_of(8))


def test_other_classes_than_the_network_has(mnist: Path) -> None:
    ten = [str(k) for k in range(10)]
    load_test(parse_data(idx(mnist)), 0, labels=ten)
    fails(idx(mnist), "other classes", "'9' is new", load=load_test, labels=ten[:9])
    fails(idx(mnist), "other classes", "'x' is gone", load=load_test, labels=[*ten, "x"])
    fails(idx(mnist), "other classes", "order", load=load_test, labels=ten[::-1])


def test_names_of_classes(mnist: Path) -> None:
    names = [f"the {k}" for k in range(10)]
    assert load_training(parse_data(idx(mnist, labels=names)), 0).labels == tuple(names)
    fails(idx(mnist, labels=names[:8]), "label 9", "labels names 8")
    fails(idx(mnist, labels=["same"] * 10), "labels names two classes 'same'")


def test_a_validation_folder_of_many_parts(mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for file in mnist.iterdir():
        for part in ("train", "t10k"):
            (other / file.name.replace("train", part)).write_bytes(file.read_bytes())
    fails(idx(mnist, validation=str(other)), "the parts train, test", "validation")
    test = load_test(parse_data(idx(mnist, test=str(other))), 0)
    assert len(test) == 120


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_folder_that_is_trained_on_is_no_other_part(mnist: Path, part: str) -> None:
    load = load_training if part == "validation" else load_test
    fails(idx(mnist, **{part: str(mnist)}), part, "trained on", load=load)


# NumPy archives -----------------------------------------------------------------------------------------------------


def npz(tmp_path: Path, **arrays: Any) -> dict[str, Any]:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return {"source": "npz", "path": str(path)}


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(b"\x80\x04\x95 a pickle, or whatever else")
    fails({"source": "npz", "path": str(path)}, "data.npz is no .npz file")


def test_a_truncated_archive(tmp_path: Path, digit_images: Pair) -> None:
    section = npz(tmp_path, x=digit_images[0], y=digit_images[1])
    path = Path(section["path"])
    path.write_bytes(path.read_bytes()[:-100])
    fails(section, "data.npz", "cut short")


def test_objects_are_not_unpickled(tmp_path: Path, digit_images: Pair) -> None:
    images, labels = digit_images
    fails(npz(tmp_path, x=images.astype(object), y=labels), "x of", "Python objects")
    fails(npz(tmp_path, x=images, y=labels.astype(object)), "y of", "Python objects")


def test_unknown_names_of_arrays(tmp_path: Path, digit_images: Pair) -> None:
    fails(npz(tmp_path, features=digit_images[0], classes=digit_images[1]), "features, classes", "x_train and y_train")
    fails(npz(tmp_path, x_train=digit_images[0]), "x_train and no y_train")
    fails(npz(tmp_path, y=digit_images[1]), "array y and no x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.astype(np.complex64), "type complex64"),
        (lambda x: x.astype(str), "type <U"),
        (lambda x: x.astype(np.float32), "as float32: floats are read as 0 to 1"),
        (lambda x: x / -255.0, "value -1 as float64"),
        (lambda x: np.where(x == 0, np.nan, x / 255), "value nan"),
        (lambda x: x.astype(np.int16) * 2, "as int16: allowed are 0 to 255"),
        (lambda x: x.reshape(len(x), -1), "is 120x64"),
        (lambda x: x[:, None, None], "is 120x1x1x8x8"),
        (lambda x: np.repeat(x[..., None], 5, axis=3), "no axis has 1 to 4 channels"),
        (lambda x: x[:, :3, :, None], "either of two axes may be the channels"),
        (lambda x: x[:, :, :0], "its images are empty"),
        (lambda x: x[:-3], "117 images and 120 labels"),
        (lambda x: x[0, 0, 0], "1 images and 120 labels"),
    ],
)
def test_arrays_that_are_no_images(tmp_path: Path, digit_images: Pair, change: Any, words: str) -> None:
    fails(npz(tmp_path, x=change(digit_images[0]), y=digit_images[1]), "data.npz", words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda y: np.eye(10)[y],
            "labels (120, 10), and an array (N,), one each, is wanted; of one-hot rows",
        ),
        (lambda y: y + 0.5, "the label 0.5, and a class is a whole number or a text"),
        (lambda y: np.where(y == 3, np.nan, y), "the label nan, and a class is a whole number or a text"),
        (lambda y: y.astype(complex), "labels of type complex128"),
        (lambda y: y * 0, "only one class, '0'"),
        (lambda y: y[:0], "no examples"),
        (lambda y: np.where(np.arange(len(y)) == 7, 99, y), "class '99'"),
        (lambda y: np.arange(len(y)), "the class '0'"),
        (lambda y: np.array([b"\xff"] * len(y)), "no UTF-8"),
        (lambda y: y[0], "a single value"),
        (lambda y: y[:, None, None] * np.ones((1, 2, 2)), "is 120x2x2: labels are a list"),
    ],
)
def test_labels_that_cannot_be_learned(tmp_path: Path, digit_images: Pair, change: Any, words: str) -> None:
    fails(npz(tmp_path, x=digit_images[0], y=change(digit_images[1])), "data.npz", words)


def test_texts_and_numbers_do_not_mix(tmp_path: Path, digit_images: Pair) -> None:
    images, labels = digit_images
    section = npz(tmp_path, x_train=images, y_train=labels, x_test=images, y_test=labels.astype(str))
    fails(section, "texts as labels", "whole numbers", load=load_test)


def test_too_few_to_divide(tmp_path: Path, digit_images: Pair) -> None:
    images, labels = digit_images
    pairs = np.concatenate([np.flatnonzero(labels == k)[:2] for k in range(10)])
    fails(npz(tmp_path, x=images[pairs], y=labels[pairs]), "10 examples are too few", "validation")


# Folders of images --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, digit_images: Pair, folder_writer: Any) -> Path:
    folder_writer(tmp_path / "images", *digit_images)
    return tmp_path / "images"


def images_in(path: Path, **more: Any) -> dict[str, Any]:
    return {"source": "image-folder", "path": str(path), **more}


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40)])
def test_an_unreadable_image_is_named(folder: Path, content: bytes) -> None:
    broken = folder / "digit-3" / "0040.png"
    broken.write_bytes(content)
    fails(images_in(folder), str(broken))


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_truncated_image_is_named(folder: Path, keep: float, kind: str) -> None:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    broken = folder / "digit-3" / f"broken.{kind}"
    Image.fromarray(noise).save(broken)
    content = broken.read_bytes()
    broken.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=str(broken)):
        decode(broken, grey=True)


def test_images_that_differ_in_size(folder: Path) -> None:
    from PIL import Image

    odd = folder / "digit-5" / "odd.png"
    Image.new("L", (9, 8)).save(odd)
    fails(images_in(folder), str(odd), "8x9", "8x8", "size: [height, width]")
    assert only(load_training(parse_data(images_in(folder, size=8)), 0).inputs).shape == (1, 8, 8)


def test_a_class_with_one_image(folder: Path) -> None:
    for file in sorted((folder / "digit-7").iterdir())[1:]:
        file.unlink()
    fails(images_in(folder), "class 'digit-7'", "only one example")


def test_a_class_without_images(folder: Path) -> None:
    (folder / "nothing").mkdir()
    fails(images_in(folder), str(folder / "nothing"), "has no pictures (PNG, JPEG, WebP")


def test_one_class(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (folder / "digit-0").rename(tmp_path / "alone" / "digit-0")
    fails(images_in(tmp_path / "alone"), "only one class, 'digit-0'")


def test_no_class_folders(folder: Path) -> None:
    fails(images_in(folder / "digit-0"), "has no folders", "a folder for each class")


def test_formats_that_would_be_lost_are_named(folder: Path) -> None:
    (folder / "digit-0" / "picture.heic").write_bytes(b"RIFF")
    fails(images_in(folder), "picture.heic", "none of PNG, JPEG, WebP")


def test_other_files_do_not_matter(folder: Path) -> None:
    before = load_training(parse_data(images_in(folder)), 0)
    for name in (".DS_Store", "digit-0/.hidden.png", "digit-0/Thumbs.db", "readme.txt", "digit-1/notes.json"):
        (folder / name).write_text("not an image")
    (folder / ".cache").mkdir()
    (folder / "__MACOSX").mkdir()
    after = load_training(parse_data(images_in(folder)), 0)
    np.testing.assert_array_equal(before.train.inputs, after.train.inputs)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_images_that_are_trained_on_are_no_other_part(folder: Path, part: str) -> None:
    load = load_training if part == "validation" else load_test
    fails(images_in(folder, **{part: str(folder)}), part, "trained on", load=load)


def test_a_test_folder_with_a_new_class(tmp_path: Path, digit_images: Pair, folder_writer: Any) -> None:
    images, labels = digit_images
    folder_writer(tmp_path / "train", images, labels)
    folder_writer(tmp_path / "test", images, np.where(labels == 9, 42, labels))
    fails(images_in(tmp_path), "class folder 'digit-42'", str(tmp_path / "test"), "say test: 0.2")
    held_out = parse_data({**images_in(tmp_path), "test": 0.2})
    assert "is held out in its stead" in load_training(held_out, 0).notes[0]
    assert len(load_test(held_out, 0)) == 24


def test_without_pillow_the_command_to_install_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(
        MissingExtraError, match=r"image-folder needs the package Pillow: pip install 'nas-cli\[images\]'"
    ):
        load_training(parse_data(images_in(folder)), 0)
