"""`nas init image-regression`: a spec for a table of pictures and numbers, whatever sizes they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from nas_cli.describe.starter import survey
from nas_cli.errors import UserError
from nas_cli.run.compose import compose
from nas_cli.run.search import open_session
from nas_cli.spec.load import parse_document


def draw(folder: Path, sides: list[tuple[int, int]], header: str = "file,angle") -> Path:
    """Pictures of these (height, width), again and again, and as many numbers as the header names."""
    rows = [header]
    for k in range(30):
        Image.fromarray(np.full(sides[k % len(sides)], 5 * k, np.uint8)).save(folder / f"{k}.png")
        numbers = ",".join(str(round(0.1 * k, 1) + place) for place in range(header.count(",")))
        rows.append(f"{k}.png,{numbers}")
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    return folder / "log.csv"


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ([(24, 32)], None),
        ([(120, 160)], [48, 64]),
        ([(24, 32), (32, 24), (24, 32)], [24, 32]),
        ([(300, 400), (300, 300)], [64, 64]),
    ],
)
def test_the_size_is_one_that_is_learned_from_quickly(
    tmp_path: Path, sides: list[tuple[int, int]], size: list[int] | None
) -> None:
    found = survey("image-regression", draw(tmp_path, sides))
    data = yaml.safe_load(found.text)["data"]
    assert data.get("size") == size
    assert data["source"] == "image-table"
    experiment = compose(parse_document(found.text, "spec.yaml"))
    with open_session(experiment) as session:
        assert session.data.train.targets.shape == (19,)
        assert session.data.train.columns["image"].values.shape[2:] == tuple(size or sides[0])
    said = " ".join(found.notes)
    assert ("images differ in size" in said) == (len(sides) > 1)
    assert ("take long to learn from" in said) == (max(max(pair) for pair in sides) > 64)


def test_what_is_guessed_of_columns_is_said(tmp_path: Path) -> None:
    found = survey("image-regression", draw(tmp_path, [(8, 8)], "file,angle,speed"))
    assert any("what is learned is 'speed', the last column" in note for note in found.notes)
    assert "what is learned is 'speed'" in found.text


def test_an_unknown_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown task 'image-regresion'; did you mean 'image-regression'\?"):
        survey("image-regresion", tmp_path)
