"""Arrays as people have them: other names for parts, parts without labels, arrays that nobody reads."""

from __future__ import annotations

import gzip
import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import images as images_of

from nas_cli.data import Cache, Reader, load_other, load_test, load_training, parse_data, read_inputs
from nas_cli.data.inputs import SeenPictures
from nas_cli.data.settings import DataSettings
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError

RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2


def images(count: int = 40) -> Any:
    return RNG.integers(0, 256, (count, 4, 4), dtype=np.uint8)


def npz(folder: Path, **arrays: Any) -> DataSettings:
    np.savez(folder / "a.npz", **arrays)
    return parse_data({"source": "npz", "path": str(folder / "a.npz")})


def write_idx(file: Path, values: Any, packed: bool = False) -> None:
    content = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()
    file.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize(
    "names", [("x_valid", "y_valid"), ("X_dev", "Y_dev"), ("validation_images", "validation_labels")]
)
def test_a_validation_part_by_any_usual_name(tmp_path: Path, names: tuple[str, str]) -> None:
    arrays = {"x_train": images(), "y_train": LABELS, names[0]: images(12), names[1]: LABELS[:12]}
    assert len(load_training(npz(tmp_path, **arrays), 0).validation) == 12


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    data = load_training(npz(tmp_path, x=images(), y=LABELS, x_holdout=images(), y_holdout=LABELS, x_val=images()), 0)
    assert f"arrays of {tmp_path}/a.npz that are not read: x_holdout, y_holdout, x_val" in data.notes
    with pytest.raises(DataError, match="has the arrays X and x: rename one of them"):
        load_training(npz(tmp_path, X=images(), x=images(), y=LABELS), 0)


def test_a_test_part_without_labels_is_told_of_with_the_remedy(tmp_path: Path) -> None:
    settings = npz(tmp_path, x_train=images(), y_train=LABELS, x_test=images(9))
    with pytest.raises(DataError, match="has the array x_test and no y_test; name another") as caught:
        load_training(settings, 0)
    held_out = parse_data({**settings.written_out(), **caught.value.remedy, "layout": "auto"})
    assert "is held out in its stead" in load_training(held_out, 0).notes[0]
    assert len(load_test(held_out, 0)) == 8


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.array(5), "y": LABELS}, "is a single value, and no images"),
        ({"x": images(), "y": np.eye(2)[LABELS]}, r"labels\.argmax\(axis=1\) are the classes"),
        ({"x": np.zeros(40, [("a", "u1")]), "y": LABELS}, "images are"),
        ({"x": images(), "y": LABELS.astype("M8[D]")}, "labels of type datetime64"),
    ],
)
def test_arrays_that_cannot_be_learned_from(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        load_training(npz(tmp_path, **arrays), 0, Cache(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("part", "own"),
    [("valid", "validation"), ("dev", "validation"), ("testing", "test"), ("T10K", "test"), ("mnist-Test", "test")],
)
def test_idx_files_by_any_usual_name(tmp_path: Path, part: str, own: str) -> None:
    write_idx(tmp_path / "Train-images-idx3-ubyte", images())
    write_idx(tmp_path / "Train-Labels.IDX1-ubyte", LABELS)
    write_idx(tmp_path / f"{part}-images-idx3-ubyte", images(12), packed=True)
    write_idx(tmp_path / f"{part}-labels-idx1-ubyte", LABELS[:12])
    (tmp_path / "readme.md").write_text("about it")
    settings = parse_data({"source": "idx", "path": str(tmp_path)})
    data = load_training(settings, 0)
    assert len(data.validation if own == "validation" else load_test(settings, 0)) == 12
    assert f"passed over in {tmp_path}, no IDX files by their names: 1 (readme.md)" in data.notes


def test_of_several_arrays_one_is_predicted_from(tmp_path: Path) -> None:
    settings, seen = npz(tmp_path, x_train=images(3), x_test=images(2)), SeenPictures()
    assert len(read_inputs(settings, (1, 4, 4), [tmp_path / "a.npz"], seen)) == 2
    assert seen.notes(settings) == [f"{tmp_path}/a.npz: of its arrays x_test is predicted from, and not x_train"]


def test_what_is_passed_over_in_other_data_is_told_with_it(tmp_path: Path) -> None:
    settings = npz(tmp_path, x=images(), y=LABELS, more=LABELS)
    part = load_other(settings, tmp_path / "a.npz", ("0", "1"), Wanted(), images_of(4))
    assert part.notes == (f"arrays of {tmp_path}/a.npz that are not read: more",)


def test_files_are_told_by_what_they_hold(tmp_path: Path) -> None:
    reader = Reader(parse_data({"source": "digits"}), images_of(4), ("0", "1"))
    for packed in (False, True):
        write_idx(tmp_path / "a.dat", images(3), packed)
        assert len(list(reader.files([tmp_path / "a.dat"]))) == 3
        assert len(list(reader.stream(io.BytesIO((tmp_path / "a.dat").read_bytes())))) == 3
    np.save(tmp_path / "b.npy", images(2))
    os.rename(tmp_path / "b.npy", tmp_path / "b.txt")
    assert len(list(reader.files([tmp_path / "b.txt"]))) == 2
