"""Tables that come after a network is there: what it does not know in them is said, and how they are read."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import single

from nas_cli.data import Asked, DataSettings, Encoder, Reader, load_other, load_training, parse_data
from nas_cli.data.formats import pieces
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError

CLASS = Wanted("table rows", "class")
TOWNS = ("Oslo", "Rome", "K\u00f6ln")


def trained(folder: Path, **more: Any) -> tuple[DataSettings, Encoder]:
    rows = [f"{k},{k / 7:.2f},{TOWNS[k % 3]},{'xy'[k % 2]}" for k in range(90)]
    (folder / "train.csv").write_text("\n".join(["id,u,town,y", *rows]) + "\n")
    settings = parse_data({"source": "csv", "path": str(folder / "train.csv"), **more})
    encoder = load_training(settings, 0, wanted=CLASS).encoder
    return settings, encoder


def ask(folder: Path, text: str, **more: Any) -> tuple[list[Asked], list[str]]:
    settings, encoder = trained(folder, **more)
    said: list[str] = []
    (folder / "new.csv").write_text(text)
    return list(Reader(settings, single(encoder), ("x", "y"), said.append).files([folder / "new.csv"])), said


@pytest.mark.parametrize(
    ("towns", "count"),
    [(["OSLO", "Oslo", "Bonn"], 2), (["Ko\u0308ln", "", "NA", " Rome "], 0), (["x" * 5000], 1), (["oslo"] * 50, 50)],
)
@pytest.mark.parametrize("large", [False, True])
def test_categories_that_were_not_learned_are_counted_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, towns: list[str], count: int, large: bool
) -> None:
    if large:
        monkeypatch.setattr(pieces, "AT_ONCE", 1)
        monkeypatch.setattr(pieces, "PIECE", 7)
    text = "u,town,y\n" + "".join(f"{k},{town},x\n" for k, town in enumerate(towns))
    found, said = ask(tmp_path, text)
    assert len(found) == len(towns)
    settings, encoder = trained(tmp_path)
    part = load_other(settings, tmp_path / "new.csv", ("x", "y"), CLASS, single(encoder))
    for notes in (said, part.notes):
        assert len(notes) == (count > 0)
        assert all(f"'town': {count:,} ('{towns[0][:20]}" in note and len(note) < 400 for note in notes)


def test_labelled_tables_elsewhere_are_read_once_with_the_rules_of_the_network(tmp_path: Path) -> None:
    settings, encoder = trained(tmp_path)
    (tmp_path / "train.csv").unlink()
    (tmp_path / "new.csv").write_text("y,zzz,town,u\nx,1,Oslo,3\ny,2,Rome,?\n")
    part = load_other(settings, tmp_path / "new.csv", ("x", "y"), CLASS, single(encoder))
    assert part.targets.tolist() == [0, 1]
    assert part.notes == ()
    for text, words in (
        ("town,u\nOslo,3\n", "has no column 'y'"),
        ("y,town,u\nx,Oslo,3\n,Rome,3\n", "1 row without a value in the target's column 'y'"),
        ("y,town,u\nz,Oslo,3\n", "with the label 'z'"),
        ("y,town\nx,Oslo\n", "has no column 'u'"),
    ):
        (tmp_path / "new.csv").write_text(text)
        with pytest.raises(DataError, match=words):
            load_other(settings, tmp_path / "new.csv", ("x", "y"), CLASS, single(encoder))


@pytest.mark.parametrize("packed", [False, True])
def test_the_line_that_names_the_separator_is_followed(tmp_path: Path, packed: bool) -> None:
    settings, encoder = trained(tmp_path)
    text = b"sep=;\r\nu;town\r\n1;Oslo\r\n2;Rome\r\n"
    file = tmp_path / ("new.csv.gz" if packed else "new.csv")
    file.write_bytes(gzip.compress(text) if packed else text)
    found = list(Reader(settings, single(encoder), ("x", "y")).files([file]))
    assert [one.raw[0, 2] for one in found] == ["Oslo", "Rome"]
    (tmp_path / "other.csv").write_bytes(text.partition(b"\n")[2])
    with pytest.raises(DataError, match="a row is one cell where ',' divides them"):
        list(Reader(settings, single(encoder), ("x", "y")).files([tmp_path / "other.csv"]))


def test_a_printed_minus_is_one_in_new_rows(tmp_path: Path) -> None:
    found, _ = ask(tmp_path, "u,town\n\u22121.5,Oslo\n-1.5,Oslo\n")
    _, encoder = trained(tmp_path)
    rows = encoder.encode(np.concatenate([one.raw for one in found]))
    assert np.array_equal(rows[0], rows[1])
