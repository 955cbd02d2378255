"""Folders of pictures as people have them: what is read, what is passed over, and what is said of both."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import load_test, load_training, parse_data
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

RNG = np.random.default_rng(0)


def picture(path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Image.fromarray(RNG.integers(0, 256, (8, 8, 3), np.uint8)).save(file, options.pop("kind", "PNG"), **options)
    return path


def fill(top: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 6) -> Path:
    for name in classes:
        for k in range(count):
            picture(top / name / f"{k}.png")
    return top


def load(path: Path, **settings: Any) -> Any:
    return load_training(parse_data({"source": "image-folder", "path": str(path), **settings}), 0)


def sizes(path: Path, **settings: Any) -> tuple[int, int]:
    data = load(path, **settings)
    return len(data.train), len(data.validation)


def test_folders_within_class_folders_and_other_endings(tmp_path: Path) -> None:
    fill(tmp_path)
    for name in ("more/0.png", "more/deep/1.JPG", "photo.jfif", "none", "odd.dat"):
        picture(tmp_path / "cat" / name, kind="JPEG" if "J" in name.upper() else "PNG")
    for kind in ("webp", "bmp", "gif", "tiff", "ppm"):
        picture(tmp_path / "dog" / f"a.{kind}", kind=kind.upper())
    found = survey(None, tmp_path)
    assert found.what.startswith("22 images of 2 classes")
    assert found.what.endswith(": cat, dog")
    (note,) = found.notes
    assert note.startswith("2 pictures lie in folders within the class folders, cat/more/0.png say")
    assert sum(sizes(tmp_path, test=0.1)) == 20


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "__MACOSX" / "cat").mkdir(parents=True)
    for name in ("cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "cat/notes.txt", "labels.csv"):
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "cat" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "cat" / "up").symlink_to("..")
    (tmp_path / "dog" / "cats").symlink_to("../cat")
    os.mkfifo(tmp_path / "dog" / "pipe.png")
    said = " ".join(load(tmp_path).notes)
    assert "hidden or of a file manager: 4 (__MACOSX, cat/.DS_Store, cat/Thumbs.db, …)" in said
    assert "no pictures: 1 (cat/notes.txt)" in said
    assert "broken links: 1 (cat/gone.png)" in said
    assert "links to folders of the same data: 2 (cat/up, dog/cats)" in said
    assert "neither files nor folders: 1 (dog/pipe.png)" in said
    assert "beside the folders of classes: 1 (labels.csv)" in said
    assert survey(None, tmp_path).what.startswith("12 images")


def test_links_to_folders_elsewhere_are_followed_once(tmp_path: Path) -> None:
    fill(tmp_path / "store", ("a",), 4)
    (tmp_path / "store" / "a" / "again").symlink_to(tmp_path / "store")
    fill(tmp_path / "data", ("dog",))
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "store" / "a")
    assert survey(None, tmp_path / "data").what.startswith("10 images")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "Test"),
        ("Train", "testing"),
        ("TRAINING", "TEST"),
        ("Training Set", "test_set"),
        ("seg_train", "seg_test"),
    ],
)
def test_parts_in_any_case_and_spelling(tmp_path: Path, train: str, test: str) -> None:
    fill(tmp_path / train)
    fill(tmp_path / test, count=3)
    settings = parse_data({"source": "image-folder", "path": str(tmp_path), "validation": 0.25})
    assert len(load_training(settings, 0).train) == 9
    assert len(load_test(settings, 0)) == 6


def test_what_lies_beside_the_parts_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    fill(tmp_path / "test", ("cat",))
    fill(tmp_path / "pred", ("x",))
    found = survey(None, tmp_path)
    assert any(note.endswith(f"no part of {tmp_path}: pred") for note in found.notes)


def test_two_folders_for_one_part(tmp_path: Path) -> None:
    for name in ("train", "val", "Validation"):
        fill(tmp_path / name)
    with pytest.raises(DataError, match="has Validation and val, and one of them can be the validation part"):
        load(tmp_path)


def test_parts_without_class_folders(tmp_path: Path) -> None:
    for name in ("train", "test"):
        picture(tmp_path / name / "0.png")
    with pytest.raises(DataError, match="test and train, which are called like parts"):
        load(tmp_path)


def test_a_test_part_without_class_folders_is_told_of_before(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    picture(tmp_path / "test" / "0.png")
    with pytest.raises(DataError, match=r"cannot be evaluated: .* has no folders"):
        load(tmp_path)
    found = survey(None, tmp_path)
    assert "\n  test: 0.2\n" in found.text
    assert any("is held out in its stead" in note for note in found.notes)


def test_a_class_that_validation_lacks_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "train", ("cat", "dog", "None"))
    fill(tmp_path / "val", ("cat", "dog"))
    data = load(tmp_path)
    assert data.labels == ("None", "cat", "dog")
    assert any("has no pictures of None" in note for note in data.notes)


@pytest.mark.parametrize("name", ["train", "test", "None", "null", "1.0", "true", "a b", "train station"])
def test_any_name_of_a_class(tmp_path: Path, name: str) -> None:
    fill(tmp_path, (name, "bus"))
    assert load(tmp_path).labels == tuple(sorted((name, "bus")))


def test_one_name_in_two_unicode_forms_is_one_class(tmp_path: Path) -> None:
    fill(tmp_path / "train", ("caf\u00e9", "tea"))
    fill(tmp_path / "train", ("cafe\u0301",), 3)
    fill(tmp_path / "test", ("cafe\u0301", "tea"))
    settings = parse_data({"source": "image-folder", "path": str(tmp_path)})
    data = load_training(settings, 0)
    assert data.labels == ("caf\u00e9", "tea")
    assert any("in two Unicode forms" in note for note in data.notes)
    assert np.bincount(load_test(settings, 0, data.labels).targets).tolist() == [6, 6]


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    fill(tmp_path, (os.fsdecode(b"caf\xe9"), "tea"))
    with pytest.raises(DataError, match="is no UTF-8, and a class is called by it"):
        load(tmp_path)


def test_an_unpacked_archive_has_a_folder_around_it(tmp_path: Path) -> None:
    fill(tmp_path / "flowers" / "flowers")
    found = survey(None, tmp_path)
    assert found.what.endswith(": cat, dog")
    assert found.notes == (f"the data lies in {tmp_path / 'flowers' / 'flowers'}, the only folder there",)


def test_hundreds_of_folders_in_each_other(tmp_path: Path) -> None:
    fill(tmp_path)
    here = os.getcwd()
    try:
        os.chdir(tmp_path / "cat")
        for _ in range(200):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    assert survey(None, tmp_path).what.startswith("12 images")


def damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for file in (folder / "cat").iterdir():
            file.write_bytes(change(file.read_bytes()))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damaged(lambda raw: raw[: len(raw) // 2]),
        damaged(lambda raw: b""),
        damaged(lambda raw: raw[:16] + (60_000).to_bytes(4, "big") * 2 + raw[24:]),
        damaged(lambda raw: raw[:16] + (12_000).to_bytes(4, "big") * 2 + raw[24:]),
        damaged(lambda raw: raw[:60] + b"\xff" * 20 + raw[80:]),
    ],
    ids=["truncated", "empty", "bomb", "large", "corrupt"],
)
def test_a_damaged_picture_is_named(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(fill(tmp_path))
    with pytest.raises(DataError, match=r"cat/\d\.png"):
        load(tmp_path)
