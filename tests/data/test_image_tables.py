"""The source image-table, on tables of pictures in the forms in which people have them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tabled import COUNT, NUMBERS, ROWS, draw, greys, halved, load, opened, picture, refused, write

from nas_cli.data import Cache, load_other, load_test, load_training, parse_data
from nas_cli.errors import DataError, SpecError


def test_pictures_go_with_their_numbers(tmp_path: Path) -> None:
    draw(tmp_path / "images")
    data = load(write(tmp_path / "table.csv", [f"images/{name}" for name in ROWS]))
    assert data.train.targets.dtype == np.float32
    for part in (data.train, data.validation):
        np.testing.assert_array_equal(part.inputs[:, 0, 0, 0] / 20, part.targets)
    assert data.train.inputs.shape[1:] == (1, 6, 4)
    assert any("the column 'file'" in note for note in data.notes)


@pytest.mark.parametrize(
    ("header", "mark", "more"),
    [
        (None, ",", {}),
        (None, ",", {"header": False, "image": 1, "target": 2}),
        ("file;number", ";", {}),
        ("file\tnumber", "\t", {}),
        (None, " ", {}),
        ("sep=|\nfile|number", "|", {}),
        ("file,number", ",", {"header": True, "image": "file", "target": "number"}),
        ("\ufefffile,number", ",", {"target": ["number"]}),
    ],
)
def test_headers_and_separators_are_found(
    tmp_path: Path, header: str | None, mark: str, more: Mapping[str, Any]
) -> None:
    draw(tmp_path)
    dataset = opened(write(tmp_path / "table.csv", ROWS, header, mark), **more)
    assert greys(dataset) == halved(dataset) == list(range(COUNT))


def test_a_first_row_that_is_an_example_is_said(tmp_path: Path) -> None:
    draw(tmp_path)
    path = write(tmp_path / "table.csv", ROWS, None)
    assert any("the first row of" in note and "header: true" in note for note in load(path).notes)
    assert "no column of" not in refused(path, header=True, target="nothing")


# Columns -------------------------------------------------------------------------------------------------------------


def driving_log(folder: Path, header: bool) -> Path:
    """Three cameras, and what the car did: as the simulator of Udacity writes it."""
    lines = ["center,left,right,steering,throttle,brake,speed"] if header else []
    for k in range(COUNT):
        names = []
        for camera in ("center", "left", "right"):
            names.append(f"C:\\sim\\IMG\\{camera}_{k}.jpg")
            (folder / "IMG").mkdir(exist_ok=True)
            picture(k, (8, 16)).save(folder / "IMG" / f"{camera}_{k}.jpg")
        lines.append(", ".join([*names, f"{k / 100 - 0.05:.2f}", "0.9", "0", str(20 + k)]))
    (folder / "driving_log.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("header", [True, False])
def test_one_of_several_columns_of_images_is_to_be_said(tmp_path: Path, header: bool) -> None:
    path = driving_log(tmp_path, header)
    camera, steering, speed = ("left", "steering", "speed") if header else ("2", "4", "7")
    first = "center" if header else "1"
    assert f"several columns of images, {first}, {camera}, " in refused(path)
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.remedy == {"image": first}
    data = load(path, image=camera, target=steering)
    assert data.train.targets.min() >= -0.05
    both = opened(path, image=camera, target=[steering, speed])
    assert both.names == (steering, speed)
    assert both.train.labels.shape == (COUNT, 2)
    assert both.train.labels[3].tolist() == ["-0.02", "23"]
    assert any(f"what is learned is '{speed}', the last column" in note for note in load(path, image=camera).notes)


def test_a_column_is_known_by_what_it_names(tmp_path: Path) -> None:
    """Identifiers without an ending, beside a number that no file is called by."""
    draw(tmp_path / "images")
    lines = ["number,id", *(f"{100 + k},{k}" for k in range(COUNT))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    dataset = opened(tmp_path / "t.csv", target="number")
    assert greys(dataset) == list(range(COUNT))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"image": "fille"}, "did you mean 'file'"),
        ({"target": "numbr"}, "did you mean 'number'"),
        ({"target": ["number", "nmber"]}, "did you mean 'number'"),
        ({"target": ["number", "number"]}, "twice"),
        ({"target": []}, "empty list"),
        ({"target": "file"}, "the column of the images"),
        ({"image": "number", "target": "file"}, "that are not below"),
        ({"levels": [9, 3]}, "the first is the lower one"),
        ({"size": [9000, 9000]}, "pixels at most"),
        ({"separator": "::"}, "separator takes auto or one character"),
    ],
)
def test_wrong_keys_are_answered(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    draw(tmp_path)
    assert message in refused(write(tmp_path / "t.csv", ROWS), **more)


def test_wrong_values_are_refused_by_the_spec() -> None:
    for more in ({"missing_files": 2}, {"header": "maybe"}, {"target": 5.5}, {"images": ["a"]}):
        section = {"source": "image-table", "path": "x", **more}
        if more == {"target": 5.5}:
            assert parse_data(section).arguments["target"] == "5.5"
            continue
        with pytest.raises(SpecError):
            parse_data(section)


@pytest.mark.parametrize("cell", ["", "NA", "a lot", "1,5x", "inf"])
def test_a_target_that_is_no_number_is_named(tmp_path: Path, cell: str) -> None:
    draw(tmp_path)
    path = write(tmp_path / "t.csv", ROWS)
    path.write_text(path.read_text().replace("7.png,3.5", f'7.png,"{cell}"'))
    message = refused(path)
    assert str(path) in message
    assert "row 8" in message or f"'{cell}'" in message


def test_a_decimal_comma_is_read(tmp_path: Path) -> None:
    draw(tmp_path)
    path = write(tmp_path / "t.csv", ROWS, "file;number", ";")
    path.write_text(path.read_text().replace(".0", ",0").replace(".5", ",5"))
    assert halved(opened(path, decimal=",")) == list(range(COUNT))


# Parts, folders and archives -----------------------------------------------------------------------------------------


def test_parts_lie_in_tables_or_in_folders(tmp_path: Path) -> None:
    for part, layout in (("train", "by-name"), ("val", "by-name"), ("test", "by-name")):
        draw(tmp_path / layout / "images")
        write(tmp_path / layout / f"{part}.csv", [f"images/{name}" for name in ROWS])
        draw(tmp_path / "by-folder" / part)
        write(tmp_path / "by-folder" / part / "labels.csv", ROWS)
    for layout in ("by-name", "by-folder"):
        data = load(tmp_path / layout)
        assert len(data.train) == len(data.validation) == COUNT
        test = load_test(parse_data({"source": "image-table", "path": str(tmp_path / layout)}), 0, wanted=NUMBERS)
        np.testing.assert_array_equal(test.inputs[:, 0, 0, 0] / 20, test.targets)


def test_tables_that_are_no_part_are_named(tmp_path: Path) -> None:
    draw(tmp_path)
    for name in ("train", "sample_submission"):
        write(tmp_path / f"{name}.csv", ROWS)
    assert any("sample_submission.csv" in note for note in opened(tmp_path).notes())
    assert len(opened(tmp_path, table="sample_submission").train.labels) == COUNT
    assert "did you mean 'train.csv'" in refused(tmp_path, table="trian.csv")
    (tmp_path / "train.csv").unlink()
    write(tmp_path / "other.csv", ROWS)
    assert "say which with table" in refused(tmp_path)


def test_a_test_table_without_the_target_is_refused_before_a_search(tmp_path: Path) -> None:
    draw(tmp_path)
    write(tmp_path / "train.csv", ROWS)
    (tmp_path / "test.csv").write_text("file\n0.png\n1.png\n")
    with pytest.raises(DataError, match="no column 'number', which is what is learned") as caught:
        load(tmp_path)
    assert caught.value.remedy == {"test": 0.2}
    assert len(load(tmp_path, test=0.2).train) > 0


@pytest.mark.parametrize("wrapped", ["", "data/"])
def test_an_archive_is_read_as_it_is(tmp_path: Path, wrapped: str) -> None:
    draw(tmp_path / "plain" / "images")
    with zipfile.ZipFile(tmp_path / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in ("train", "test"):
            table = write(tmp_path / "t.csv", [f"images/{name}" for name in ROWS])
            archive.write(table, f"{wrapped}{part}/counts.csv")
            for name in ROWS:
                archive.write(tmp_path / "plain" / "images" / name, f"{wrapped}{part}/images/{name}")
    path = tmp_path / "data.zip"
    assert greys(opened(path)) == greys(opened(path, table="counts.csv")) == list(range(COUNT))
    assert greys(opened(path, images="train/images")) == list(range(COUNT))
    assert "has no folder 'pictures'" in refused(path, images="pictures")
    section = parse_data({"source": "image-table", "path": str(path), "cache_above": 1})
    cached = load_training(section, 0, Cache(tmp_path / "cache"), NUMBERS)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert cached.train.column.rows is not None
    np.testing.assert_array_equal(cached.train.inputs[cached.train.column.rows][:, 0, 0, 0] / 20, cached.train.targets)
    assert len(load_test(section, 0, wanted=NUMBERS)) == COUNT


def test_a_damaged_picture_in_an_archive_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.write(write(tmp_path / "t.csv", ROWS), "t.csv")
        for name in ROWS:
            archive.writestr(f"images/{name}", b"no picture at all")
    assert "data.zip/images/0.png is no picture" in refused(tmp_path / "data.zip")


def test_pictures_are_upright_resized_and_of_any_depth(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for k in range(COUNT):
        picture(k, (6, 4)).save(tmp_path / f"{k}.png", **({"exif": exif} if k % 2 else {}))
    path = write(tmp_path / "t.csv", ROWS)
    assert "differ in size" in refused(path)
    assert load(path, size=[5, 7], color="rgb").train.inputs.shape[1:] == (3, 5, 7)
    for k in range(COUNT):
        Image.fromarray(np.full((6, 4), 1000 * k, np.uint16)).save(tmp_path / f"{k}.png")
    data = load(path)
    assert data.facts["levels"] == [0.0, 11000.0]


def test_columns_are_those_that_the_network_learned(tmp_path: Path) -> None:
    draw(tmp_path)
    settings = parse_data({"source": "image-table", "path": str(write(tmp_path / "t.csv", ROWS))})
    data = load_training(settings, 0, wanted=NUMBERS)
    other = tmp_path / "u.csv"
    other.write_text("number,backup,file,remark\n" + "".join(f"{k / 2},{k}.jpg,{k}.png,{-k}\n" for k in range(COUNT)))
    found = load_other(settings.as_found(data.facts), other, data.labels, NUMBERS, data.fields)
    np.testing.assert_array_equal(found.inputs[:, 0, 0, 0] / 20, found.targets)


def test_a_share_of_the_tables_own_test_part_goes_elsewhere(tmp_path: Path) -> None:
    draw(tmp_path)
    path, other = write(tmp_path / "t.csv", ROWS), write(tmp_path / "u.csv", ROWS[:4])
    settings = parse_data({"source": "image-table", "path": str(path), "test": str(other)})
    assert len(load_test(settings, 0, wanted=NUMBERS)) == 4
    assert "the table that is trained on" in refused(path, test=str(path))
