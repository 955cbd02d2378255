"""`nas init` for tables and texts: what it sees in a file, it says in the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nas_cli.data.formats.csv_top import looks_like_a_row
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError, UserError
from nas_cli.run.compose import compose
from nas_cli.run.search import open_session
from nas_cli.spec.load import parse_document

ROWS = [(k % 31, ("Oslo", "Rome")[k % 2], f"{k % 7},{k % 9}", "yes" if k % 3 else "no") for k in range(90)]


def section(task: str, path: Path, content: str | bytes) -> dict[str, Any]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = survey(task, path)
    assert compose(parse_document(found.text, "spec.yaml"))
    data = yaml.safe_load(found.text)["data"]
    return {key: value for key, value in data.items() if key not in ("source", "path")}


def test_a_table_with_decimal_commas(tmp_path: Path) -> None:
    rows = "".join(";".join(map(str, row)) + "\n" for row in ROWS)
    found = section("table-classification", tmp_path / "a.csv", f"age;town;size;member\n{rows}")
    assert found == {"target": "member", "decimal": ","}


def test_thousands_are_asked_about(tmp_path: Path) -> None:
    rows = "".join(f'"1,{100 + k}",{row[3]}\n' for k, row in enumerate(ROWS))
    with pytest.raises(DataError, match="column 'pay' has numbers with commas"):
        section("table-classification", tmp_path / "a.csv", f"pay,member\n{rows}")


def test_a_table_with_a_byte_order_mark_or_in_latin_1(tmp_path: Path) -> None:
    rows = "".join(f"{row[3]},{row[0]},café\n" for row in ROWS)
    marked = section("table-classification", tmp_path / "a.csv", "\ufeff" + f"label,age,place\n{rows}")
    assert marked == {"target": "label"}
    latin = section("table-classification", tmp_path / "b.csv", f"label,âge,place\n{rows}".encode("latin-1"))
    assert latin == {"target": "label", "encoding": "latin-1"}


def test_a_table_without_a_header(tmp_path: Path) -> None:
    rows = "".join(f"{row[0]},{row[1]},{row[3]}\n" for row in ROWS)
    assert section("table-classification", tmp_path / "a.csv", rows) == {"header": False, "target": "3"}


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([["1", "a"], ["2", "b"]], True),
        ([["x", "y"], ["2", "b"]], False),
        ([["name", "2019", "2020"], ["a", "5", "6"]], False),
        ([["0", "1", "2"], ["5", "6", "7"]], False),
        ([["3.5", "y"], ["a", "b"]], False),
        ([["3.5", "a"]], False),
    ],
)
def test_a_first_row_that_is_none_of_names(rows: list[list[str]], answer: bool) -> None:
    assert looks_like_a_row(rows) == answer


def test_the_columns_of_texts_are_guessed(tmp_path: Path) -> None:
    rows = "".join(f'{k};"it\'s {"good" if k % 2 else "bad"}; truly, the {k % 5}th";{k % 2}\n' for k in range(60))
    found = section("text-classification", tmp_path / "a.csv", f"number;remark;stars\n{rows}")
    assert found == {"text_column": "remark", "label_column": "stars"}
    usual = section("text-classification", tmp_path / "b.csv", f"number;text;label\n{rows}")
    assert usual == {}
    with pytest.raises(DataError, match="columns age, town: say which is the text: text_column"):
        section("text-classification", tmp_path / "c.csv", "age,town\n" + "5,Rome\n6,Oslo\n" * 20)


def test_what_it_found_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,town,label\n" + "".join(f"{r[0]},{r[1]},{r[3]}\n" for r in ROWS))
    assert survey("table-classification", tmp_path / "a.csv").notes[:3] == (
        "target: label",
        "numeric columns: age",
        "categorical columns and how many categories are known: town (2)",
    )


# An objective without a value ----------------------------------------------------------------------------------------

SPEC = """
task: {task}
data: {{source: csv, path: {path}}}
space: tabular
objective: {{{objective}}}
"""


def opened(path: Path, text: str, objective: str, task: str = "table-classification") -> None:
    path.write_text(text)
    with open_session(compose(parse_document(SPEC.format(task=task, path=path, objective=objective), "spec.yaml"))):
        pass


def test_an_objective_that_the_validation_part_cannot_measure_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{k % 7},{'a' if k % 2 else 'b'}\n" for k in range(60))
    good = f"x,label\n{rows}"
    opened(tmp_path / "good.csv", good, "maximize: roc_auc")
    # Of a class with two examples one is held out to test with, one stays, and none is left to validate with.
    rare = good + "3,c\n4,c\n"
    with pytest.raises(UserError, match=r"roc_auc has no value on the validation part: .* the class 'c'"):
        opened(tmp_path / "rare.csv", rare, "maximize: roc_auc")
    opened(tmp_path / "rare.csv", rare, "maximize: accuracy")
    with pytest.raises(UserError, match=r"f1 has no value .* there are 3; macro_f1 is of any number"):
        opened(tmp_path / "rare.csv", rare, "maximize: f1")
    with pytest.raises(UserError, match=r"top5_accuracy has no value .* there are 2 classes"):
        opened(tmp_path / "good.csv", good, "reward: top5_accuracy + accuracy")


def test_numbers_that_do_not_vary_have_no_r2(tmp_path: Path) -> None:
    (tmp_path / "validation.csv").write_text("x,y\n" + "5,1.5\n" * 9)
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{k % 7},{k}.5\n" for k in range(60)))
    with pytest.raises(UserError, match="r2 has no value on the validation part: all of its targets are the same"):
        opened_folder(tmp_path, "maximize: r2")
    opened_folder(tmp_path, "minimize: rmse")


def opened_folder(path: Path, objective: str) -> None:
    spec = SPEC.format(task="table-regression", path=path, objective=objective)
    with open_session(compose(parse_document(spec, "spec.yaml"))):
        pass
