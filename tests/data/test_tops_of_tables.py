"""What stands above the rows of a table, what divides its cells, and large ones that are read in pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import single

from nas_cli.data import Asked, Reader, TrainingData, load_test, load_training, parse_data
from nas_cli.data.formats import pieces
from nas_cli.data.formats.csv_file import find_separator
from nas_cli.data.wanted import Wanted
from nas_cli.describe.starter import survey

CLASS = Wanted("table rows", "class")
ROWS = [(f"{k / 7:.2f}", str(k % 5), "ab"[k % 3 == 0]) for k in range(60)]


def table(mark: str = ",", names: str = "u,v,label") -> str:
    return "\n".join(mark.join(row) for row in [tuple(names.split(",")), *ROWS]) + "\n"


def load(path: Path, text: str, **settings: Any) -> TrainingData:
    path.write_bytes(text.encode())
    return load_training(parse_data({"source": "csv", "path": str(path), **settings}), 0, wanted=CLASS)


def names(data: TrainingData) -> list[str]:
    return [column["name"] for column in data.encoder.state()["numbers"]]


@pytest.mark.parametrize("mark", ["^", "~", "|", ";", "\t", ":", " ", "\x01"])
def test_separators(tmp_path: Path, mark: str) -> None:
    assert names(load(tmp_path / "a.csv", table(mark))) == ["u", "v"]


def test_commas_in_numbers_that_spaces_divide(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{k % 7},5 {k % 5},25 {'ab'[k % 2]}\n" for k in range(60)))
    assert find_separator(tmp_path / "a.csv", "utf-8") == " "
    (tmp_path / "b.csv").write_text("n,what\n" + "".join(f"{k},{k % 5} apples\n" for k in range(60)))
    assert find_separator(tmp_path / "b.csv", "utf-8") == ","
    (tmp_path / "c.csv").write_text("".join(f"{k},{k % 5} red apples,{k % 3}\n" for k in range(60)))
    assert find_separator(tmp_path / "c.csv", "utf-8") == ","


@pytest.mark.parametrize(
    ("first", "mark"),
    [("sep=;\n", ";"), ("SEP=,\r\n", ","), ('"sep=\t"\n', "\t"), ("sep=|\n\n", "|"), ("sep=^\n", "^")],
)
def test_the_line_that_names_the_separator_for_excel(tmp_path: Path, first: str, mark: str) -> None:
    data = load(tmp_path / "a.csv", first + table(mark))
    assert names(data) == ["u", "v"]
    assert find_separator(tmp_path / "a.csv", "utf-8") == mark
    assert "target: label" in survey("table-classification", tmp_path / "a.csv").text
    data = load(tmp_path / "b.csv", first + table(mark).split("\n", 1)[1], header=False)
    assert (names(data), len(data.train)) == (["1", "2"], 38)


@pytest.mark.parametrize(
    "above", ["# made in 2024, by me, twice\n", "# a\n\n#b, c, d\n# e, f\n", "\n# one, two, three\n"]
)
def test_comments_as_wide_as_the_table_are_passed_over(tmp_path: Path, above: str) -> None:
    data = load(tmp_path / "a.csv", above + table())
    assert names(data) == ["u", "v"]
    assert any("begin with # and are no rows are passed over" in note for note in data.notes)
    assert len(data.train) + len(data.validation) == 48


@pytest.mark.parametrize("above", ["", "# made by me\n", "# a, b\n\n"])
def test_a_header_may_begin_with_the_mark_of_comments(tmp_path: Path, above: str) -> None:
    assert names(load(tmp_path / "a.csv", above + table(names="#u,v,label"))) == ["#u", "v"]


def test_rows_that_begin_so_are_none_of_comments(tmp_path: Path) -> None:
    text = "".join(f"#{'xy'[k % 2]},{k % 5},{'ab'[k % 3 == 0]}\n" for k in range(60))
    (tmp_path / "a.csv").write_text(text)
    settings = parse_data({"source": "csv", "path": str(tmp_path / "a.csv"), "header": False})
    data = load_training(settings, 0, wanted=CLASS)
    test = load_test(settings, 0, wanted=CLASS, fields=data.fields)
    assert len(data.train) + len(data.validation) + len(test) == 60
    assert len(load(tmp_path / "b.csv", "#tag,n,label\n" + text).train) == 38


def test_a_test_part_with_comments_above_is_one(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("# held out, in 2024, by me\n" + table())
    load(tmp_path / "train.csv", table())
    settings = parse_data({"source": "csv", "path": str(tmp_path)})
    data = load_training(settings, 0, wanted=CLASS)
    assert len(load_test(settings, 0, wanted=CLASS, fields=data.fields)) == 60


# In pieces ------------------------------------------------------------------------------------------------------------


def read(folder: Path, text: bytes, encoding: str = "utf-8") -> list[Asked]:
    (folder / "train.csv").write_text(table())
    data = parse_data({"source": "csv", "path": str(folder / "train.csv"), "encoding": encoding})
    dataset = data.open()
    assert dataset.fit is not None
    reader = Reader(data, single(dataset.fit(dataset.train.read(np.arange(60)))))
    (folder / "new.csv").write_bytes(text)
    return list(reader.files([folder / "new.csv"]))


NEW = ["u,v,note"] + [f"{k},{k % 5},n{k}" for k in range(95)]


@pytest.mark.parametrize(
    "changes",
    [
        {7: '7,2,"of 5" wide'},
        {7: '7,2,5" wide', 50: '50,0,"said'},
        {7: '7,2,"two\nlines, and "" more"', 8: '8,3,"a\n\nb"'},
        {0: "0,0,# no comment", 30: "# a comment", 31: "", 60: '# "another'},
    ],
)
@pytest.mark.parametrize("above", ["", "# made by me\n", "# a, b, c\n", "sep=,\n"])
def test_a_large_table_has_the_same_rows_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[int, str], above: str
) -> None:
    lines = list(NEW)
    for place, line in changes.items():
        lines[place + 1] = line
    text = (above + "\n".join(lines) + "\n").encode()
    whole = read(tmp_path, text)
    monkeypatch.setattr(pieces, "AT_ONCE", 10)
    monkeypatch.setattr(pieces, "PIECE", 10)
    found = read(tmp_path, text)
    assert [one.where["row"] for one in found] == list(range(1, len(whole) + 1))
    assert [one.raw.tolist() for one in found] == [one.raw.tolist() for one in whole]
    assert len(found) == 95 - sum(line == "" or line.startswith("# ") for line in changes.values())


def test_pieces_keep_letters_that_the_encoding_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 10)
    assert len(read(tmp_path, "\n".join(NEW).replace("n5", "\u0416").encode("utf-16"), "latin-1")) == 95
