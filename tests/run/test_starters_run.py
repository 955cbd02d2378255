"""Specs that `nas init` writes for images with masks, and for tables of pictures and classes, are planned and run."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from nas_cli.describe.plan import plan
from nas_cli.describe.starter import survey
from nas_cli.run.search import start_search

SMALL = [
    "search.stop.trials=1",
    "train.epochs=1",
    "search.schedule=full",
    "final.top=1",
    "final.seeds=1",
    "final.epochs=1",
]
RNG = np.random.default_rng(0)


def cells(top: Path, size: tuple[int, int] = (20, 28), count: int = 24) -> Path:
    """Bright squares on a dark ground, and masks that have them."""
    for k in range(count):
        mask = np.zeros(size, np.uint8)
        row, column = RNG.integers(0, size[0] - 9), RNG.integers(0, size[1] - 9)
        mask[row : row + 8, column : column + 8] = 1
        for folder, values in (("images", 60 + 120 * mask + RNG.integers(0, 20, size)), ("masks", mask)):
            (top / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(top / folder / f"{k}.png")
    return top


def packed(top: Path) -> Path:
    folder = cells(top / "cells")
    with zipfile.ZipFile(top / "cells.zip", "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(top))
    return top / "cells.zip"


def searched(text: str, folder: Path) -> None:
    (folder / "spec.yaml").write_text(text)
    kept = start_search(folder / "spec.yaml", folder / "runs", [*SMALL, "hardware.workers=1"]).run.best
    assert kept.weights.exists()


@pytest.mark.parametrize("task", [None, "segmentation"])
def test_a_folder_of_images_and_masks(tmp_path: Path, task: str | None) -> None:
    found = survey(task, cells(tmp_path / "cells"), tmp_path / "spec.yaml")
    assert found.what.startswith("24 images of 2 classes in ")
    searched(found.text, tmp_path)


def test_a_zip_of_them_is_planned(tmp_path: Path) -> None:
    found = survey(None, packed(tmp_path))
    (tmp_path / "spec.yaml").write_text(found.text)
    facts = plan(tmp_path / "spec.yaml", ["search.schedule=full"], lambda text: None)
    assert facts["data"]["called"] == "classes"
    assert facts["candidates"]["infeasible"] < facts["candidates"]["drawn"]


@pytest.mark.parametrize(
    ("size", "written"), [((20, 28), None), ((128, 90), None), ((200, 300), [85, 128]), ((600, 20), [128, 4])]
)
def test_large_masks_are_made_smaller(tmp_path: Path, size: tuple[int, int], written: list[int] | None) -> None:
    found = survey("segmentation", cells(tmp_path / "cells", size, 10))
    assert yaml.safe_load(found.text)["data"].get("size") == written
    assert any("take long to learn from" in note for note in found.notes) == (written is not None)


def test_masks_of_several_sizes(tmp_path: Path) -> None:
    cells(tmp_path / "cells", (20, 28), 24)
    for folder in ("images", "masks"):
        file = tmp_path / "cells" / folder / "0.png"
        Image.open(file).resize((56, 40), Image.Resampling.NEAREST).save(file)
    found = survey(None, tmp_path / "cells")
    assert yaml.safe_load(found.text)["data"]["size"] == [20, 28]
    assert any("images differ in size" in note for note in found.notes)


def test_a_table_of_pictures_and_classes(tmp_path: Path) -> None:
    rows = ["file,kind"]
    for k in range(30):
        pixels = RNG.integers(0, 100, (20, 70), np.uint8) + (100 if k % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{k}.png")
        rows.append(f"{k}.png,{('dark', 'light')[k % 2]}")
    (tmp_path / "kinds.csv").write_text("\n".join(rows))
    found = survey(None, tmp_path / "kinds.csv")
    content = yaml.safe_load(found.text)
    assert content["task"] == "image-classification"
    assert content["data"]["size"] == [18, 64]
    assert "30 images of 2 classes in " in found.what
    searched(found.text, tmp_path)
