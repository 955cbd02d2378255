"""From a spec to a prediction, on the command line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import environment
from nursery import forked_workers
from PIL import Image
from typer.testing import CliRunner

from nas_cli.plugins import taking_back

__all__ = ["forked_workers"]
SPEC = """\
name: small
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {choice: [4, 8, 16]}, kernel: 3}
  - relu
  - max_pool: {size: 2}
  - flatten
train: {epochs: 2, batch_size: 64}
search: {strategy: grid}
final: {epochs: 3, top: 2, seeds: 2}
baselines: {plain: [flatten]}
hardware: {threads: 1, precision: float32}
"""
HOLDS = """\
import pathlib, time
import torch
from nas_cli.plugins import op

class Holds(torch.nn.Module):
    def __init__(self, first):
        super().__init__()
        self.first = first

    def forward(self, x):
        while self.training and x.device.type != "meta" and not self.first and pathlib.Path("hold").exists():
            pathlib.Path("held").touch()
            time.sleep(0.02)
        return x.relu()

@op("holds")
def holds(shape):
    "Lets the first trial train alone, as long as there is a file."
    return Holds(shape[0] == 4)
"""
HELD = SPEC.replace("- relu", "- holds").replace("float32", "float32, layout: channels-first") + "plugins: [holds.py]\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder with a finished run, and what `search` printed."""
    from nas_cli.cli.app import app

    folder = tmp_path_factory.mktemp("whole")
    (folder / "spec.yaml").write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(app, ["search", "spec.yaml"])
    assert result.exit_code == 0, result.stderr
    return folder, result


def test_search_prints_what_it_did(finished: tuple[Path, Any]) -> None:
    folder, result = finished
    (run,) = (folder / "runs").iterdir()
    lines = result.stdout.splitlines()
    assert lines[0] == f"run runs/{run.name}"
    assert sum(line.startswith("trial ") and "accuracy" in line for line in lines) == 3
    assert sum(line.startswith("final ") for line in lines) == 6
    assert any("every architecture of the space was tried" in line for line in lines)
    assert any("baseline plain" in line for line in lines)
    assert "is the best by validation" in result.stdout
    assert f"  nas evaluate runs/{run.name}" in lines
    assert "is the best by validation" in (run / "report.html").read_text()
    assert result.stderr == ""


def test_evaluate(finished: tuple[Path, Any], nas: Any) -> None:
    folder, _ = finished
    done = nas("evaluate", cwd=folder)
    assert done.returncode == 0, done.stderr
    for word in (
        "precision",
        "recall",
        "F1",
        "support",
        "micro average",
        "weighted average",
        "Confusion",
        "MACs",
        "p95",
    ):
        assert word in done.stdout
    assert "equals the logged one" in done.stdout
    assert all(len(line.rstrip()) <= 100 for line in done.stdout.splitlines())
    (run,) = (folder / "runs").iterdir()
    report = json.loads(nas("evaluate", f"runs/{run.name}", "--json", cwd=folder).stdout)
    assert report["samples"] == 359
    assert report["validation"]["equal"] is True
    assert (run / "evaluation.json").exists()
    assert (run / "report.html").exists()


