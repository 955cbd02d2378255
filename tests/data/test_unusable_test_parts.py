"""A test part that cannot be evaluated is told of before a search, by its header and first row alone."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import Wanted, load_test, load_training, parse_data
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

CLASS = Wanted("table rows", "class")


def rows(count: int) -> str:
    return "".join(f"{k + 900},{k * 7 % 13}.5,{k * 5 % 11},{k % 2}\n" for k in range(count))


def folder(path: Path, test: str | bytes, name: str = "test.csv") -> Path:
    path.mkdir()
    (path / "train.csv").write_text("id,u,v,Survived\n" + rows(200))
    (path / name).write_bytes(test if isinstance(test, bytes) else test.encode())
    return path


def load(path: Path, **settings: Any) -> Any:
    section = parse_data({"source": "csv", "path": str(path), "target": "Survived", **settings})
    return section, load_training(section, 0, wanted=CLASS)


UNUSABLE = [
    ("no-target", "id,u,v\n1,2.5,3\n", "has no column 'Survived', which is what is learned"),
    ("empty-target", "id,u,v,Survived\n1,2.5,3,\n2,2.5,3,\n", "has no value in the column 'Survived'"),
    ("other-columns", "id,u,w,Survived\n1,2.5,3,1\n", "has no column 'v'"),
    ("empty", "", "is empty"),
    ("only-a-header", "id,u,v,Survived\n", "has no rows"),
    ("blank", "\n\n\n", "has no rows"),
]


@pytest.mark.parametrize(("name", "content", "words"), UNUSABLE, ids=[name for name, _, _ in UNUSABLE])
def test_what_is_unusable_is_said_with_how_to_go_on(tmp_path: Path, name: str, content: str, words: str) -> None:
    place = folder(tmp_path / "data", content)
    with pytest.raises(DataError, match=words) as caught:
        load(place)
    assert "test.csv" in str(caught.value)
    assert caught.value.remedy == {"test": 0.2}
    settings, data = load(place, test=0.2)
    assert len(data.train) + len(data.validation) + len(load_test(settings, 0, wanted=CLASS, fields=data.fields)) == 200
    assert words in data.notes[0]


def test_it_is_also_said_of_packed_parts_and_of_parts_elsewhere(tmp_path: Path) -> None:
    packed = folder(tmp_path / "packed", gzip.compress(b"id,u,v\n1,2,3\n"), "test.csv.gz")
    with pytest.raises(DataError, match=r"test\.csv\.gz has no column 'Survived'"):
        load(packed)
    (tmp_path / "other.csv").write_text("id,u,v\n1,2,3\n")
    (tmp_path / "alone.csv").write_text("id,u,v,Survived\n" + rows(100))
    with pytest.raises(DataError, match=r"other\.csv has no column 'Survived'"):
        load(tmp_path / "alone.csv", test=str(tmp_path / "other.csv"))
    with pytest.raises(DataError, match="there is no file or folder"):
        load(tmp_path / "alone.csv", test=str(tmp_path / "nowhere.csv"))


def test_without_a_header_columns_are_counted(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    (place / "train.csv").write_text(rows(100))
    (place / "test.csv").write_text("1,2,3\n")
    with pytest.raises(DataError, match=r"test\.csv has 3 columns, and the training part 4"):
        load_training(parse_data({"source": "csv", "path": str(place), "header": False}), 0, wanted=CLASS)


def test_a_usable_part_is_used_and_no_share_taken(tmp_path: Path) -> None:
    place = folder(tmp_path / "data", "v,u,id,Survived\n1,2,3,1\n")
    assert len(load(place)[1].train) == 160
    with pytest.raises(DataError, match=r"test is 0\.2, and the data has a test part of its own"):
        load(place, test=0.2)


def test_a_first_label_that_is_none_of_the_classes(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    (place / "train.csv").write_text("u,label\n" + "".join(f"{k % 7}.5,{'ab'[k % 2]}\n" for k in range(60)))
    (place / "test.csv").write_text("u,label\n1.5,unknown\n")
    with pytest.raises(DataError, match=r"test\.csv has the label 'unknown', which the training part does not have"):
        load_training(parse_data({"source": "csv", "path": str(place)}), 0, wanted=CLASS)


def test_init_holds_a_share_out_and_says_so(tmp_path: Path) -> None:
    found = survey("table-classification", folder(tmp_path / "data", "id,u,v\n1,2.5,3\n"))
    assert "\n  test: 0.2\n" in found.text
    assert "test.csv has no column" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_test": np.zeros((3, 8, 8), np.uint8), "y_test": np.zeros(2, np.int64)}, "3 images to test on and 2"),
        ({"x_test": np.zeros((0, 8, 8), np.uint8), "y_test": np.zeros(0, np.int64)}, "0 images to test on"),
        ({"x_test": np.zeros((1, 8, 8), np.uint8), "y_test": np.array(["a"])}, "y_test of .* are texts"),
    ],
)
def test_arrays_to_test_on(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    images = np.arange(40 * 64).reshape(40, 8, 8).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.arange(40) % 2, **arrays)
    with pytest.raises(DataError, match=words):
        load_training(parse_data({"source": "npz", "path": str(tmp_path / "a.npz")}), 0)
