"""CSV files as people have them: each gives a sound result, or a sentence that says what is wrong and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import Wanted, load_test, load_training, parse_data, portable
from nas_cli.data.formats.csv_file import find_separator, read_table
from nas_cli.data.kinds.row import fit_number
from nas_cli.errors import DataError

ROWS = "".join(f"{k % 37},{('Oslo', 'Rome', 'Bonn')[k % 3]},{'yes' if k % 4 else 'no'}\n" for k in range(80))
GOOD = f"age,town,label\n{ROWS}"
CLASS, NUMBER = Wanted("table rows", "class"), Wanted("table rows", "number")


def load(path: Path, content: str | bytes, wanted: Wanted = CLASS, **settings: Any) -> Any:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_training(parse_data({"source": "csv", "path": str(path), **settings}), 0, wanted=wanted)


def numeric(data: Any) -> list[str]:
    return [column["name"] for column in data.encoder.state()["numbers"]]


def categorical(data: Any) -> list[str]:
    return [column["name"] for column in data.encoder.state()["categories"]]


MANY = [
    ("bom.csv", b"\xef\xbb\xbf" + GOOD.encode()),
    ("utf16.csv", GOOD.encode("utf-16")),
    ("windows.csv", GOOD.replace("\n", "\r\n").encode()),
    ("old-mac.csv", GOOD.replace("\n", "\r").encode()),
    ("semicolons.csv", GOOD.replace(",", ";").encode()),
    ("packed.csv.gz", gzip.compress(GOOD.encode())),
    ("packed-unsaid.csv", gzip.compress(GOOD.encode())),
    ("blank-lines.csv", GOOD.replace("\n", "\n\n").encode()),
    ("spaces.csv", GOOD.replace(",", " ,  ").encode()),
    ("trailing.csv", GOOD.replace("\n", ",\n").encode()),
    ("no-last-end.csv", GOOD.strip().encode()),
]


# Named by the file alone: gzip writes the time into its content, and pytest's processes must agree on the names.
@pytest.mark.parametrize(("name", "content"), MANY, ids=[name for name, _ in MANY])
def test_one_table_in_many_files(tmp_path: Path, name: str, content: bytes) -> None:
    plain, other = load(tmp_path / "plain.csv", GOOD), load(tmp_path / name, content, target="label")
    assert np.array_equal(plain.train.inputs, other.train.inputs)
    assert other.labels == ("no", "yes")


def test_quotes_hold_separators_line_breaks_and_quotes(tmp_path: Path) -> None:
    rows = "".join(f'{k},"one, {k % 2}\nsays ""two""",{"a" if k % 4 else "b"}\n' for k in range(80))
    data = load(tmp_path / "a.csv", f"x,note,label\n{rows}", numeric=["x"])
    words = data.encoder.state()["categories"][0]["words"]
    assert sorted(words) == ['one, 0\nsays "two"', 'one, 1\nsays "two"']


def test_a_quotation_mark_that_is_not_closed_is_named_where_it_opens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv:3: 2 cells, and the header has 3; .* until line 83: perhaps one is"):
        load(tmp_path / "a.csv", "age,town,label\n1,Rome,no\n" + '5,"Rome\n' + ROWS)


def test_an_index_that_was_written_out_is_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{k},{line}\n" for k, line in enumerate(ROWS.splitlines()))
    data = load(tmp_path / "a.csv", f",age,town,label\n{rows}")
    assert numeric(data) == ["age"]
    assert "left out: column 1 (numbers the rows)" in " ".join(data.encoder.notes)
    assert numeric(load(tmp_path / "a.csv", f",age,town,label\n{rows}", numeric=["column 1"])) == ["column 1", "age"]
    assert numeric(load(tmp_path / "a.csv", f"hour,age,town,label\n{rows}")) == ["hour", "age"]
    late = rows.replace("0,", "7,", 1)
    assert numeric(load(tmp_path / "a.csv", f"id,age,town,label\n{late}")) == ["id", "age"]


def test_decimal_commas_are_asked_about_and_read(tmp_path: Path) -> None:
    rows = "".join(f"{k % 9},{k % 7}5;{'Rome' if k % 2 else 'Oslo'};{k},5\n" for k in range(60))
    text = f"size;town;price\n{rows}"
    with pytest.raises(
        DataError, match=r"a\.csv: column 'size' has numbers with commas, such as '.*': say decimal: ','"
    ):
        load(tmp_path / "a.csv", text, target="town")
    with pytest.raises(DataError, match="target '0,5', which is no number; say decimal: ','"):
        load(tmp_path / "a.csv", text, NUMBER, ignore=["size"])
    data = load(tmp_path / "a.csv", text, NUMBER, decimal=",")
    points = load(tmp_path / "b.csv", text.replace(",", "."), NUMBER)
    assert np.array_equal(data.train.inputs, points.train.inputs)
    assert np.array_equal(data.train.targets, points.train.targets)
    (tmp_path / "new.csv").write_text("town;size\nRome;2,25\n")
    ((_, raw),) = data.encoder.read([str(tmp_path / "new.csv")])
    assert raw.tolist() == [["2,25", "Rome", ""]]
    assert np.array_equal(data.encoder.encode(raw), points.encoder.encode(np.array([["2.25", "Rome", ""]], object)))


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [("1.5", ".", 1.5), ("-3", ",", -3), ("1,5", ",", 1.5), ("1.234,5", ",", 1234.5), ("12.345.678", ",", 12345678)],
)
def test_numbers_as_they_are_written(text: str, decimal: str, value: float) -> None:
    assert portable.as_number(text, decimal) == value


