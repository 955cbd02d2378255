"""A class for every pixel from images and masks to the report, to masks of new pictures and to exports."""

from __future__ import annotations

import csv
import functools
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from drawn import save
from PIL import Image

import nas_cli
from nas_cli.deliver.evaluate import read_test
from nas_cli.deliver.export.exporting import FORMATS, export
from nas_cli.run.search import start_search
from nas_cli.task.pixels import colours, resized

Nas = Callable[..., Any]
Numbers = np.ndarray[Any, Any]
SIDE = 32
SPEC = """
name: discs
task: {segmentation: {background: background}}
data: {source: image-masks, path: DATA, classes: [background, disc]}
model:
  - group_norm: {groups: 1}
  - conv: {channels: 8, stride: 2}
  - batch_norm
  - relu
  - tap: fine
  - max_pool: 2
  - conv: 12
  - batch_norm
  - relu
  - resize: fine
  - join: {with: fine, by: concat}
  - conv: 8
  - relu
train:
  epochs: 8
  batch_size: 8
  loss: {choice: [{dice: {cross_entropy: 1}}, {cross_entropy: {weights: [1, 2]}}]}
  augment: [flip, {flip: vertical}]
  optimizer: {adamw: {lr: 0.02}}
search: {strategy: random, schedule: full, stop: {trials: 1}}
final: {top: 1, seeds: 1, epochs: 15}
baselines: {point: [{conv: {channels: 4, kernel: 1}}, relu]}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""


def disc(seed: int, height: int = SIDE, width: int = SIDE) -> tuple[Numbers, Numbers]:
    """A picture (H, W) of a bright disc, and where it is."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    radius = min(height, width) * rng.uniform(0.15, 0.25)
    middle = rng.uniform(radius, height - radius), rng.uniform(radius, width - radius)
    mask = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < radius**2
    picture = rng.integers(20, 100) + 90 * mask + rng.normal(0, 15, mask.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), mask.astype(np.uint8)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("discs")
    for part, first, count in (("train", 0, 48), ("validation", 100, 12), ("test", 200, 12)):
        for k in range(first, first + count):
            picture, mask = disc(k)
            save(folder / part / "images" / f"{k}.png", picture)
            save(folder / part / "masks" / f"{k}.png", 255 * mask)
    (folder / "discs.yaml").write_text(SPEC.replace("DATA", str(folder)))
    return start_search(folder / "discs.yaml", folder / "runs").run.path


def logits_of(run: Path, pictures: Numbers) -> Numbers:
    return nas_cli.load(run).predict(pictures[:, None])


def test_evaluate_scores_pixels_beside_otsu(run: Path, nas: Nas) -> None:
    done = nas("evaluate", run, "--json", cwd=run)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    test = read_test(nas_cli.load(run))
    found = nas_cli.load(run).predict(test.inputs).argmax(1)
    both = 2 * ((found == 1) & (test.targets == 1)).sum()
    assert report["metrics"]["dice"] == pytest.approx(both / ((found == 1).sum() + (test.targets == 1).sum()))
    assert report["metrics"]["dice"] > 0.8
    assert report["metrics"]["pixel_accuracy"] == pytest.approx((found == test.targets).mean())
    assert report["validation"]["equal"]
    assert [other["name"] for other in report["beside"]] == ["baseline point", "Otsu's threshold"]
    assert report["beside"][1]["metrics"]["dice"] > 0.8
    shown = nas("evaluate", run, cwd=run, COLUMNS="120").stdout
    assert "dice is the mean over all classes but background" in shown
    assert "Confusion of pixels" in (run / "report.html").read_text()


