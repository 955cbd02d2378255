"""PNG and JPEG: grey or colour, upright, opaque, of the size wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.axes import only
from nas_cli.data import load_test, load_training, parse_data
from nas_cli.data.formats.pictures import Look, decode, look

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 4, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 4), np.uint8)
SMOOTH = np.add.outer(np.arange(64), 2 * np.arange(48)).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_pixels_come_as_they_are(tmp_path: Path) -> None:
    grey = saved(tmp_path / "grey.png", Image.fromarray(GREY))
    colour = saved(tmp_path / "colour.png", Image.fromarray(COLOUR))
    assert look(grey) == Look(True, (6, 4))
    assert look(colour) == Look(False, (6, 4))
    np.testing.assert_array_equal(decode(grey, grey=True), GREY[None])
    np.testing.assert_array_equal(decode(colour, grey=False), COLOUR.transpose(2, 0, 1))
    np.testing.assert_array_equal(decode(grey, grey=False), np.stack([GREY] * 3))
    luma = COLOUR @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(decode(colour, grey=True)[0], luma, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_picture_upright(tmp_path: Path, orientation: int) -> None:
    turned = {
        1: SMOOTH,
        2: SMOOTH[:, ::-1],
        3: SMOOTH[::-1, ::-1],
        4: SMOOTH[::-1],
        5: SMOOTH.T,
        6: SMOOTH.T[:, ::-1],
        7: SMOOTH.T[::-1, ::-1],
        8: SMOOTH.T[::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "photo.jpg", Image.fromarray(SMOOTH), exif=exif, quality=100)
    assert look(path).size == turned.shape
    np.testing.assert_allclose(decode(path, grey=True)[0].astype(int), turned.astype(int), atol=3)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0] = [200, 0, 0, 255]
    path = saved(tmp_path / "clear.png", Image.fromarray(pixels))
    np.testing.assert_array_equal(decode(path, grey=False)[:, 0, 0], [200, 0, 0])
    np.testing.assert_array_equal(decode(path, grey=False)[:, 1, 0], [255, 255, 255])


@pytest.mark.parametrize(("mode", "grey"), [("1", True), ("L", True), ("LA", True), ("P", False), ("RGBA", False)])
def test_every_kind_of_png_is_read(tmp_path: Path, mode: str, grey: bool) -> None:
    path = saved(tmp_path / "image.png", Image.fromarray(COLOUR).convert(mode))
    assert look(path).grey is grey
    assert decode(path, grey=True).shape == (1, 6, 4)
    assert decode(path, grey=False).shape == (3, 6, 4)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    path = saved(tmp_path / "deep.png", Image.fromarray(GREY.astype(np.uint16) * 257))
    assert look(path).grey
    np.testing.assert_array_equal(decode(path, grey=True), GREY[None])


def test_a_print_jpeg_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "print.jpg", Image.new("CMYK", (4, 6), (0, 255, 255, 0)), quality=100)
    np.testing.assert_allclose(decode(path, grey=False)[:, 0, 0].astype(int), [255, 0, 0], atol=3)


def test_resizing_averages_what_it_shrinks(tmp_path: Path) -> None:
    checkers = np.indices((64, 64)).sum(0) % 2 * 255
    path = saved(tmp_path / "checkers.png", Image.fromarray(checkers.astype(np.uint8)))
    np.testing.assert_allclose(decode(path, True, (8, 8)), 127, atol=8)


def test_a_jpeg_that_decodes_small_looks_the_same(tmp_path: Path) -> None:
    large = Image.fromarray(SMOOTH).resize((960, 1280), Image.Resampling.BICUBIC)
    png, jpeg = saved(tmp_path / "a.png", large), saved(tmp_path / "a.jpg", large, quality=95)
    difference = decode(png, True, (32, 24)).astype(int) - decode(jpeg, True, (32, 24)).astype(int)
    assert np.abs(difference).mean() < 1.5


def test_a_size_fits_in_three_ways(tmp_path: Path) -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    path = saved(tmp_path / "wide.png", Image.fromarray(wide))
    stretched, cut, padded = (decode(path, True, (10, 10), fit)[0] for fit in ("stretch", "crop", "pad"))
    assert (stretched[:, 5] > 250).all()
    assert (stretched[:, [0, 9]] < 5).all()
    assert (cut == 255).all()
    assert (padded[[0, 1, 8, 9]] == 0).all()
    assert padded[5, 5] > 250


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two classes; one image of four is in colour."""
    for k, (label, image) in enumerate(
        [("a", GREY), ("a", GREY), ("a", GREY), ("b", GREY), ("b", COLOUR), ("b", GREY)]
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / label / f"{k}.PNG")
    return tmp_path


@pytest.mark.parametrize(("color", "channels"), [("auto", 3), ("grey", 1), ("rgb", 3)])
def test_colour_is_detected_or_said(mixed: Path, color: str, channels: int) -> None:
    section = {"source": "image-folder", "path": str(mixed), "color": color}
    data = load_training(parse_data(section), 0)
    assert only(data.inputs).shape == (channels, 6, 4)
    assert load_test(parse_data(section), 0).inputs.shape[1:] == only(data.inputs).shape


def test_the_training_images_decide_on_colour(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    colour = tmp_path_factory.mktemp("colour")
    for label in "ab":
        (colour / label).mkdir()
        Image.fromarray(COLOUR).save(colour / label / "1.jpeg")
    (mixed / "b" / "4.PNG").unlink()
    settings = parse_data({"source": "image-folder", "path": str(mixed), "test": str(colour), "validation": 0.3})
    assert only(load_training(settings, 0).inputs).shape == (1, 6, 4)
    assert load_test(settings, 0).inputs.shape == (2, 1, 6, 4)


@pytest.mark.parametrize("name", ["validation", "val", "valid"])
def test_a_validation_folder_is_used(tmp_path: Path, digit_images: Any, folder_writer: Any, name: str) -> None:
    images, labels = digit_images
    folder_writer(tmp_path / "train", images[::2], labels[::2])
    folder_writer(tmp_path / name, images[1::2], labels[1::2])
    data = load_training(parse_data({"source": "image-folder", "path": str(tmp_path), "test": 0.2}), 0)
    np.testing.assert_array_equal(data.validation.inputs[:, 0], images[1::2])
    assert len(data.train) == 48


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for label in ("car", "train"):
        (tmp_path / label).mkdir()
        for k in range(5):
            Image.fromarray(GREY).save(tmp_path / label / f"{k}.png")
    assert load_training(parse_data({"source": "image-folder", "path": str(tmp_path)}), 0).labels == ("car", "train")
