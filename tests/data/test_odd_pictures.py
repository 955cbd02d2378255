"""Pictures as people have them: turned, transparent, without an ending, deep beside shallow, all alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import load_test, load_training, parse_data
from nas_cli.data.formats.pictures import decode, is_picture, look
from nas_cli.data.settings import DataSettings
from nas_cli.errors import DataError

RNG = np.random.default_rng(0)


def noise(*shape: int) -> Any:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def fill(folder: Path, *names: str, count: int = 8) -> None:
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            Image.fromarray(noise(8, 8)).save(folder / name / f"{k}.png")


def settings(path: Path, **more: Any) -> DataSettings:
    return parse_data({"source": "image-folder", "path": str(path), **more})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_look_has_the_size_that_decoding_gives(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise(10, 20, 3)).save(tmp_path / "a", kind, exif=exif)
    assert look(tmp_path / "a").size == decode(tmp_path / "a", False).shape[1:]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
def test_every_format_is_known_by_its_beginning(tmp_path: Path, kind: str) -> None:
    Image.fromarray(noise(8, 8)).save(tmp_path / "a", kind)
    assert is_picture(tmp_path / "a")


@pytest.mark.parametrize("text", [b"", b"BMW is a car", b"P1 Visa\n", b"GIF is a format", b"RIFF....WAVE", b"II"])
def test_texts_are_no_pictures(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a").write_bytes(text)
    assert not is_picture(tmp_path / "a")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_white_on_nothing_is_said(tmp_path: Path, mode: str) -> None:
    fill(tmp_path, "cat", "dog")
    for file in tmp_path.rglob("*.png"):
        pixels = np.full((8, 8, 4), 255, np.uint8)
        pixels[..., 3] = (noise(8, 8) > 128) * 255
        picture = Image.fromarray(pixels)
        if mode == "P":
            picture = picture.convert("LA").convert("P")
            picture.info["transparency"] = 0
        picture.convert(mode).save(file)
    notes = " ".join(load_training(settings(tmp_path), 0).notes)
    assert "pictures that may be transparent: 16; what is transparent becomes white" in notes
    if mode != "P":
        assert "every picture to learn from is the same, one colour all over" in notes


def test_hardly_a_level(tmp_path: Path) -> None:
    images, labels = noise(40, 6, 6), np.arange(40) % 2
    for scale, said in ((255, False), (255 * 255, True)):
        np.savez(tmp_path / "a.npz", x=images / scale, y=labels)
        notes = load_training(parse_data({"source": "npz", "path": str(tmp_path / "a.npz")}), 0).notes
        assert any("0 to 1 of 255, hardly more than black" in note for note in notes) == said


def test_a_part_with_deep_pictures_beside_shallow_ones_to_train_on(tmp_path: Path) -> None:
    fill(tmp_path / "train", "cat", "dog")
    fill(tmp_path / "test", "cat", "dog")
    deep = tmp_path / "test" / "cat" / "deep.png"
    Image.fromarray(noise(8, 8).astype(np.uint16) * 16).save(deep)
    data = load_training(settings(tmp_path), 0)
    with pytest.raises(DataError, match=r"deep\.png is a grey picture with more than 8 bits, and those to train on"):
        load_test(settings(tmp_path), 0, data.labels)
    test = load_test(settings(tmp_path, levels=[0, 4095]), 0, data.labels)
    assert test.inputs[8].max() > 200
    deep.rename(tmp_path / "train" / "cat" / "deep.png")
    assert len(load_test(settings(tmp_path), 0, data.labels)) == 16


def test_pictures_in_folders_within_class_folders_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, "images/cat", "images/dog", "masks/cat")
    data = load_training(settings(tmp_path), 0)
    assert data.labels == ("images", "masks")
    assert any(note.startswith("24 pictures lie in folders within the class folders") for note in data.notes)
    fill(tmp_path / "flat", "cat", "dog")
    assert not any("within the class" in note for note in load_training(settings(tmp_path / "flat"), 0).notes)


def test_what_lies_in_the_test_part_is_told_with_it(tmp_path: Path) -> None:
    fill(tmp_path / "train", "cat", "dog")
    fill(tmp_path / "test", "cat")
    (tmp_path / "test" / "dog").mkdir()
    (tmp_path / "test" / "cat" / "notes.txt").write_text("no picture")
    data = load_training(settings(tmp_path), 0)
    assert not any("test" in note for note in data.notes)
    notes = load_test(settings(tmp_path), 0, data.labels).notes
    assert any("has no pictures of dog" in note for note in notes)
    assert any("no pictures: 1 (cat/notes.txt)" in note for note in notes)


@pytest.mark.parametrize("size", [100_000, [20, 900_000], [5000, 5000]])
def test_a_size_that_takes_the_memory(tmp_path: Path, size: Any) -> None:
    fill(tmp_path, "cat", "dog", count=2)
    with pytest.raises(DataError, match="pictures of 16,000,000 pixels at most are made"):
        load_training(settings(tmp_path, size=size), 0)


def test_parts_share_a_class_in_two_unicode_forms(tmp_path: Path) -> None:
    fill(tmp_path, "seg_train/caf\u00e9", "seg_train/bar", "seg_test/cafe\u0301")
    data = load_training(settings(tmp_path), 0)
    assert (data.labels, len(data.train) + len(data.validation)) == (("bar", "caf\u00e9"), 16)
    assert load_test(settings(tmp_path), 0, data.labels).targets.tolist() == [1] * 8


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match="is an archive: unpack it, and name the folder"):
        load_training(settings(tmp_path / "a.tar.gz"), 0)


def test_damaged_exif_data_is_no_noise(tmp_path: Path) -> None:
    fill(tmp_path, "cat", "dog")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\xff\xff\0\x06"
    Image.fromarray(noise(8, 8)).save(tmp_path / "cat" / "e.jpg", exif=exif)
    section = {"source": "image-folder", "path": str(tmp_path)}
    code = f"from nas_cli.data import *; load_training(parse_data({section}), 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