@pytest.mark.parametrize(("text", "decimal"), [("1,5", "."), ("1.5", ","), ("1.23,4", ","), ("1,2,3", ","), ("x", ",")])
def test_what_is_no_number(text: str, decimal: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        portable.as_number(text, decimal)


def test_thousands_are_not_guessed_at(tmp_path: Path) -> None:
    rows = "".join(f'"1,{100 + k}",{"a" if k % 2 else "b"}\n' for k in range(60))
    with pytest.raises(DataError, match="column 'pay' has numbers with commas, such as '1,1"):
        load(tmp_path / "a.csv", f"pay,label\n{rows}")


def test_booleans_dates_and_whole_numbers_as_classes(tmp_path: Path) -> None:
    rows = "".join(f"{k % 2 == 0},2024-{1 + k // 28:02}-{1 + k % 28:02},{k % 13},{k % 2}\n" for k in range(90))
    data = load(tmp_path / "a.csv", f"active,day,size,label\n{rows}")
    assert data.labels == ("0", "1")
    assert numeric(data) == ["size"]
    assert categorical(data) == ["active"]
    assert "left out: day (58 different texts in 58 rows)" in " ".join(data.encoder.notes)


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("a,b,a\n1,2,3\n", {}, "two columns are called 'a': give one of them another name"),
        ("a,b\n", {}, "has no rows below its header"),
        ("", {}, r"a\.csv is empty"),
        ("\n\n", {}, "has no rows"),
        ("label\n" + "x\ny\n" * 20, {}, "has one column alone, 'label', where ',' divides cells"),
        (GOOD + "5,Rome,\n", {}, "has 1 row without a value in the target's column 'label', the first is row 81"),
        (GOOD, {"target": "lable"}, "has no column 'lable' to learn; did you mean 'label'"),
        (GOOD, {"encoding": "utf-9"}, "encoding is 'utf-9', which is not known"),
        ("x,y\n" + "".join(f"{k % 5},{k}.5\n" for k in range(40)), {}, "take the task table-regression"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        load(tmp_path / "a.csv", text, **settings)


def test_a_class_is_no_number_to_predict(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="target 'no', which is no number; classes are learned by the tasks"):
        load(tmp_path / "a.csv", GOOD, NUMBER)


def test_a_class_and_columns_that_the_test_part_alone_has_or_lacks(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(GOOD)
    settings = parse_data({"source": "csv", "path": str(tmp_path)})
    data = load_training(settings, 0, wanted=CLASS)

    def test() -> Any:
        return load_test(settings, 0, data.labels, wanted=CLASS, fields=data.fields)

    (tmp_path / "test.csv").write_text("label,age,town\nno,5,Rome\n")
    assert test().inputs.tolist() == data.encoder.encode(np.array([["5", "Rome", ""]], object)).tolist()
    (tmp_path / "test.csv").write_text("age,town,label\n5,Rome,maybe\n")
    with pytest.raises(DataError, match="has 1 with the label 'maybe', which the training part does not have"):
        test()
    (tmp_path / "test.csv").write_text("age,label\n5,no\n")
    with pytest.raises(DataError, match=r"test\.csv has no column 'town'"):
        test()


def test_a_ragged_row_among_the_first_does_not_hide_the_separator(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b;c\n1,5;2;3\n4,5;5\n6,5;7;8\n")
    assert find_separator(tmp_path / "a.csv", "utf-8") == ";"
    with pytest.raises(DataError, match=r"a\.csv:3: 2 cells"):
        read_table(tmp_path / "a.csv", ";", True)


def test_a_value_that_most_rows_have_leaves_room_for_the_others() -> None:
    """Where nine of ten cells are 0, the others still spread over the normal distribution."""
    rng = np.random.default_rng(0)
    values = np.where(rng.random(5000) < 0.9, 0.0, np.round(np.exp(rng.normal(8, 1, 5000))))
    column = fit_number("gain", values, "quantile")
    found = np.interp(values[values > 0], column["knots"], column["values"])
    assert np.interp(0.0, column["knots"], column["values"]) < -1
    assert np.quantile(found, 0.1) < -0.7
    assert np.quantile(found, 0.9) > 1
    assert all(np.diff(column["values"]) > 0)


def test_a_file_to_predict_from_is_named_with_its_fault(tmp_path: Path) -> None:
    data = load(tmp_path / "train.csv", GOOD)
    new = tmp_path / "new.csv"
    for text, words in (
        ("age,town\nold,Rome\n", r"new\.csv: column 'age' is numeric and has the cell 'old'$"),
        ("town\nRome\n", r"new\.csv has no column 'age'"),
        ("age,town\n", r"new\.csv has no rows below its header"),
        ("", r"new\.csv is empty"),
    ):
        new.write_text(text)
        with pytest.raises(DataError, match=words):
            data.encoder.read([str(new)])
    with pytest.raises(DataError, match=r"there is no file .*nowhere\.csv"):
        data.encoder.read([str(tmp_path / "nowhere.csv")])
