"""Real tables: what is guessed is said, what is passed over is counted, and a foreign file is called what it is."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import Wanted, load_training, parse_data, portable
from nas_cli.data.formats.csv_file import find_separator, first_rows, read_table
from nas_cli.data.formats.encodings import decode
from nas_cli.errors import DataError

CLASS = Wanted("table rows", "class")


def load(path: Path, content: str | bytes, **settings: Any) -> Any:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_training(parse_data({"source": "csv", "path": str(path), **settings}), 0, wanted=CLASS)


def rows_of(path: Path, content: str | bytes, separator: str = ",") -> tuple[list[list[str]], list[str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said: list[str] = []
    return read_table(path, separator, True, say=said.append)[1].tolist(), said


# Quotation marks ------------------------------------------------------------------------------------------------------


def inches(mark: str) -> str:
    lines = [f"{k}.5,{mark if k % 30 == 5 else ''}{5 + k % 3} inch,{'ab'[k % 2]}\n" for k in range(120)]
    return "price,size,label\n" + "".join(lines)


def speech(mark: str) -> str:
    lines = []
    for k in range(200):
        text = f"{mark if k % 20 == 3 else ''}film {k}" + (f" he said {mark}no{mark} again" if k % 20 == 10 else "")
        lines.append(f"{text}\t{'pn'[k % 2]}\n")
    return "text\tlabel\n" + "".join(lines)


@pytest.mark.parametrize(("make", "separator"), [(inches, ","), (speech, "\t")])
def test_marks_that_are_never_closed_swallow_no_rows(tmp_path: Path, make: Any, separator: str) -> None:
    clean, _ = rows_of(tmp_path / "clean", make(""), separator)
    found, said = rows_of(tmp_path / "marks", make('"'), separator)
    assert [[cell.replace('"', "") for cell in row] for row in found] == clean
    assert "quotation mark" in said[0]
    assert "line" in said[0]


QUOTES = [
    ("cell-of-two-lines", 'a,b\n"x\ny",1\n"z, w",2\n', [["x\ny", "1"], ["z, w", "2"]], False),
    ("all-quoted", '"a","b"\n"x","1"\n"y","2"\n', [["x", "1"], ["y", "2"]], False),
    ("doubled", 'a,b\n"say ""hi""",1\n', [['say "hi"', "1"]], False),
    ("inch-inside", 'a,b\n5" disk,1\n3" disk,2\n', [['5" disk', "1"], ['3" disk', "2"]], False),
    ("closed-too-early", 'a,b\n"Great" movie,1\nx,2\n', [['"Great" movie', "1"], ["x", "2"]], True),
    ("open-at-the-end", 'a,b\nx,1\n"y,2\n', [["x", "1"], ['"y', "2"]], True),
    ("comments", "# made by hand\na,b\nx,1\n# more, of, it\ny,2\n", [["x", "1"], ["y", "2"]], True),
    ("blank-lines", "\n\na,b\n\nx,1\n\n\ny,2\n\n", [["x", "1"], ["y", "2"]], False),
    ("names-of-rows", "a,b\n1,x,5\n2,y,6\n", [["1", "x", "5"], ["2", "y", "6"]], True),
]


@pytest.mark.parametrize(("name", "text", "wanted", "said"), QUOTES, ids=[name for name, *_ in QUOTES])
def test_each_row_is_read_as_it_was_meant(tmp_path: Path, name: str, text: str, wanted: Any, said: bool) -> None:
    found, notes = rows_of(tmp_path / "a.csv", text)
    assert found == wanted
    assert bool(notes) is said


# Encodings ------------------------------------------------------------------------------------------------------------


def test_a_broken_byte_leaves_a_file_utf_8_and_is_named(tmp_path: Path) -> None:
    rows = "".join(f"{k}.5,{'café' if k % 2 else 'thé'}\n" for k in range(100))
    data = load(tmp_path / "a.csv", f"u,label\n{rows}".encode() + b"1,th\xe9\n1,th\xe9\n")
    assert data.labels == ("café", "thé", "th\ufffd")
    assert any("2 bytes of" in note and "no UTF-8" in note and "lines 102, 103" in note for note in data.notes)


