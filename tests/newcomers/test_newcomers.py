"""What `CONTRIBUTING.md` promises: a new kind of input or target, a source, an op, a task are a file of a few lines."""

from __future__ import annotations

import csv
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

import nas_cli
from nas_cli.cli.commands import app
from nas_cli.plugins import taking_back

HERE = Path(__file__).parent
MOST_LINES = 40
SPEC = """
name: mine
task: {task}
plugins: [{plugin}]
data: {{source: {source}, path: {path}}}
model:
{model}
train: {{epochs: {epochs}, batch_size: 32, optimizer: {{adam: {{lr: 0.02}}}}}}
search: {{strategy: random, stop: {{trials: 2}}}}
final: {{top: 1, seeds: 1}}
hardware: {{device: cpu, workers: 1, precision: float32}}
"""
RATINGS = """
- lookup: {units: {choice: [4, 8]}}
- tap: user
- take: item
- lookup: {units: 8}
- join: {with: user, by: concat}
- linear: 16
- relu
"""
SPECTRA = """
- nn.Conv1d: {out_channels: {choice: [6, 8]}, kernel_size: 5, padding: 2}
- relu
- global_pool: max
"""
SHORTENED = """
- nn.Conv1d: {out_channels: {choice: [6, 8]}, kernel_size: 5, stride: 2, padding: 2}
- relu
- global_pool: max
"""
MASKS = """
- conv: {channels: {choice: [4, 8]}}
- relu
"""


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    with taking_back():
        yield


@pytest.mark.parametrize("file", [path for path in sorted(HERE.glob("*.py")) if not path.name.startswith("test_")])
def test_a_plugin_is_short(file: Path) -> None:
    code = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) <= MOST_LINES


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def write_ratings(path: Path) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=9), rng.normal(size=7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "stars"])
        for user, item in zip(rng.integers(0, 9, 600).tolist(), rng.integers(0, 7, 600).tolist(), strict=True):
            writer.writerow([f"u{user}", f"i{item}", round(3 + users[user] + items[item], 3)])


def searched(file: str, path: Path, model: str, task: str, source: str, epochs: int = 6) -> Path:
    """The run of a spec with the plugin in `file`, which `plan` and `evaluate` have taken too."""
    steps = "\n".join(f"  {line}" for line in model.strip().splitlines())
    spec = Path("spec.yaml")
    plugin = HERE / file
    spec.write_text(SPEC.format(task=task, plugin=plugin, source=source, path=path, model=steps, epochs=epochs))
    run("plan", spec)
    run("search", spec)
    (found,) = Path("runs").iterdir()
    run("evaluate", found)
    return found


def test_two_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_ratings(tmp_path / "ratings.csv")
    found = searched("ratings.py", tmp_path / "ratings.csv", RATINGS, "rating", "ratings", 12)
    (answers,) = _predicted(tmp_path, found)
    assert answers["value"] == pytest.approx(_stars(tmp_path, "u3", "i2"), abs=0.6)
    for form in ("onnx", "torch", "source"):
        run("export", found, "--format", form)
    model = nas_cli.load(found)
    columns: Any = model.encode({"user": np.array(["u3", "new"], object), "item": np.array(["i2", "i2"], object)})
    outputs = in_onnx(found, user=columns["user"].values, item=columns["item"].values)
    np.testing.assert_allclose(outputs, model.predict(columns), rtol=0, atol=1e-4)


def in_onnx(run: Path, **given: Any) -> Any:
    """What the exported network gives; its inputs have these names and no others."""
    session = onnxruntime.InferenceSession(next(run.rglob("model.onnx")))
    assert [taken.name for taken in session.get_inputs()] == list(given)
    return session.run(None, given)[0]


def write_tones(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        name, pitch = (("low", 0.2), ("high", 0.9))[number % 2]
        samples = np.sin(pitch * np.arange(rng.integers(150, 900))) + rng.normal(0, 0.3)
        (folder / name).mkdir(parents=True, exist_ok=True)
        with wave.open(str(folder / name / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes((samples * 9000).astype(np.int16).tobytes())


@pytest.mark.parametrize(("model", "forms"), [(SPECTRA, ("onnx", "torch", "source")), (SHORTENED, ("source",))])
def test_audio_features(model: str, forms: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "sounds")
    found = searched("spectra.py", tmp_path / "sounds", model, "sound-classification", "recordings")
    assert json.loads(next(found.rglob("evaluation.json")).read_text())["metrics"]["accuracy"] > 0.9
    assert "high" in run("predict", found, tmp_path / "sounds" / "high" / "1.wav")
    for form in forms:
        run("export", found, "--format", form)
    if "onnx" in forms:
        loaded = nas_cli.load(found)
        files = [str(tmp_path / "sounds" / "high" / f"{number}.wav") for number in (1, 3, 5)]
        columns: Any = loaded.encode(np.array(files, object))
        (column,) = columns.values()
        together = in_onnx(found, input=column.values, input_lengths=column.lengths)
        np.testing.assert_allclose(together, loaded.predict(columns), rtol=0, atol=1e-4)
        alone = in_onnx(found, input=column.values[:1, :, : column.lengths[0]], input_lengths=column.lengths[:1])
        np.testing.assert_allclose(alone, together[:1], rtol=0, atol=1e-4)


def test_masks_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    masks = np.random.default_rng(0).random((80, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "discs.npz", x=(255 * masks[:, None]).astype(np.uint8), y=masks)
    found = searched("masks.py", tmp_path / "discs.npz", MASKS, "covering", "discs", 20)
    assert json.loads(next(found.rglob("evaluation.json")).read_text())["metrics"]["mae"] < 0.22
    run("export", found, "--format", "onnx")


def _predicted(folder: Path, path: Path) -> list[dict[str, Any]]:
    """From a row of CSV and from a line of JSON, which are one."""
    (folder / "asked.csv").write_text("item,user\ni2,u3\n")
    (folder / "asked.jsonl").write_text('{"user": "u3", "item": "i2"}\n')
    found = []
    for name in ("asked.csv", "asked.jsonl"):
        lines = run("predict", path, name, "--format", "jsonl").splitlines()
        found.append(json.loads(next(line for line in lines if line.startswith("{"))))
    assert found[0]["value"] == found[1]["value"]
    return found[:1]


def _stars(folder: Path, user: str, item: str) -> float:
    with (folder / "ratings.csv").open() as file:
        known = [float(row["stars"]) for row in csv.DictReader(file) if (row["user"], row["item"]) == (user, item)]
    return known[0]
