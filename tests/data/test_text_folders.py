"""Folders, archives and tables of texts as people have them: what is read, passed over and said."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nas_cli.data import Wanted, load_test, load_training, parse_data
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError

WANTED = Wanted("texts", "class")


def settings(path: Path, **more: Any) -> Any:
    return parse_data({"source": "text", "path": str(path), **more})


def load(path: Path, **more: Any) -> Any:
    return load_training(settings(path, **more), 0, wanted=WANTED)


def fill(top: Path, classes: tuple[str, ...] = ("pos", "neg"), count: int = 10, deeper: str = "") -> Path:
    for name in classes:
        (top / name / deeper).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            (top / name / deeper / f"{k}.txt").write_text(f"a {name} film number {k}\n")
    return top


def count(data: Any) -> int:
    return len(data.train) + len(data.validation)


def test_folders_within_class_folders_belong_to_the_class(tmp_path: Path) -> None:
    fill(fill(tmp_path, deeper="2020"), deeper="2021/may")
    data = load(tmp_path)
    assert (data.labels, count(data)) == (("neg", "pos"), 32)


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    top = fill(tmp_path / "docs")
    for name in ("pos/Thumbs.db", "neg/desktop.ini", ".hidden", "labels.csv", "README.md", "pos/empty.txt"):
        (top / name).write_bytes(b"\xd0\xcf" if name.endswith("db") else b"" if "empty" in name else b"words of it")
    (top / "pos" / "scan.pdf").write_bytes(b"%PDF-1.4\0\0\xff\xfe")
    (top / "pos" / "gone.txt").symlink_to("nowhere")
    (top / "pos" / "up").symlink_to("..")
    data = load(top)
    said = " ".join(data.notes)
    assert count(data) == 16
    for words in (
        "hidden or of a file manager: 3",
        "broken links: 1 (pos/gone.txt)",
        "links to folders of the same data: 1 (pos/up)",
        "beside the folders of classes: 2 (docs/README.md, docs/labels.csv)",
        "no texts: 1 (docs/pos/scan.pdf)",
        "empty: 1 (docs/pos/empty.txt)",
    ):
        assert words in said


def test_a_stray_zero_is_in_a_text_and_a_document_is_none(tmp_path: Path) -> None:
    for name in ("pos", "neg"):
        (tmp_path / f"{name}.txt").write_text(f"a {name} film\n" * 9 + "with a \0 in it\n")
    assert count(load(tmp_path)) == 16
    (tmp_path / "slides.pptx").write_bytes(b"PK\3\4" + bytes(90))
    with pytest.raises(DataError, match=r"slides\.pptx is no text, and is a class by its name"):
        load(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_a_text(tmp_path: Path, encoding: str) -> None:
    fill(tmp_path)
    (tmp_path / "pos" / "wide.txt").write_text("très bon", encoding=encoding)
    assert count(load(tmp_path, test=0.05)) == 21 - 2


@pytest.mark.parametrize("empty", ["neutral.txt", "neutral/", "neutral/0.txt", "neutral/blank.txt"])
def test_a_class_without_texts_is_refused(tmp_path: Path, empty: str) -> None:
    if "/" in empty:
        fill(tmp_path)
        (tmp_path / "neutral").mkdir()
    else:
        for name in ("pos", "neg"):
            (tmp_path / f"{name}.txt").write_text("a film\n" * 9)
    if not empty.endswith("/"):
        (tmp_path / empty).write_text(" \n\n" if "blank" in empty else "")
    with pytest.raises(DataError, match=r"the class 'neutral' in .* has no texts"):
        load(tmp_path)


def test_class_names_in_two_unicode_forms_and_in_none(tmp_path: Path) -> None:
    fill(tmp_path / "train", ("caf\u00e9", "tea"))
    fill(tmp_path / "Testing", ("cafe\u0301", "tea"))
    given = settings(tmp_path)
    data = load_training(given, 0, wanted=WANTED)
    assert data.labels == ("caf\u00e9", "tea")
    assert len(load_test(given, 0, data.labels, wanted=WANTED, fields=data.fields)) == 20
    (tmp_path / "train" / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(DataError, match="is no UTF-8, and a class is called by it"):
        load(tmp_path)


def test_files_that_are_called_like_parts_are_no_classes(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.txt").write_text("__label__1 a film\n" * 9)
    with pytest.raises(DataError, match="called like parts"):
        load(tmp_path)


# Archives -------------------------------------------------------------------------------------------------------------


def archive(path: Path, members: dict[str, str | bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def texts(prefix: str, names: tuple[str, ...] = ("pos", "neg"), each: int = 8) -> dict[str, str | bytes]:
    return {f"{prefix}{name}/{k}.txt": f"a {name} film {k}" for name in names for k in range(each)}


def test_parts_in_a_zip_and_junk(tmp_path: Path) -> None:
    members = {
        **texts("imdb/train/"),
        **texts("imdb/test/", each=3),
        "__MACOSX/imdb/._x": b"\0\5",
        "imdb/.DS_Store": b"\0",
    }
    given = settings(archive(tmp_path / "a.zip", members))
    data = load_training(given, 0, wanted=WANTED)
    assert (data.labels, count(data)) == (("neg", "pos"), 16)
    assert len(load_test(given, 0, wanted=WANTED, fields=data.fields)) == 6
    assert "hidden or of a file manager: 2" in " ".join(data.notes)


def test_class_folders_with_folders_in_a_zip(tmp_path: Path) -> None:
    data = load(archive(tmp_path / "a.zip", {**texts("pos/", ("2020", "2021")), **texts("neg/", ("2020",), 16)}))
    assert data.labels == ("neg", "pos")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:-30], "cannot be read as a zip file"),
        (lambda raw: raw.replace(b"a pos film 3", b"b pos film 3"), "pos/3.txt in .* is damaged"),
        (lambda raw: b"no zip at all", "cannot be read as a zip file"),
        (lambda raw: b"", "is empty"),
    ],
)
def test_damaged_archives_are_named(tmp_path: Path, damage: Any, words: str) -> None:
    file = archive(tmp_path / "a.zip", texts(""), zipfile.ZIP_STORED)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=words):
        load(file)


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than such data does"):
        load(archive(tmp_path / "a.zip", {**texts(""), "pos/big.txt": b" " * 70_000_000}))
    with pytest.raises(DataError, match="packed in a way that is not read"):
        load(archive(tmp_path / "b.zip", texts(""), zipfile.ZIP_BZIP2))


def test_tables_in_a_zip_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds tables, train\.csv say: unpack it"):
        load(archive(tmp_path / "a.zip", {"train.csv": "text,label\na,b\n", "test.csv": "text,label\na,b\n"}))


# Tables ---------------------------------------------------------------------------------------------------------------

ROWS = "".join(f'"{"great" if k % 2 else "bad"} film, and long {k}",{"pos" if k % 2 else "neg"}\n' for k in range(60))


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (ROWS, {"header": False, "text_column": "1", "label_column": "2"}),
        ("".join(f'{k % 2 + 1},"title {k}","a longer text, number {k}"\n' for k in range(60)),
         {"header": False, "text_column": "3", "label_column": "1"}),
        ("text,label\n" + ROWS, {}),
        ("remark,kind\n" + ROWS, {"text_column": "remark", "label_column": "kind"}),
    ],
)  # fmt: skip
def test_a_missing_header_is_found_and_said(tmp_path: Path, content: str, keys: dict[str, Any]) -> None:
    (tmp_path / "a.csv").write_text(content)
    found = survey("text-classification", tmp_path / "a.csv")
    for key, value in keys.items():
        assert f"  {key}: {str(value).lower() if value is False else value}" in found.text.replace("'", "")
    assert ("o header" in " ".join(found.notes)) is (keys.get("header") is False)
    assert ("\n  header:" in found.text) is (keys.get("header") is False)


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,label\n" + "".join(f"{k},some words,{k % 2}\n" for k in range(40)))
    assert load(tmp_path / "a.csv").notes[0].endswith("text_column is text, and label_column label; not read: id")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("id\ttext\n1\ta film\n", "has the columns id, text: say which is the label"),
        ("text\tlabel\na film\t\nanother\t\n", "has no labels in the column 'label'"),
        ("text\tlabel\na film\t-1\n", "has the label '-1'"),
        ("text\tlabel\n", "has no rows"),
    ],
)
def test_an_unlabelled_test_table_is_told_of_before_the_search(tmp_path: Path, test: str, words: str) -> None:
    for part in ("train", "dev"):
        (tmp_path / f"{part}.tsv").write_text("text\tlabel\n" + "a good film\tpos\na bad film\tneg\n" * 20)
    (tmp_path / "test.tsv").write_text(test)
    with pytest.raises(DataError, match=f"the test part cannot be evaluated: .*{words}"):
        load(tmp_path)
    found = survey("text-classification", tmp_path)
    assert "test: 0.2" in found.text
    assert any("test part" in note and "cannot be evaluated" in note for note in found.notes)


def test_a_single_table_in_a_folder_and_several(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\n" + ROWS)
    assert load(tmp_path).labels == ("neg", "pos")
    (tmp_path / "restaurants.csv").write_text("text,label\n" + ROWS)
    with pytest.raises(DataError, match="has tables and none that is called train"):
        load(tmp_path)


def test_what_lies_beside_the_parts_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "train", ("pos", "neg", "unsup"))
    fill(tmp_path / "dev")
    fill(tmp_path / "extra")
    said = load(tmp_path).notes
    assert any("since they are no part" in note and note.endswith(": extra") for note in said)
    assert any("has no texts of unsup" in note for note in said)
