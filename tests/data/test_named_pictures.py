"""Names that tables have for pictures: those of other machines, in other letters, and of files that are missing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from tabled import COUNT, ROWS, draw, greys, halved, load, opened, refused, write


@pytest.mark.parametrize(
    ("spell", "how"),
    [
        (lambda name: f"C:\\Users\\me\\Desktop\\data\\IMG\\{name}", "end of their path"),
        (lambda name: f"/home/me/data/IMG/{name}", "end of their path"),
        (lambda name: f"data/IMG/{name}", "end of their path"),
        (lambda name: f"IMG\\{name}", ""),
        (lambda name: f"./IMG//{name}", ""),
        (lambda name: f"  IMG/{name}", ""),
        (lambda name: f"https://example.org/IMG/{name}", "end of their path"),
        (lambda name: f"img/{name.upper()}", "other letters"),
        (lambda name: name, "name alone"),
        (lambda name: name.removesuffix(".png"), "name alone"),
        (lambda name: f"IMG/{name.removesuffix('.png')}", "another ending"),
    ],
)
def test_names_of_another_machine_lead_to_files(tmp_path: Path, spell: Callable[[str], str], how: str) -> None:
    names = [f"center_{k}.png" for k in range(COUNT)]
    draw(tmp_path / "IMG", names)
    dataset = opened(write(tmp_path / "log.csv", [spell(name) for name in names]), image="file")
    assert greys(dataset) == halved(dataset) == list(range(COUNT))
    assert bool(how) == any(how in note and "log.csv" in note for note in dataset.notes() if how)


def test_the_longest_end_counts(tmp_path: Path) -> None:
    draw(tmp_path / "a", ROWS)
    draw(tmp_path, list(reversed(ROWS)))
    dataset = opened(write(tmp_path / "log.csv", [f"/elsewhere/a/{name}" for name in ROWS]))
    assert greys(dataset) == list(range(COUNT))


def test_absolute_paths_of_this_machine_are_followed(tmp_path: Path) -> None:
    draw(tmp_path / "far")
    dataset = opened(write(tmp_path / "near" / "t.csv", [str(tmp_path / "far" / name) for name in ROWS]))
    assert greys(dataset) == list(range(COUNT))
    assert not any("end of their path" in note for note in dataset.notes())


@pytest.mark.parametrize("images", ["../pictures", "ABSOLUTE"])
def test_pictures_may_lie_elsewhere(tmp_path: Path, images: str) -> None:
    draw(tmp_path / "pictures")
    path = write(tmp_path / "tables" / "table.csv", ROWS)
    assert "that are not below" in refused(path)
    said = images.replace("ABSOLUTE", str(tmp_path / "pictures"))
    assert greys(opened(path, images=said)) == list(range(COUNT))
    assert "nowhere is no folder" in refused(path, images="nowhere")


def test_letters_in_two_unicode_forms_are_one(tmp_path: Path) -> None:
    names = [unicodedata.normalize("NFD", f"é{k}.png") for k in range(COUNT)]
    draw(tmp_path, names)
    dataset = opened(write(tmp_path / "t.csv", [unicodedata.normalize("NFC", name) for name in names]))
    assert greys(dataset) == list(range(COUNT))


def test_two_files_of_one_name_are_not_guessed_between(tmp_path: Path) -> None:
    draw(tmp_path / "a")
    draw(tmp_path / "b")
    assert "several files there are called 0.png" in refused(write(tmp_path / "t.csv", ROWS))


def test_rows_without_a_file_are_counted_and_named(tmp_path: Path) -> None:
    names = [f"{k}.png" for k in range(20)]
    draw(tmp_path, names)
    (tmp_path / "5.png").unlink()
    (tmp_path / "7.png").unlink()
    path = write(tmp_path / "t.csv", names)
    dataset = opened(path)
    assert halved(dataset) == greys(dataset) == [k for k in range(20) if k not in (5, 7)]
    assert any("2 of 20 ('5.png', '7.png')" in note for note in dataset.notes())
    message = refused(path, missing_files=0.05)
    assert "2 of 20 ('5.png', '7.png')" in message
    assert "missing_files: 0.1" in message
    (tmp_path / "8.png").unlink()
    assert "3 of 20" in refused(path)
    assert len(load(path, missing_files=0.2).train) > 10


def test_a_table_of_nothing_that_is_there_is_refused_however_many_may_be_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ROWS)
    assert "12 of 12" in refused(path, missing_files=1.0)


def test_pictures_that_are_named_twice_are_counted(tmp_path: Path) -> None:
    draw(tmp_path)
    dataset = opened(write(tmp_path / "t.csv", [*ROWS, "3.png", "./4.png"]))
    assert any("picture of an earlier row: 2" in note for note in dataset.notes())