def test_masks_are_written_in_the_size_of_each_picture(run: Path, nas: Nas, tmp_path: Path) -> None:
    sizes = {"a": (50, 70), "b": (32, 32), "c": (20, 41)}
    for name, size in sizes.items():
        save(tmp_path / "new" / f"{name}.png", disc(300 + len(name), *size)[0])
    done = nas("predict", run, "new", "--out", "masks", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 pictures in masks" in done.stderr
    assert "new/a.png  background " in done.stdout
    for name, size in sizes.items():
        picture = Image.open(tmp_path / "new" / f"{name}.png")
        seen = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        expected = resized(logits_of(run, seen[None])[0].argmax(0), *size)
        mask = Image.open(tmp_path / "masks" / f"{name}-mask.png")
        assert mask.mode == "P"
        np.testing.assert_array_equal(np.asarray(mask), expected)
        overlay = np.asarray(Image.open(tmp_path / "masks" / f"{name}-overlay.png"))
        pixels = np.asarray(picture)
        np.testing.assert_array_equal(overlay[expected == 0], np.stack([pixels[expected == 0]] * 3, -1))
        mixed = 0.5 * pixels[expected == 1][:, None] + 0.5 * colours(2)[1]
        np.testing.assert_array_equal(overlay[expected == 1], np.rint(mixed).astype(np.uint8))


def test_answers_name_their_pictures(run: Path, nas: Nas, tmp_path: Path) -> None:
    save(tmp_path / "one.png", disc(1)[0])
    assert nas("predict", run, "one.png", "--out", "answers.csv", cwd=tmp_path).returncode == 0
    (row,) = csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_text()))
    assert float(row["share background"]) + float(row["share disc"]) == pytest.approx(1)
    assert row["pictures mask"] == "answers.csv.files/one-mask.png"
    assert (tmp_path / row["pictures overlay"]).is_file()
    done = nas("predict", run, "one.png", "--json", cwd=tmp_path)
    (answer,) = json.loads(done.stdout)
    assert answer["pictures"] == {"mask": "predictions/one-mask.png", "overlay": "predictions/one-overlay.png"}
    again = nas("predict", run, "one.png", cwd=tmp_path)
    assert again.returncode == 2
    assert "predictions/one-mask.png is there already" in again.stderr
    assert nas("predict", run, "one.png", "--force", cwd=tmp_path).returncode == 0
    answers = nas_cli.predict(run, tmp_path / "one.png", pictures=tmp_path / "python")
    assert Path(answers[0]["pictures"]["mask"]).parent == tmp_path / "python"
    assert "pictures" not in nas_cli.predict(run, tmp_path / "one.png")[0]


def test_arrays_have_pictures_too(run: Path, nas: Nas, tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.stack([disc(k)[0] for k in range(3)]))
    assert nas("predict", run, "many.npy", "--out", "masks", cwd=tmp_path).returncode == 0
    assert (tmp_path / "masks" / "many-2-mask.png").is_file()


@pytest.mark.parametrize(
    ("out", "words"),
    [("answers.txt", "ends neither with .csv nor with .jsonl"), ("file/deep", "file is no folder")],
)
def test_a_place_that_cannot_be_is_refused(out: str, words: str, run: Path, nas: Nas, tmp_path: Path) -> None:
    save(tmp_path / "one.png", disc(1)[0])
    (tmp_path / "file").write_text("")
    done = nas("predict", run, "one.png", "--out", out, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "one.png"]


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Path]]:
    """In each form once: what `export` said, and the path. Not to be changed."""

    @functools.cache
    def once(form: str) -> tuple[Any, Path]:
        path = tmp_path_factory.mktemp("exported") / FORMATS[form].file
        return export(run, form, path), path

    return once


@pytest.mark.parametrize("form", FORMATS)
def test_exports_compute_what_the_network_computes(form: str, exported: Any) -> None:
    result, _ = exported(form)
    assert result["largest_difference"] < 1e-3


@pytest.mark.parametrize("size", [(32, 32), (48, 40), (33, 65)])
def test_onnx_takes_raw_pixels_of_any_size(size: tuple[int, int], run: Path, exported: Any) -> None:
    _, path = exported("onnx")
    session = onnxruntime.InferenceSession(str(path))
    pictures = np.stack([disc(k, *size)[0] for k in range(3)])[:, None]
    (found,) = session.run(None, {"input": pictures})
    with torch.no_grad():
        expected = nas_cli.load(run).network(torch.from_numpy(pictures)).numpy()
    assert found.shape == (3, 2, *size)
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_source_needs_no_nas(run: Path, exported: Any) -> None:
    _, folder = exported("source")
    picture, _ = disc(7)
    code = (
        "import sys, json, torch, model; network = model.load(); x = torch.tensor(json.loads(sys.argv[1])).byte();"
        "print(json.dumps(network(x[None, None]).argmax(1)[0].tolist()));"
        "assert not [m for m in sys.modules if m.startswith('nas_cli')]"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, '.'); {code}",
            json.dumps(picture.tolist()),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == logits_of(run, picture[None])[0].argmax(0).tolist()
