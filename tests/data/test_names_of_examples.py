"""What the examples of a test part are called: their files, in their order."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from fields import single
from PIL import Image

from nas_cli.axes import Axes
from nas_cli.data import Wanted, load_test, parse_data
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.data.other import load_other

NUMBERS = Wanted("images", "number")
COUNT = 20


def draw(folder: Path, table: str = "counts.csv") -> Path:
    """Picture k is of the grey 10 k, and so is its number."""
    (folder / "images").mkdir(parents=True)
    for k in range(COUNT):
        Image.fromarray(np.full((4, 4), 10 * k, np.uint8)).save(folder / "images" / f"{k:02d}.png")
    rows = [f"images/{k:02d}.png,{10 * k}" for k in range(COUNT)]
    (folder / table).write_text("\n".join(["file,number", *rows]) + "\n")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_of_a_table_are_called_as_their_files(tmp_path: Path, packed: bool) -> None:
    folder = draw(tmp_path / "data")
    path = folder
    if packed:
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*.*")):
                archive.write(file, file.relative_to(folder))
    test = load_test(parse_data({"source": "image-table", "path": str(path), "test": 0.3}), 0, wanted=NUMBERS)
    assert len(test.names) == len(test) == 6
    assert [f"images/{level[0, 0, 0] // 10:02d}.png" for level in test.inputs] == list(test.names)
    assert [10 * int(name[7:9]) for name in test.names] == test.targets.tolist()


def test_a_part_of_its_own_and_one_that_lies_elsewhere(tmp_path: Path) -> None:
    train, other = draw(tmp_path / "train"), draw(tmp_path / "other", "test.csv")
    section = {"source": "image-table", "path": str(train / "counts.csv"), "test": str(other / "test.csv")}
    settings = parse_data(section)
    expected = tuple(f"images/{k:02d}.png" for k in range(COUNT))
    assert load_test(settings, 0, wanted=NUMBERS).names == expected
    encoder = ImageEncoder(Axes("uint8", (1, 4, 4)))
    assert load_other(settings, other / "test.csv", (), NUMBERS, single(encoder)).names == expected


def test_pictures_in_folders_of_classes_are_called_with_their_folder(tmp_path: Path) -> None:
    for k in range(COUNT):
        place = tmp_path / f"class {k % 2}"
        place.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), 10 * k, np.uint8)).save(place / f"{k}.png")
    test = load_test(parse_data({"source": "image-folder", "path": str(tmp_path), "test": 0.3}), 0)
    assert test.names == tuple(f"class {level % 20 // 10}/{level // 10}.png" for level in test.inputs[:, 0, 0, 0])


def test_what_has_no_names_has_none() -> None:
    assert load_test(parse_data({"source": "digits"}), 0).names == ()