@pytest.mark.parametrize(
    ("raw", "remedy"),
    [
        ("größe,straße\n".encode("latin-1") * 5, {"encoding": "latin-1"}),
        ("price €5, “so”\n".encode("cp1252") * 5, {"encoding": "cp1252"}),
        ("цена,город\n".encode("cp1251") * 50, {}),
        ("価格,都市\n".encode("shift_jis") * 50, {}),
    ],
)
def test_other_encodings_are_told_by_their_bytes(raw: bytes, remedy: dict[str, str]) -> None:
    with pytest.raises(DataError, match="is no utf-8") as caught:
        decode(raw, "utf-8", Path("a.csv"), print)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    "encoding", ["undefined", "idna", "punycode", "u\0tf-8", "rot13", "hex", "utf-9", "unicode_escape"]
)
def test_codecs_that_are_none_of_files(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataError, match="which is not known"):
        load(tmp_path / "a.csv", "a,b\n1,x\n", encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_wide_encodings_are_known_without_being_named(tmp_path: Path, encoding: str) -> None:
    assert rows_of(tmp_path / "a.csv", ("a,b\n" + "é,1\n" * 40).encode(encoding))[0] == [["é", "1"]] * 40


# Files that are no tables ---------------------------------------------------------------------------------------------


def _zip(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x" * 50)


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("create table t (a int)")


FOREIGN = [
    (lambda path: _zip(path, "xl/worksheets/sheet1.xml"), "Excel workbook"),
    (lambda path: _zip(path, "content.xml"), "OpenDocument"),
    (lambda path: _zip(path, "train.csv"), "zip archive with train.csv"),
    (_sqlite, "SQLite database"),
    (lambda path: path.write_bytes(b"PAR1" + bytes(range(256)) + b"PAR1"), "Parquet"),
    (lambda path: path.write_text("<!DOCTYPE html>\n<html><p>Sign in</p></html>"), "HTML page"),
    (lambda path: path.write_bytes(b"%PDF-1.7\n"), "PDF"),
    (lambda path: path.write_text('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n'), "JSON"),
    (lambda path: path.write_text("@relation x\n@attribute a numeric\n"), "ARFF"),
    (lambda path: path.write_bytes(b"\x80\x04\x95abc"), "pickle"),
    (lambda path: path.write_bytes(b"a,b\n1,\x00\x01\x02\n"), "binary"),
    (lambda path: path.write_bytes(gzip.compress(gzip.compress(b"a,b\n1,2\n"))), "gzipped twice"),
]


@pytest.mark.parametrize(("make", "words"), FOREIGN, ids=[words for _, words in FOREIGN])
def test_a_foreign_file_is_called_what_it_is(tmp_path: Path, make: Any, words: str) -> None:
    make(tmp_path / "a.csv")
    with pytest.raises(DataError, match=words):
        load_training(parse_data({"source": "csv", "path": str(tmp_path / "a.csv")}), 0, wanted=CLASS)


def test_what_is_packed_too_well_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unpacks to more than 64 MB"):
        load(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n" + b" " * 70_000_000, 1))
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1500, 224, 224), np.uint8), y=np.arange(1500) % 2)
    with pytest.raises(DataError, match=r"x of .* unpacks to 75 MB"):
        load_training(parse_data({"source": "npz", "path": str(tmp_path / "a.npz")}), 0)


# Separators -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "separator", "first"),
    [
        ("  1.5   2.5  1\n -1.5   3.5  2\n" * 9, " ", ["1.5", "2.5", "1"]),
        ("u:v:kind\n" + "1.5:2.5:a\n" * 9, ":", ["u", "v", "kind"]),
        ("1,5;2,5;3,5\n" * 9, ";", ["1,5", "2,5", "3,5"]),
        ("1,5 2,5 3,5\n" * 9, " ", ["1,5", "2,5", "3,5"]),
        ("a|b\n" + "x, y|1\n" * 9, "|", ["a", "b"]),
        ("text,label\n" + "one two three,a\n" * 9, ",", ["text", "label"]),
        ("time,label\n" + "12:30:05,a\n" * 9, ",", ["time", "label"]),
    ],
)
def test_the_separator_is_found(tmp_path: Path, text: str, separator: str, first: list[str]) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert first_rows(tmp_path / "a.txt", "utf-8")[1][0] == first
    assert find_separator(tmp_path / "a.txt", "utf-8") == separator


@pytest.mark.parametrize("separator", ["", "ab", "\\t", '"', "\n", "\0"])
def test_a_separator_is_one_character(tmp_path: Path, separator: str) -> None:
    with pytest.raises(DataError, match="separator takes auto or one character"):
        load(tmp_path / "a.csv", "a,b\n1,x\n", separator=separator)


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1_00", "infinity", "nan", "NaN", "\u0661\u0662", "0x10", "1e", "--1", "½", "1 000", "²"]
)
def test_what_python_takes_for_a_number_and_people_do_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        portable.as_number(text)
