"""`nas init` mentions the keys by which data is divided, where a column looks like it; taken in, they work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_cli.data.sources.dividing import dividing_lines
from nas_cli.describe.starter import survey
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document


def taken_in(text: str, *keys: str) -> str:
    """The spec with the comments of these keys as keys."""
    for key in keys:
        assert f"  # {key}: " in text
        text = text.replace(f"  # {key}: ", f"  {key}: ")
    return text


def notes_of(text: str) -> str:
    settings = compose(parse_document(text, "spec.yaml")).data
    dataset = settings.open()
    assert dataset.divide is not None
    stay, held = dataset.divide(np.arange(len(dataset.train.labels)), 0.2, np.random.default_rng(0))
    return "".join(dataset.about_division({"train": stay, "test": held}))


def test_of_a_table(tmp_path: Path) -> None:
    rows = [f"p{k % 9},{1 + k % 28}.{1 + k // 28}.2024,{k * k % 17},{'ab'[k % 2]}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["Patient ID,visit,x,y", *rows]))
    text = survey("table-classification", tmp_path / "t.csv").text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "# group: Patient ID # keeps the rows of each in one part" in lines
    assert "# time: visit # holds the newest out, and not a random fifth" in lines
    assert "of 2 groups to test on" in notes_of(taken_in(text, "group"))
    assert "divided by 'Patient ID' and 'visit' (read as dates (day, month, year))" in notes_of(
        taken_in(text, "group", "time")
    )


def test_of_texts(tmp_path: Path) -> None:
    rows = [f"w{k % 9},2024-01-{1 + k % 28:02},words of somebody {k},{'ab'[k % 2]}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["author,date,text,label", *rows]))
    text = survey("text-classification", tmp_path / "t.csv").text
    assert "divided by 'author' and 'date'" in notes_of(taken_in(text, "group", "time"))


def test_of_pictures_in_a_table(tmp_path: Path) -> None:
    lines = ["file,driver,angle"]
    for k in range(20):
        Image.fromarray(np.full((4, 4), k, np.uint8)).save(tmp_path / f"{k}.png")
        lines.append(f"{k}.png,d{k % 5},{k / 7}")
    (tmp_path / "log.csv").write_text("\n".join(lines))
    text = survey("image-regression", tmp_path / "log.csv").text
    assert "divided by 'driver'" in notes_of(taken_in(text, "group"))
    assert "# time:" not in text


@pytest.mark.parametrize(
    ("name", "cells", "line"),
    [
        ("user_id", ["1", "2", "3", "1"], "# group: user_id"),
        ("customerID", ["7590-V", "5575-G", "3668-Q", "7590-V"], "# group: customerID"),
        ("Speakers", ["a", "b", "c", "a"], "# group: Speakers"),
        ("customerID", ["1", "2", "3", "4"], ""),
        ("member", ["yes", "no", "yes", "no"], ""),
        ("username", ["a", "b", "c", "a"], "# group: username"),
        ("abuser", ["a", "b", "c", "a"], ""),
        ("user", ["a", "", "c", "a"], ""),
        ("sold", ["2024-01-31", "2024-01-30", "2024-01-30", "2024-01-29"], "# time: sold"),
        ("date of birth", ["2024-01-31", "2024-01-30", "2024-01-30", "2024-01-29"], ""),
        ("time", ["1", "2", "3", "4"], ""),
        ("date", ["2024-01-31"] * 4, ""),
        ("user: #1", ["a", "b", "c", "a"], ""),
    ],
)
def test_which_columns_look_like_it(name: str, cells: list[str], line: str) -> None:
    found = "".join(dividing_lines([name, "y"], [[cell, "1"] for cell in cells], ["y"]))
    assert found.startswith(line)
    assert bool(found) == bool(line)


def test_names_are_written_so_that_yaml_reads_them() -> None:
    line = dividing_lines(["a: user", "y"], [[cell, "1"] for cell in "abca"], ["y"])[0]
    assert line.startswith("# group: 'a: user' ")


def test_what_is_learned_divides_nothing() -> None:
    assert not dividing_lines(["user", "x"], [[cell, "1"] for cell in "abca"], ["user"])
