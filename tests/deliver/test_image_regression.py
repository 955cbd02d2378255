"""Numbers of images from a table of files to exports: one number, and several, of which one lies far from zero."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import nas_cli
from nas_cli.deliver.evaluate import blocks, evaluate
from nas_cli.deliver.export.exporting import FORMATS, export
from nas_cli.deliver.predict import predict
from nas_cli.deliver.predictions import write_predictions
from nas_cli.run.search import start_search

SIDE, COUNT, FAR = 12, 120, 1.6e9
SPEC = """
name: squares
task: {image-regression: {unchanged_by: [flip]}}
data: {source: image-table, path: PATH, target: TARGET}
model: [{conv: {channels: 8, stride: 2}}, batch_norm, relu, {conv: {channels: 8}}, relu]
train: {epochs: 12, batch_size: 16, optimizer: {adamw: {lr: 0.02}}, augment: [flip]}
search: {strategy: random, schedule: full, stop: {trials: 1}}
final: {top: 1, seeds: 1}
baselines: {linear: [{max_pool: 2}]}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""
ONE, SEVERAL = "bright", "[bright, time]"
MAPPED = "[bright, time], cache_above: 1000"
"""Several numbers of pictures that are not held in memory."""


def draw(folder: Path, count: int = COUNT) -> Path:
    """Pictures in which so many rows are bright, and a time that grows with it."""
    rng = np.random.default_rng(0)
    rows = ["file,bright,time"]
    folder.mkdir()
    for k in range(count):
        bright = int(rng.integers(1, SIDE))
        pixels = rng.integers(0, 60, (SIDE, SIDE))
        pixels[rng.permutation(SIDE)[:bright]] += 150
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{k:03d}.png")
        rows.append(f"{k:03d}.png,{bright},{FAR + 10 * bright:.1f}")
    (folder / "all.csv").write_text("\n".join(rows) + "\n")
    return folder / "all.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("squares") / "data")


@pytest.fixture(scope="module")
def runs(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root, made = tmp_path_factory.mktemp("runs"), {}
    for target in (ONE, SEVERAL):
        spec = root / "spec.yaml"
        spec.write_text(SPEC.replace("PATH", str(table)).replace("TARGET", MAPPED if target == SEVERAL else target))
        made[target] = start_search(spec, root / "runs").run.path
    return made


@pytest.fixture(scope="module")
def reports(runs: dict[str, Path]) -> dict[str, dict[str, Any]]:
    return {target: evaluate(run) for target, run in runs.items()}


@pytest.fixture(params=[ONE, SEVERAL], ids=["one", "several"])
def run(request: pytest.FixtureRequest, runs: dict[str, Path]) -> Path:
    return runs[request.param]


@pytest.mark.parametrize("target", [ONE, SEVERAL])
def test_evaluate_tells_the_mean_and_the_pictures_that_are_missed_most(
    target: str, runs: dict[str, Path], reports: dict[str, dict[str, Any]], table: Path
) -> None:
    run, report = runs[target], reports[target]
    assert report["validation"]["equal"]
    assert report["metrics"]["r2"] > 0.7
    assert [other["name"] for other in report["beside"]] == ["baseline linear", "mean"]
    assert report["beside"][1]["metrics"]["r2"] == pytest.approx(0.0, abs=0.2)
    with table.open() as file:
        truth = {row["file"]: row for row in csv.DictReader(file)}
    for example in report["examples"]:
        row = truth[example["name"]]
        assert example["wanted"] == pytest.approx(float(row[example.get("column", ONE)]), rel=0, abs=1e-3)
        assert example["predicted"] - example["wanted"] == pytest.approx(example["error"], rel=0, abs=1e-3)
    assert blocks(report)[-1].title == "Largest errors"
    page = (run / "report.html").read_text()
    assert "Largest errors" in page
    assert report["examples"][0]["name"] in page
    assert json.loads((run / "evaluation.json").read_text()) == json.loads(json.dumps(report))


def test_predict_answers_by_name_what_evaluate_found(
    runs: dict[str, Path], reports: dict[str, dict[str, Any]], table: Path, tmp_path: Path
) -> None:
    for target, run in runs.items():
        example = reports[target]["examples"][0]
        (answer,) = predict(run, [table.parent / example["name"]])
        found = answer["value"] if target == ONE else answer["values"][example["column"]]
        assert found == pytest.approx(example["predicted"], rel=1e-12, abs=1e-3)
    answers = predict(runs[SEVERAL], [table.parent / "000.png", table.parent / "001.png"])
    assert answers[0]["values"]["time"] == pytest.approx(FAR + 60, rel=0, abs=70), "32 bits have steps of 128 there"
    assert answers[0]["text"].startswith("bright ")
    assert write_predictions(tmp_path / "answers.csv", answers, "csv") == 2
    with (tmp_path / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "bright", "time"]
    assert float(rows[1]["time"]) == answers[1]["values"]["time"]


def test_another_table_is_tested_on(run: Path, tmp_path: Path) -> None:
    other = draw(tmp_path / "other", 30)
    report = evaluate(run, data=other)
    assert report["samples"] == 30
    assert report["metrics"]["r2"] > 0.7
    assert report["beside"][0]["name"] == "baseline linear"
    assert {example["name"] for example in report["examples"]} < {f"{k:03d}.png" for k in range(30)}


@pytest.mark.parametrize("form", FORMATS)
def test_exports_give_the_numbers_in_their_units(run: Path, runs: dict[str, Path], tmp_path: Path, form: str) -> None:
    output = tmp_path / {"onnx": "model.onnx", "torch": "model.pt2", "source": "source"}[form]
    assert export(run, form, output)["largest_difference"] < 1e-2
    model = nas_cli.load(run)
    inputs = np.random.default_rng(1).integers(0, 256, (5, 1, SIDE, SIDE)).astype(np.uint8)
    found: Any
    if form == "onnx":
        found = onnxruntime.InferenceSession(str(output)).run(None, {"input": inputs})[0]
    elif form == "torch":
        found = torch.export.load(output).module()(torch.from_numpy(inputs)).detach().numpy()
    else:
        found = runpy.run_path(str(output / "model.py"))["load"]()(torch.from_numpy(inputs)).detach().numpy()
    several = run == runs[SEVERAL]
    assert found.dtype == (np.float64 if several else np.float32)
    assert found.shape == (5, 2 if several else 1)
    assert found == pytest.approx(model.predict(inputs), rel=0, abs=1e-2)
    kept = json.loads(next(tmp_path.rglob("export.json")).read_text())
    assert kept["labels"] == (["bright", "time"] if several else [])
