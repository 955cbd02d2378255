"""Data that is divided by the names of its files, by columns of tables of pictures and of texts; and what refuses."""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.data import TrainingData, Wanted, load_other, load_test, load_training, parse_data
from nas_cli.data.formats.name_groups import find_groups, groups_by_name
from nas_cli.data.source import SOURCES, Part
from nas_cli.errors import DataError, SpecError

IMAGES = Wanted()
MASKS = Wanted("images", "mask")
NUMBERS = Wanted("images", "number")
TEXTS = Wanted("texts", "class")


def picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def folder(path: Path, name: str = "p{person}_{view}.png") -> Path:
    """Ten persons of six views each, in two classes; the number of the person is the grey of the picture."""
    for person in range(10):
        for view in range(6):
            picture(path / "ab"[view % 2] / name.format(person=person, view=view), 20 * person)
    return path


def load(path: Path, source: str, wanted: Wanted, **keys: Any) -> tuple[TrainingData, Part]:
    settings = parse_data({"source": source, "path": str(path), **keys})
    data = load_training(settings, 0, wanted=wanted)
    return data, load_test(settings, 0, data.labels, wanted=wanted, fields=data.fields)


def persons(path: Path, source: str, wanted: Wanted = IMAGES, **keys: Any) -> list[set[int]]:
    """Those to learn from, to choose by, to test on, by the grey of their pictures."""
    data, test = load(path, source, wanted, **keys)
    return [set((part.inputs[:, 0, 0, 0] // 20).tolist()) for part in (data.train, data.validation, test)]


def require_whole(parts: Sequence[set[int]]) -> None:
    assert [len(part) for part in parts] == [6, 2, 2]
    assert set.union(*parts) == set(range(10))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("p{person}_{view}.png", "{group}_*"),
        ("view{view}-of-{person}.png", "*-of-{group}.png"),
        ("session/{person}/{view}.png", "{group}/*"),
        ("{person}/session/{view}.png", "{group}/*/*"),
        ("x{person}{view}.png", "?{group}?.png"),
    ],
)
def test_no_person_is_in_two_parts(tmp_path: Path, name: str, pattern: str) -> None:
    require_whole(persons(folder(tmp_path, name), "image-folder", group=pattern))


def test_groups_of_pictures_are_counted(tmp_path: Path) -> None:
    data, _ = load(folder(tmp_path), "image-folder", IMAGES, group="{group}_*")
    assert any(
        note.startswith("divided by '{group}_*', each group in one part: 36 examples of 6") for note in data.notes
    )


def test_groups_of_masks_are_those_of_their_images(tmp_path: Path) -> None:
    folder(tmp_path / "images")
    for image in list((tmp_path / "images").rglob("*.png")):
        image.rename(tmp_path / "images" / f"{image.parent.name}{image.name}")
    for image in (tmp_path / "images").glob("*.png"):
        mask = np.arange(16).reshape(4, 4) % 2
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "masks" / image.name)
    require_whole(persons(tmp_path, "image-masks", MASKS, group="?{group}_*"))
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in tmp_path.rglob("*.png"):
            archive.write(file, file.relative_to(tmp_path))
    require_whole(persons(packed, "image-masks", MASKS, group="?{group}_*"))


def pictures_table(path: Path) -> Path:
    folder(path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*.png"))
    rows = [[file, int(file[3]), 1000 - k, k] for k, file in enumerate(files)]
    with (path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "person", "taken", "angle"], *rows])
    return path


@pytest.mark.parametrize("group", ["person", "{group}_*"])
def test_a_table_of_pictures_is_divided_by_a_column_or_by_names(tmp_path: Path, group: str) -> None:
    require_whole(persons(pictures_table(tmp_path), "image-table", NUMBERS, group=group))


def test_a_table_of_pictures_is_divided_by_time(tmp_path: Path) -> None:
    data, test = load(pictures_table(tmp_path), "image-table", NUMBERS, time="taken", target="angle")
    origin = data.facts.get("target_origin", 0)
    assert sorted(test.targets + origin) == list(range(12))
    assert sorted(data.validation.targets + origin) == list(range(12, 22))


def test_rows_of_missing_pictures_are_no_rows_of_groups(tmp_path: Path) -> None:
    path = pictures_table(tmp_path)
    (path / "a" / "p0_0.png").unlink()
    table = (path / "table.csv").read_text().replace(",0,1000,", ",,,")
    (path / "table.csv").write_text(table)
    require_whole(persons(path, "image-table", NUMBERS, group="person", target="angle"))
    data, _ = load(path, "image-table", NUMBERS, time="taken", target="angle")
    assert any(note.endswith("to 999 to test on") for note in data.notes)


def test_lines_of_a_table_of_pictures(tmp_path: Path) -> None:
    path = pictures_table(tmp_path)
    (path / "a" / "p0_0.png").unlink()
    table = (path / "table.csv").read_text().replace(",0,998,", ",0,soon,")
    (path / "table.csv").write_text(table)
    with pytest.raises(DataError, match=r"table\.csv:4: 'soon' in the column 'taken' is not written as"):
        load(path, "image-table", NUMBERS, time="taken", target="angle")


# Texts ----------------------------------------------------------------------------------------------------------------


def texts(path: Path, header: str = "author,date,text,label") -> Path:
    rows = [f"w{k % 10},{k + 1}.1.2024,words {k} of somebody,{'ab'[k % 2]}" for k in range(31)]
    path.write_text("\n".join([header, *rows]))
    return path