@pytest.mark.parametrize("form", ["onnx", "torch", "source"])
def test_export(finished: tuple[Path, Any], nas: Any, tmp_path: Path, form: str) -> None:
    folder, _ = finished
    target = tmp_path / f"exported-{form}"
    if form == "torch":
        target = target.with_suffix(".pt2")
    done = nas("export", "--format", form, "--output", target, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["largest_difference"] < 1e-3
    assert target.exists()


def test_predict(finished: tuple[Path, Any], nas: Any, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    folder, _ = finished
    for index in (0, 1):
        pixels = np.rint(load_digits().images[index] * 255 / 16).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    done = nas("predict", *files, cwd=folder)
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[str(files[0]), "0"], [str(files[1]), "1"]]
    (run,) = (folder / "runs").iterdir()
    answers = json.loads(nas("predict", run, *files, "--json", cwd=folder).stdout)
    assert [answer["label"] for answer in answers] == ["0", "1"]
    (tmp_path / "broken.png").write_bytes(b"no image")
    for arguments, word in (
        ([run, tmp_path / "broken.png"], "broken.png"),
        ([run, tmp_path / "gone.png"], "gone.png"),
        ([run], "at least one input"),
    ):
        done = nas("predict", *arguments, cwd=folder)
        assert done.returncode == 2
        assert word in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_show_run(finished: tuple[Path, Any], nas: Any) -> None:
    folder, _ = finished
    done = nas("show", "run", cwd=folder)
    assert ": finished," in done.stdout
    assert "3 trials trained" in done.stdout
    summary = json.loads(nas("show", "run", "--json", cwd=folder).stdout)
    assert summary["state"] == "finished"
    assert summary["trials"]["trained"] == 3
    assert len(summary["final"]["ranking"]) == 3


def test_plan_writes_nothing(nas: Any, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    facts = json.loads(nas("plan", "spec.yaml", "--json", cwd=tmp_path).stdout)
    assert facts["space"]["size"] == 3
    assert facts["data"]["classes"] == 10
    done = nas("plan", "spec.yaml", "--set", "name=other", "--set", "hardware.workers=0", cwd=tmp_path)
    assert re.match(r"spec +other: maximize accuracy\n", done.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_a_run_that_is_damaged(finished: tuple[Path, Any], nas: Any, tmp_path: Path) -> None:
    import shutil

    folder, _ = finished
    (run,) = (folder / "runs").iterdir()
    for number, (file, word) in enumerate(
        [("best/weights.safetensors", "weights.safetensors"), ("spec.yaml", "spec.yaml"), ("journal.jsonl", "journal")]
    ):
        copy = tmp_path / str(number)
        shutil.copytree(run, copy)
        (copy / file).unlink()
        done = nas("evaluate", copy, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert word in done.stderr
        assert len(done.stderr.splitlines()) == 1
    shutil.copytree(run, tmp_path / "garbled")
    with (tmp_path / "garbled" / "journal.jsonl").open("r+") as file:
        file.write("{garbled")
    done = nas("show", "run", tmp_path / "garbled", cwd=tmp_path)
    assert done.returncode == 2
    assert "journal.jsonl:1: this line is damaged" in done.stderr


def test_interrupted_and_resumed(nas: Any, tmp_path: Path) -> None:
    (tmp_path / "holds.py").write_text(HOLDS)
    (tmp_path / "hold").touch()
    (tmp_path / "spec.yaml").write_text(HELD)
    # A suite in the background has Ctrl-C ignored, and its children would inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [sys.executable, "-c", f"{heed}from nas_cli.cli.app import main; main()", "search", "spec.yaml"]
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=err, env=environment())
        deadline = time.monotonic() + 120
        while "trial 0:" not in (tmp_path / "out").read_text() or not (tmp_path / "held").exists():
            assert process.poll() is None, (tmp_path / "err").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    said = (tmp_path / "err").read_text()
    assert "Traceback" not in said
    assert "keeps 1 trial and 0 final" in said
    (tmp_path / "hold").unlink()
    (run,) = (tmp_path / "runs").iterdir()
    assert f"  nas search --resume runs/{run.name}" in said.splitlines()
    with taking_back():
        done = nas("search", "--resume", "latest", "--set", "final.epochs=1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["run"] == f"runs/{run.name}"
    assert summary["trials"]["trained"] == 3
    assert "goes on: 1 trial" in done.stderr


def test_nothing_is_changed_that_the_run_stands_on(finished: tuple[Path, Any], nas: Any) -> None:
    folder, _ = finished
    (run,) = (folder / "runs").iterdir()
    done = nas("search", "--resume", run, "--set", "train.epochs=9", cwd=folder)
    assert done.returncode == 2
    assert "--set train.epochs=9" in done.stderr
