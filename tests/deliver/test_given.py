"""What the words of `nas predict` mean, and what its answers look like in a file."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nas_cli.deliver.given import Given, divide, looks_like_path, near_name, split_run
from nas_cli.deliver.predictions import form_of, require_free, stream_predictions, write_predictions
from nas_cli.errors import DataError, RunError, UserError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews.csv").write_text("text\n")
    run = tmp_path / "runs" / "case-20261127-120000"
    run.mkdir(parents=True)
    (run / "journal.jsonl").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    "text", ["good", "what a film", "not bad / not good", "a/b testing works", "it's 50.5 %", "I."]
)
def test_texts_are_texts(text: str) -> None:
    assert divide([text], True, False) == Given(texts=(text,))


@pytest.mark.parametrize(
    "word",
    [
        *("./new.txt", "../x", "~/x", "new-reviews.txt", "my reviews.csv", "data/new", "x.png", "review", "reviws.csv"),
        *("case-19990101-000000", "/nowhere/at/all", "a.tsv.gz"),
    ],
)
def test_a_mistyped_path_is_no_text(word: str) -> None:
    assert looks_like_path(word)
    with pytest.raises(DataError, match="--text"):
        divide([word], True, False)
    with pytest.raises(DataError, match="there is no file or folder"):
        divide([word], False, False)
    assert divide([word], True, True) == Given(texts=(word,))


def test_the_nearest_name_is_said() -> None:
    with pytest.raises(DataError, match=r"did you mean 'reviews\.csv'"):
        divide(["reviws.csv"], True, False)
    with pytest.raises(RunError, match="did you mean 'runs/case-20261127-120000'"):
        split_run(["runs/case-20261127-120001", "a text"])


def test_files_texts_and_input_are_not_mixed() -> None:
    assert divide(["reviews", "reviews.csv"], True, False).files == (Path("reviews"), Path("reviews.csv"))
    assert divide(["-"], True, False).standard_input
    for mixed in (["reviews", "what a film"], ["-", "reviews.csv"], ["a film", "-"]):
        with pytest.raises(UserError):
            divide(mixed, True, False)
    with pytest.raises(UserError, match="takes texts"):
        divide(["x"], False, True)
    assert divide(["x" * 5000 + " \0"], True, False).texts


def test_the_first_word_may_be_a_run() -> None:
    run = "runs/case-20261127-120000"
    assert split_run([run, "a"]) == (Path(run), ["a"])
    assert split_run(["reviews", "a"]) == (None, ["reviews", "a"])
    assert split_run([]) == (None, [])
    for wrong in ("runs", "runs/", "case-19990101-000000"):
        with pytest.raises(RunError):
            split_run([wrong, "reviews.csv"])


ANSWERS: dict[str, list[dict[str, Any]]] = {
    "class": [
        {
            "input": "f, row 1",
            "file": "f",
            "row": 1,
            "id": "a",
            "label": "x\ny",
            "probability": 0.5,
            "top": [],
            "text": "x",
        },
        {
            "input": "f, row 2",
            "file": "f",
            "row": 2,
            "id": "b",
            "label": 'q",',
            "probability": 1.0,
            "top": [],
            "text": "x",
        },
    ],
    "tags": [{"input": "Ann left", "words": ["Ann", "left"], "tags": ["B-PER", "O"], "entities": [], "text": ""}],
}


def test_what_no_path_can_hold_is_near_no_name() -> None:
    assert looks_like_path("a\0b/c")
    assert near_name("a\0b/c") == ""


def test_answers_as_csv_and_json_lines() -> None:
    out = io.StringIO()
    stream_predictions(out, ANSWERS["class"], "csv")
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows == [
        ["file", "row", "id", "label", "probability"],
        ["f", "1", "a", "x\ny", "0.5"],
        ["f", "2", "b", 'q",', "1.0"],
    ]
    out = io.StringIO()
    stream_predictions(out, ANSWERS["tags"], "csv")
    assert out.getvalue() == "input,place,word,tag\nAnn left,1,Ann,B-PER\nAnn left,2,left,O\n"
    out = io.StringIO()
    stream_predictions(out, ANSWERS["class"], "jsonl")
    assert [json.loads(line)["label"] for line in out.getvalue().splitlines()] == ["x\ny", 'q",']


def test_a_file_of_answers_appears_whole_and_replaces_nothing(here: Path) -> None:
    def failing() -> Any:
        yield ANSWERS["class"][0]
        raise DataError("the second cannot be read")

    with pytest.raises(DataError):
        write_predictions(here / "out.csv", failing(), "csv")
    assert not [item for item in here.iterdir() if "out" in item.name]
    assert write_predictions(here / "out.csv", ANSWERS["class"], "csv") == 2
    for wrong in ("out.csv", "reviews", "nowhere/out.csv"):
        with pytest.raises(UserError):
            require_free(Path(wrong), False)
    require_free(Path("out.csv"), True)
    with pytest.raises(UserError, match="is no file: without --out"):
        require_free(Path("/dev/null"), True)

    def slow() -> Any:
        yield ANSWERS["class"][0]
        (here / "late.csv").write_text("mine")

    with pytest.raises(UserError, match="is there already"):
        write_predictions(here / "late.csv", slow(), "csv")
    assert (here / "late.csv").read_text() == "mine"
    assert write_predictions(here / "late.csv", ANSWERS["class"], "csv", force=True) == 2
    assert form_of(Path("a.JSONL")) == "jsonl"
    with pytest.raises(UserError, match="--format"):
        form_of(Path("a.txt"))


def test_answers_that_say_where_they_belong_in_another_way_are_not_lost() -> None:
    first = {"input": "a.png", "file": "a.png", "label": "x", "probability": 1.0, "top": [], "text": "x"}
    later = {**first, "input": "b.npz[3]", "file": "b.npz", "row": 3}
    out = io.StringIO()
    with pytest.raises(UserError, match=r"for b\.npz\[3\] have a row, and those before have none"):
        stream_predictions(out, [first, later], "csv")
    stream_predictions(out, [later, first], "csv")
    assert out.getvalue().endswith("b.npz,3,x,1.0\na.png,,x,1.0\n")


def test_answers_replace_no_device_and_no_folder(here: Path) -> None:
    os.mkfifo(here / "pipe.csv")
    for wrong in ("pipe.csv", "/dev/null", "/dev/stdout"):
        for force in (False, True):
            with pytest.raises(UserError):
                require_free(Path(wrong), force)


def test_an_empty_word_is_not_the_folder_that_one_is_in(here: Path) -> None:
    for words in ([""], ["", "reviews.csv"], ["reviews.csv", ""]):
        with pytest.raises(UserError, match="an empty word names no file"):
            split_run(words)
        for takes_texts in (True, False):
            with pytest.raises(UserError, match="an empty word names no file"):
                divide(words, takes_texts, False)