def test_texts_are_divided_by_their_author(tmp_path: Path) -> None:
    data, test = load(texts(tmp_path / "t.csv"), "text", TEXTS, group="author")
    assert [len(part) for part in (data.train, data.validation, test)] == [21, 4, 6]
    assert (
        "divided by 'author', each group in one part: 21 examples of 7 groups to learn from, 4 examples of 1 group to "
        "choose by, 6 examples of 2 groups to test on"
    ) in data.notes
    assert not any("author" in note for note in data.notes if "not read" in note)


def test_texts_are_divided_by_time_and_by_both(tmp_path: Path) -> None:
    path = texts(tmp_path / "t.csv")
    data, test = load(path, "text", TEXTS, time="date")
    assert [len(part) for part in (data.train, data.validation, test)] == [20, 5, 6]
    assert any("from 26.1.2024 to 31.1.2024 to test on" in note for note in data.notes)
    data, test = load(path, "text", TEXTS, group="author", time="date")
    assert [len(part) for part in (data.train, data.validation, test)] == [11, 10, 10]


def test_a_test_part_of_texts_is_compared(tmp_path: Path) -> None:
    texts(tmp_path / "train.csv")
    (tmp_path / "test.csv").write_text("author,text,label\nw1,one more,a\nnew,another,b")
    test = load(tmp_path, "text", TEXTS, group="author")[1]
    assert any("1 of 2, with 1 of 2 examples" in note for note in test.notes)
    assert not load(tmp_path, "text", TEXTS, time="date")[1].notes[1:]


def test_texts_of_classes_in_files_have_no_columns(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("one\ntwo\nthree\n")
    with pytest.raises(DataError, match=r"group and time name columns of a table, and .* is none"):
        load(tmp_path, "text", TEXTS, group="author")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"group": "auhtor"}, "no column 'auhtor' to divide by (group); did you mean 'author'?"),
        ({"group": "label"}, "group is 'label', the column of"),
        ({"time": "author"}, "t.csv:2: 'w0' in the column 'author' is no moment"),
    ],
)
def test_wrong_columns_of_texts(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    with pytest.raises(DataError) as error:
        load(texts(tmp_path / "t.csv"), "text", TEXTS, **keys)
    assert said in str(error.value)


# Patterns -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "place", "group"),
    [
        ("{group}_*", ("p1_2_3.png",), "p1"),
        ("*_{group}_*", ("scan_p1_3.png",), "p1"),
        ("{group}.png", ("p.1.png",), "p.1"),
        ("{group}-[1].png", ("a-[1].png",), "a"),
        ("{group}/*", ("x", "p1", "a_b.png"), "p1"),
        ("{group}/*", ("a.png",), None),
        ("{group}_*", ("_a.png",), None),
        ("{group}_*", ("a.png",), None),
        ("é{group}.png", ("e\u03011.png",), "1"),
    ],
)
def test_patterns(pattern: str, place: tuple[str, ...], group: str | None) -> None:
    assert find_groups(pattern, [place]) == [group]


@pytest.mark.parametrize("pattern", ["patient", "{group}{group}", "", "/{group}", "{group}//*", "{Group}_*"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(DataError, match=r"takes a pattern of the names of files, with {group} once"):
        groups_by_name(pattern, [("a.png",)])


def test_files_that_do_not_fit_are_counted_and_named() -> None:
    places = [("a_1.png",), *[(f"{k}.png",) for k in range(5)]]
    with pytest.raises(DataError, match=r"which 5 of 6 files do not fit: 0\.png, 1\.png, 2\.png, …"):
        groups_by_name("{group}_*", places)


def test_a_pattern_without_quotation_marks_is_no_text() -> None:
    with pytest.raises(SpecError, match="group takes a text"):
        parse_data({"source": "image-folder", "path": "x", "group": {"group": None}})


def test_pictures_of_their_own_test_part_are_compared(tmp_path: Path) -> None:
    folder(tmp_path / "train")
    for name in ("p1_9", "new_1", "odd"):
        picture(tmp_path / "test" / "a" / f"{name}.png", 7)
        shutil.copytree(tmp_path / "test" / "a", tmp_path / "test" / "b", dirs_exist_ok=True)
    test = load(tmp_path, "image-folder", IMAGES, group="{group}_*")[1]
    assert any("1 of 3, with 2 of 6 examples" in note for note in test.notes)


def test_every_source_of_tables_takes_the_keys() -> None:
    for name in ("csv", "image-table", "text"):
        assert {"group", "time", "time_format"} <= {param.name for param in SOURCES.params(name)}


# Elsewhere ------------------------------------------------------------------------------------------------------------


def test_labelled_data_elsewhere_needs_no_groups(tmp_path: Path) -> None:
    """Nothing of it is held out."""
    path = pictures_table(tmp_path / "own")
    settings = parse_data({"source": "image-table", "path": str(path), "target": "angle", "group": "person"})
    data = load_training(settings, 0, wanted=NUMBERS)
    picture(tmp_path / "new" / "odd.png", 3)
    (tmp_path / "new" / "table.csv").write_text("file,angle\nodd.png,7\n")
    assert len(load_other(settings, tmp_path / "new", data.labels, NUMBERS, data.fields)) == 1
    settings = parse_data({"source": "image-folder", "path": str(folder(tmp_path / "a")), "group": "{group}_*"})
    data = load_training(settings, 0)
    picture(tmp_path / "b" / "a" / "odd.png", 3)
    assert len(load_other(settings, tmp_path / "b", data.labels, IMAGES, data.fields)) == 1
    settings = parse_data({"source": "text", "path": str(texts(tmp_path / "t.csv")), "group": "author", "time": "date"})
    data = load_training(settings, 0, wanted=TEXTS)
    (tmp_path / "other.csv").write_text("text,label\none more,a\n")
    assert len(load_other(settings, tmp_path / "other.csv", data.labels, TEXTS, data.fields)) == 1
