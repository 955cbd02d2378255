"""`nas init` looks at data and writes a spec for it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_cli.describe.starter import survey
from nas_cli.errors import DataError
from nas_cli.record.directory import RunDirectory
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document


def make_images(folder: Path, classes: int = 2, each: int = 3, size: tuple[int, int] = (40, 30)) -> None:
    rng = np.random.default_rng(0)
    for label in range(classes):
        (folder / f"class {label}").mkdir(parents=True)
        for index in range(each):
            pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"class {label}" / f"{index}.png")


def composed(path: Path | None) -> Any:
    return compose(parse_document(survey(None, path).text, "x.yaml"))


def test_a_folder_of_images(tmp_path: Path) -> None:
    make_images(tmp_path / "my images")
    found = survey(None, tmp_path / "my images")
    assert found.what.startswith("6 images of 2 classes")
    assert found.name == "my-images"
    experiment = composed(tmp_path / "my images")
    assert experiment.data.source == "image-folder"
    assert experiment.data.arguments["size"] == (24, 24)
    assert experiment.notes == ()


def test_idx_npz_and_nothing(tmp_path: Path) -> None:
    images, labels = np.zeros((20, 9, 12), np.uint8), np.arange(20) % 2
    (tmp_path / "idx").mkdir()
    for kind, array in (("images-idx3", images), ("labels-idx1", labels.astype(np.uint8))):
        sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + sides + array.tobytes()
        (tmp_path / "idx" / f"train-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    assert composed(tmp_path / "idx").data.source == "idx"
    np.savez(tmp_path / "arrays.npz", x=images, y=labels)
    assert composed(tmp_path / "arrays.npz").data.source == "npz"
    assert "20 images of 2 classes in x of" in survey(None, tmp_path / "arrays.npz").what
    assert composed(None).data.source == "digits"


@pytest.mark.parametrize("name", ["", "one", "yes", "007", "a: b", "# c", "-", "ü 1"])
def test_any_folder_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "d"
    make_images(folder)
    assert composed(folder).data.arguments["path"] == folder


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing at"):
        survey(None, tmp_path / "nowhere")
    with pytest.raises(DataError, match="is empty"):
        survey(None, tmp_path)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"no column of .*table\.csv names pictures"):
        survey("image-classification", tmp_path / "table.csv")
    (tmp_path / "notes.md").write_text("words\n")
    with pytest.raises(DataError, match=r"notes\.md is no data that can be read: .*an \.npz file is expected|notes"):
        survey("image-classification", tmp_path / "notes.md")
    make_images(tmp_path / "images")
    broken = tmp_path / "images" / "class 0" / "0.png"
    broken.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0\.png is no picture that can be read"):
        survey(None, tmp_path / "images")


def test_it_overwrites_nothing(nas: Any, tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").write_text("mine")
    done = nas("init", cwd=tmp_path)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert (tmp_path / "digits.yaml").read_text() == "mine"
    assert nas("init", "--out", "other.yaml", cwd=tmp_path).returncode == 0
    assert nas("init", "--task", "image-clasification", cwd=tmp_path).returncode == 2


def test_the_spec_runs_as_it_stands(nas: Any, tmp_path: Path) -> None:
    make_images(tmp_path / "images", classes=3, each=20, size=(20, 20))
    assert nas("init", "images", cwd=tmp_path).returncode == 0
    small = ["train.epochs=1", "search.stop.trials=1", "final.epochs=1", "final.top=1", "final.seeds=1"]
    changes = [word for change in small for word in ("--set", change)]
    done = nas("search", "images.yaml", *changes, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert RunDirectory(run).best.weights.exists()


def test_a_task_and_a_path(nas: Any, tmp_path: Path) -> None:
    rows = "".join(f"{k},{'a' if k % 3 else 'b'},{k % 2}\n" for k in range(80))
    (tmp_path / "rows.csv").write_text(f"size,kind,label\n{rows}")
    done = nas("init", "table-classification", "rows.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "51 table rows to learn from and 13 to choose by" in done.stdout.replace("\n", " ")
    spec = (tmp_path / "rows.yaml").read_text()
    assert "target: label" in spec
    assert "# numeric columns: size" in spec
    assert compose(parse_document(spec, "rows.yaml")).notes == ()
    wrong = nas("init", "table-clasification", "rows.csv", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "did you mean 'table-classification'?" in wrong.stderr
    assert "needs the data too" in nas("init", "text-classification", cwd=tmp_path).stderr
