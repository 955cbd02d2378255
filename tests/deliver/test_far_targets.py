"""Numbers to predict that lie far from zero, as times in seconds do, and runs from before."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import yaml

import nas_cli
from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.deliver.predict import predict
from nas_cli.errors import RunError
from nas_cli.run.search import start_search

FAR = 1.6e9
SPEC = """
name: far
task: TASK
data: {source: csv, path: all.csv, target: y}
model: [features, {linear: {units: 16}}, relu]
train: {epochs: 40, batch_size: 32, optimizer: {adamw: {lr: 0.03}}}
search: {strategy: random, schedule: full, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""


def make(folder: Path, task: str, answer: Any) -> Path:
    rng = np.random.default_rng(0)
    rows = [f"{a:.4f},{b:.4f},{answer(a, b)}" for a, b in rng.normal(size=(200, 2))]
    (folder / "all.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    (folder / "spec.yaml").write_text(SPEC.replace("TASK", task).replace("all.csv", str(folder / "all.csv")))
    return start_search(folder / "spec.yaml", folder / "runs").run.path


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose targets are 1.6e9 and a few hundred more or less."""
    return make(tmp_path_factory.mktemp("far"), "table-regression", lambda a, b: f"{FAR + 100 * a + 50 * b:.4f}")


def test_they_are_learned_and_answered_exactly(far: Path, tmp_path: Path) -> None:
    report = evaluate(far)
    assert report["metrics"]["r2"] > 0.95
    assert report["metrics"]["rmse"] < 30
    assert report["validation"]["equal"]
    (tmp_path / "new.csv").write_text("a,b,y\n" + "".join(f"{k / 10},0,{FAR + 10 * k}\n" for k in range(10)))
    values = [answer["value"] for answer in predict(far, [tmp_path / "new.csv"])]
    assert values == pytest.approx([FAR + 10 * k for k in range(10)], rel=0, abs=60), "32 bits have steps of 128 there"
    assert len({round(value, 3) for value in values}) == 10
    assert evaluate(far, data=tmp_path / "new.csv")["metrics"]["rmse"] < 40


@pytest.mark.parametrize("form", ["onnx", "torch", "source"])
def test_exports_answer_in_64_bits(far: Path, tmp_path: Path, form: str) -> None:
    output = tmp_path / {"onnx": "model.onnx", "torch": "model.pt2", "source": "source"}[form]
    assert export(far, form, output)["largest_difference"] < 0.1
    model = nas_cli.load(far)
    inputs = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    if form == "onnx":
        found = onnxruntime.InferenceSession(str(output)).run(None, {"input": inputs})[0]
    elif form == "torch":
        found = torch.export.load(output).module()(torch.from_numpy(inputs)).detach().numpy()
    else:
        found = runpy.run_path(str(output / "model.py"))["load"]()(torch.from_numpy(inputs)).detach().numpy()
    assert found.dtype == np.float64
    assert found == pytest.approx(model.predict(inputs), rel=0, abs=1e-2)


def test_runs_from_before_answer_as_they_did(far: Path, tmp_path: Path) -> None:
    """Their facts have no origin: the mean is added in 32 bits."""
    run = Path(shutil.copytree(far, tmp_path / "runs" / far.name))
    file = run / "best" / "architecture.yaml"
    stored = yaml.safe_load(file.read_text())
    stored["facts"]["target_mean"] += stored["facts"].pop("target_origin")
    file.write_text(yaml.safe_dump(stored))
    model, exact = nas_cli.load(run), nas_cli.load(far)
    inputs = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    found = model.predict(inputs)
    assert found.dtype == np.float32
    assert found == pytest.approx(exact.predict(inputs), rel=0, abs=128)
    assert evaluate(run)["metrics"]["rmse"] == pytest.approx(evaluate(far)["metrics"]["rmse"], abs=128)
    assert export(run, "onnx", tmp_path / "model.onnx")["largest_difference"] <= 128


@pytest.mark.parametrize("origin", ["far", ".nan", "[1]"])
def test_an_origin_that_is_none_is_damage(far: Path, tmp_path: Path, origin: str) -> None:
    run = Path(shutil.copytree(far, tmp_path / "runs" / far.name))
    file = run / "best" / "architecture.yaml"
    stored = yaml.safe_load(file.read_text())
    file.write_text(file.read_text().replace(str(stored["facts"]["target_origin"]), origin))
    with pytest.raises(RunError, match=r"architecture\.yaml is damaged"):
        nas_cli.load(run)


def test_labels_that_look_like_numbers_are_texts_in_runs_from_before(tmp_path: Path) -> None:
    run = make(tmp_path, "table-classification", lambda a, b: "08" if a > 0.5 else "1e5" if a > -0.5 else "0o17")
    file = run / "best" / "architecture.yaml"
    before = file.read_text()
    for label in ("08", "1e5", "0o17"):
        assert f"'{label}'" in before
        before = before.replace(f"'{label}'", label)
    file.write_text(before)
    assert nas_cli.load(run).labels == ("08", "0o17", "1e5")
    assert [found["label"] for found in evaluate(run)["classes"]] == ["08", "0o17", "1e5"]
