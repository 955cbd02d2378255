"""`nas init PATH`: which source and which task are taken for what lies there, and what is said where none is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from nas_cli.data.sniffing import SNIFFS
from nas_cli.data.source import SOURCES
from nas_cli.data.sources.columns import are_numbers
from nas_cli.describe.starter import Survey, survey
from nas_cli.errors import DataError, UserError
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document
from nas_cli.task import RECIPES, TASKS, open_task

RNG = np.random.default_rng(0)
TAGGED = "Ann B-PER\nsaw O\nRome B-LOC\n\n" * 20


def table(path: Path, header: Sequence[str], row: Callable[[int], Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *map(row, range(60))])


def picture(path: Path, levels: int = 256) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, levels, (18, 24), np.uint8)).save(path)


def pictures(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        for k in range(12):
            picture(folder / name / f"{k}.png", levels=2 if name == "masks" else 256)


def classes_of_rows(top: Path) -> Path:
    table(top / "a.csv", ["size", "label"], lambda k: (k % 7, "xy"[k % 2]))
    return top / "a.csv"


def prices(top: Path) -> Path:
    table(top / "a.csv", ["size", "price"], lambda k: (k % 7, 1.37 * k))
    return top / "a.csv"


def grades(top: Path) -> Path:
    table(top / "a.tsv", ["size", "quality"], lambda k: (k % 7, 3 + k % 6))
    return top / "a.tsv"


def reviews(top: Path) -> Path:
    table(top / "a.csv", ["review", "stars"], lambda k: (f"this film has {k % 5} good and bad moments", 1 + k % 2))
    return top / "a.csv"


def lines(top: Path) -> Path:
    for name in ("pos", "neg"):
        (top / f"{name}.txt").write_text(f"a {name} film\n" * 30)
    return top


def documents(top: Path) -> Path:
    for k in range(40):
        file = top / ("good", "bad")[k % 2] / f"{k}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"document {k}\nof two lines\n")
    return top


def sentences(top: Path) -> Path:
    (top / "a.txt").write_text(TAGGED)
    return top / "a.txt"


def divided_sentences(top: Path) -> Path:
    for name in ("train", "dev", "test"):
        (top / f"{name}.conll").write_text(TAGGED)
    return top


def class_folders(top: Path) -> Path:
    pictures(top, ["cat", "dog"])
    (top / "labels.csv").write_text("file,label\n" + "".join(f"cat/{k}.png,cat\n" for k in range(12)))
    return top


def masks(top: Path) -> Path:
    pictures(top, ["images", "masks"])
    return top


def objects(top: Path) -> Path:
    """A mask an object, as in the Data Science Bowl."""
    for k in range(12):
        picture(top / f"sample{k}" / "images" / f"{k}.png")
        for part in range(2):
            picture(top / f"sample{k}" / "masks" / f"{k}_{part}.png", 2)
    return top


def log(top: Path) -> Path:
    """Of another machine, as those of driving simulators are."""
    pictures(top, ["IMG"])
    rows = "".join(f"C:\\data\\IMG\\{k}.png,{0.013 * k:.3f}\n" for k in range(12))
    (top / "log.csv").write_text(f"center,steering\n{rows}")
    return top


def kinds(top: Path) -> Path:
    pictures(top, ["all"])
    (top / "kinds.csv").write_text("file,kind\n" + "".join(f"all/{k}.png,{'ab'[k % 2]}\n" for k in range(12)))
    return top / "kinds.csv"


def arrays(top: Path) -> Path:
    np.savez(top / "a.npz", x=RNG.integers(0, 256, (30, 9, 9), np.uint8), y=np.arange(30) % 2)
    return top


def spec_of(found: Survey) -> dict[str, Any]:
    assert compose(parse_document(found.text, "spec.yaml")).notes == ()
    content: dict[str, Any] = yaml.safe_load(found.text)
    return content


@pytest.mark.parametrize(
    ("make", "task", "source", "others"),
    [
        (classes_of_rows, "table-classification", "csv", "table-regression"),
        (prices, "table-regression", "csv", "table-classification"),
        (grades, "table-classification", "csv", "table-regression"),
        (reviews, "text-classification", "text", "table-classification"),
        (lines, "text-classification", "text", ""),
        (documents, "text-classification", "text", ""),
        (sentences, "sequence-labelling", "conll", ""),
        (divided_sentences, "sequence-labelling", "conll", ""),
        (class_folders, "image-classification", "image-folder", "image-regression"),
        (masks, "segmentation", "image-masks", "image-classification"),
        (objects, "segmentation", "image-masks", "image-classification"),
        (log, "image-regression", "image-table", "image-classification"),
        (kinds, "image-classification", "image-table", "image-regression"),
        (arrays, "image-classification", "npz", ""),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_taken_for_what(
    tmp_path: Path, make: Callable[[Path], Path], task: str, source: str, others: str
) -> None:
    found = survey(None, make(tmp_path))
    content = spec_of(found)
    assert (content["task"], content["data"]["source"]) == (task, source)
    said = [note for note in found.notes if note.startswith("the task is guessed")]
    assert bool(said) == bool(others)
    if others:
        assert others in said[0].split("others that may read this data")[1]
    again = survey(task, tmp_path if make in (lines, documents) else make(tmp_path))
    assert yaml.safe_load(again.text) == content


@pytest.mark.parametrize("task", list(TASKS))
def test_every_task_of_ours_has_a_source_and_a_recipe(task: str) -> None:
    if TASKS.origin(task) is None:
        wanted = open_task(task).wanted
        assert wanted in RECIPES
        assert SNIFFS.fitting(wanted)


def test_every_source_of_ours_has_a_sniff() -> None:
    assert [name for name in SOURCES if SOURCES.origin(name) is None and name not in SNIFFS] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"\0\0\0", "is no text but a binary file"),
        ("a.csv", b"", "is empty"),
        ("a.npz", b"PK\3\4 cut", "is no .npz file, or is cut short"),
        ("a.txt", b"some words\nand others\n", "is no data that can be read; expected is one of: .*; an .npz file"),
        ("a.zip", b"PK\3\4 cut", "a.zip"),
    ],
)
def test_what_is_no_data(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        survey(None, tmp_path / name)


def test_folders_that_are_none(tmp_path: Path) -> None:
    for k in range(4):
        picture(tmp_path / f"{k}.png")
    with pytest.raises(DataError, match="has no folders: images lie in a folder for each class"):
        survey(None, tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("words")
    (tmp_path / "notes" / "b.yaml").write_text("a: 1")
    with pytest.raises(DataError, match="has no folders"):
        survey(None, tmp_path / "notes")


def test_photographs_in_a_folder_called_mask_are_no_masks(tmp_path: Path) -> None:
    for name in ("mask", "face"):
        for k in range(12):
            pixels = RNG.integers(0, 256, (18, 24, 3), np.uint8)
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.jpg")
    assert "task: image-classification" in survey(None, tmp_path).text


def test_a_task_that_cannot_read_the_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="init needs the data too: nas init segmentation PATH"):
        survey("segmentation", None)
    with pytest.raises(DataError, match="no folder of masks by its name"):
        survey("segmentation", class_folders(tmp_path))


@pytest.mark.parametrize(
    ("cells", "answer"),
    [
        (["0.5", "1.25", "3"], True),
        (["0,5", "1,25", "3"], True),
        ([str(k) for k in range(40)], True),
        (["0", "1"] * 20, False),
        (["0.0", "1.0"] * 20, False),
        (["0.5", "1.5"] * 20, False),
        (["3", "4", "5", "6"] * 9, False),
        (["1", "2", "x"], False),
        (["", "?", "1.5", "2.5", "4.5"], True),
        (["", "NA"], False),
        ([], False),
    ],
)
def test_numbers_to_be_learned(cells: list[str], answer: bool) -> None:
    assert are_numbers(cells) == answer
