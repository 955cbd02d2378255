"""Pictures of one part that another has too, and pictures in two classes, are counted and said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import part as part_of
from PIL import Image

from nas_cli.data import Cache, load_test, load_training, parse_data
from nas_cli.data.kind import KINDS
from nas_cli.data.repeated import about_contradictions, about_repeated, count_repeated
from nas_cli.data.source import Part

RNG = np.random.default_rng(0)
PICTURES: Any = KINDS["images"].repeats


def pictures(count: int, side: int = 6) -> Any:
    return RNG.integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def part(inputs: Any, targets: Any = None, rows: Any = None) -> Part:
    count = len(inputs) if rows is None else len(rows)
    return part_of(inputs, np.zeros(count, np.int64) if targets is None else np.asarray(targets), rows)


def test_pictures_are_compared_pixel_for_pixel() -> None:
    train, other = pictures(600), pictures(100)
    other[:7] = train[100:107]
    other[7] = train[3]
    other[7, 0, 0, 0] ^= 1
    assert count_repeated(part(train), part(other), PICTURES) == 7
    (note,) = about_repeated(part(train), part(other), "images", "to choose by")
    assert note.startswith("7 of 100 pictures to choose by are among the pictures to learn from too, pixel for pixel")
    assert about_repeated(part(train), part(other[7:]), "images", "to choose by") == []
    assert about_repeated(part(train), part(train), "texts", "to choose by") == []
    (note,) = about_repeated(part(train), part(other), "images", "to test on", "to choose by")
    assert note.startswith("7 of 100 pictures to test on are among the pictures to choose by too")


def test_of_a_mapped_file_the_rows_of_the_part_count() -> None:
    everything = pictures(40)
    everything[39] = everything[2]
    train, other = np.array([5, 2, 30, 9]), np.array([39, 8])
    assert count_repeated(part(everything, rows=train), part(everything, rows=other), PICTURES) == 1
    assert count_repeated(part(everything, rows=train[2:]), part(everything, rows=other), PICTURES) == 0
    targets = [0, 1, 0, 1]
    assert about_contradictions(part(everything, targets, train)) == []
    everything[30] = everything[2]
    assert about_contradictions(part(everything, targets, train))[0].endswith(": 1")


@pytest.mark.parametrize(("targets", "count"), [([0, 0, 0, 0], 0), ([0, 1, 0, 1], 2), ([0, 0, 1, 1], 0)])
def test_pictures_of_two_classes(targets: list[int], count: int) -> None:
    a, b = pictures(2)
    notes = about_contradictions(part(np.stack([a, a, b, b]), targets))
    assert len(notes) == min(1, count)
    assert not notes or notes[0].endswith(f": {count}")


def test_one_in_a_hundred_is_said_and_fewer_are_not() -> None:
    train, other = pictures(300, 2), pictures(250, 2)
    other[0] = train[0]
    assert about_repeated(part(train), part(other), "images", "to test on") == []
    other[1:3] = train[1]
    assert len(about_repeated(part(train), part(other), "images", "to test on")) == 1


def test_folders_and_what_lies_in_the_cache(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for k in range(8):
            place = tmp_path / "train" / name / f"{k}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pictures(1)[0].transpose(1, 2, 0)).save(place)
    shutil.copytree(tmp_path / "train", tmp_path / "val")
    Image.fromarray(pictures(1)[0].transpose(1, 2, 0)).save(tmp_path / "val" / "cat" / "new.png")
    shutil.copy(tmp_path / "train" / "cat" / "0.png", tmp_path / "train" / "dog" / "same.png")
    settings = parse_data({"source": "image-folder", "path": str(tmp_path), "test": 0.2, "cache_above": 1})
    for cache in (None, Cache(tmp_path / "cache")):
        data = load_training(settings, 0, cache)
        text = " ".join(data.notes)
        assert " of 17 pictures to choose by are among the pictures to learn from too" in text
        assert "two classes or more, pixel for pixel: 1" in text or len(data.train) < 16
    assert len(load_test(settings, 0, data.labels)) == 3
