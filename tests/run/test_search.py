"""The whole search on real digits, in processes that are killed and go on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from bench.kills import trace
from journals import recorded
from safetensors.torch import load_file

from nas_cli.describe.plan import plan
from nas_cli.errors import NasError, RunError, SpecError, UserError
from nas_cli.record.directory import open_run
from nas_cli.run import checkpoints
from nas_cli.run import search as search_module
from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search, start_search

SPEC = """
name: tiny
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {choice: [4, 8, 12]}, kernel: {choice: [1, 3]}}
  - relu
  - {max_pool: {size: {choice: [2, 4]}}}
train: {epochs: 3, optimizer: {adamw: {lr: {float: [1e-3, 3e-2], log: true}}}}
search: {strategy: {evolution: {population: 2, sample: 2}}, schedule: {asha: {min_epochs: 1}}, stop: {trials: 5}}
final: {epochs: 2, top: 2, seeds: 2}
baselines: {plain: [{conv: 4}, relu]}
hardware: {workers: 0}
"""

PINNED = ["hardware.precision=float32", "hardware.layout=channels-first"]
"""What is otherwise chosen by timing, and may come out differently in two runs."""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


def test_a_search_leaves_a_trained_model_and_its_spec_repeats_it(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", PINNED).run
    assert {path.name for path in run.path.iterdir()} == {
        "spec.yaml",
        "environment.json",
        "journal.jsonl",
        "best",
        "baselines",
        "lock",
    }
    assert {path.name for path in run.best.folder.iterdir()} == {
        "architecture.yaml",
        "weights.safetensors",
        "metrics.json",
        "samples.safetensors",
    }
    again = start_search(run.spec, tmp_path / "again").run
    assert trace(again.path) == trace(run.path)
    first, second = load_file(run.best.weights), load_file(again.best.weights)
    assert all((first[name] == second[name]).all() for name in first)
    assert again.path.name.startswith("tiny-")
    written = yaml.safe_load(run.spec.read_text())
    assert written["train"]["batch_size"] == 128
    assert written["objective"] == {"maximize": "accuracy"}
    environment = json.loads(run.environment.read_text())
    assert environment["precision"]["format"] in ("float32", "bf16")


def test_a_trial_whose_checkpoint_is_gone_is_trained_again_to_the_same_result(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = start_search(spec, tmp_path / "kept", PINNED).run
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 0)
    monkeypatch.setattr(checkpoints, "LEAST_KEPT", 0)
    dropped = start_search(spec, tmp_path / "dropped", PINNED).run
    assert any(event["event"] == "trial_started" and event["rung"] for event in recorded(dropped.journal))
    assert trace(dropped.path) == trace(kept.path)


def test_no_limit_stays_no_limit(spec: Path, tmp_path: Path) -> None:
    run = start_search(
        spec, tmp_path / "runs", ["search.stop.trials=1", "final.seeds=1", "search.limits.stall=null"]
    ).run
    assert yaml.safe_load(run.spec.read_text())["search"]["limits"]["stall"] is None


def test_a_finished_search_can_be_given_more_trials(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.schedule=full", "final.seeds=1", "final.top=1"]).run
    before = len(recorded(run.journal))
    resume_search(run.path, ["search.stop.trials=7"])
    events = recorded(run.journal)
    assert sum(event["event"] == "trial_started" for event in events) == 7
    assert events[before]["event"] == "resumed"
    assert events[-1]["event"] == "run_finished"
    assert yaml.safe_load(run.spec.read_text())["search"]["stop"]["trials"] == 7


def test_a_finished_run_that_is_resumed_searches_no_more(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=2", "final.seeds=1", "final.top=1"]).run
    before = untouched(run.path)
    no_more = [
        "search.stop.trials=2",
        "search.stop.trials=1",
        "search.stop.time=1h",
        "final.seeds=1",
        "hardware.threads=1",
    ]
    for overrides in ([], *([each] for each in no_more)):
        assert resume_search(run.path, overrides).was_over
        assert untouched(run.path) == before


def test_a_finished_run_that_is_given_more_final_trainings_keeps_those_it_had(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=2", "final.seeds=1", "final.top=1", *PINNED]).run
    assert not resume_search(run.path, ["final.seeds=2"]).was_over
    trained = [(e["candidate"], e["seed"]) for e in recorded(run.journal) if e["event"] == "final_finished"]
    assert len(trained) == 4, "the seeds asked for; what was kept is not trained again"
    whole = start_search(spec, tmp_path / "whole", ["search.stop.trials=2", "final.top=1", *PINNED]).run
    assert all(
        (load_file(whole.best.weights)[name] == tensor).all() for name, tensor in load_file(run.best.weights).items()
    )
    assert resume_search(run.path).was_over
    assert not resume_search(run.path, ["final.epochs=1"]).was_over
    assert json.loads(run.best.metrics.read_text())["epochs"] == 1


def test_a_run_of_an_earlier_version_that_is_finished_is_left_alone_too(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=1", "final.seeds=1", "final.top=1"]).run
    events = recorded(run.journal)
    for event in events:
        for key in ("stop", "final", "epochs", "more"):
            event.pop(key, None)
    lines = [json.dumps(event, separators=(",", ":")) + "\n" for event in events]
    run.journal.write_text("".join(lines), encoding="utf-8")
    before = untouched(run.path)
    assert resume_search(run.path).was_over
    assert untouched(run.path) == before
    assert not resume_search(run.path, ["search.stop.trials=2"]).was_over
    assert sum(event["event"] == "trial_started" for event in recorded(run.journal)) >= 2


def untouched(run: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and its bytes."""
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in run.rglob("*")}


def test_a_run_that_goes_on_with_other_data_says_so(spec: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3

    def write(brightness: int) -> None:
        images = rng.integers(0, brightness, (60, 8, 8)).astype(np.uint8)
        np.savez(tmp_path / "data.npz", x=images, y=labels)

    class Notes(Silent):
        def __init__(self) -> None:
            self.said: list[str] = []

        def note(self, text: str) -> None:
            self.said.append(text)

    write(100)
    data = [f"data={{source: npz, path: {tmp_path / 'data.npz'}}}", "final.seeds=1", "final.top=1"]
    run = start_search(spec, tmp_path / "runs", [*data, "search.stop.trials=1"]).run
    same, other, known = Notes(), Notes(), Notes()
    resume_search(run.path, ["search.stop.trials=2"], same)
    write(200)
    resume_search(run.path, ["search.stop.trials=3"], other)
    resume_search(run.path, ["search.stop.trials=4"], known)
    assert [search_module.OTHER_DATA in notes.said for notes in (same, other, known)] == [False, True, False]


def test_the_spec_of_a_run_stays_as_it_was(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=1", "final.seeds=1"]).run
    with pytest.raises(SpecError, match=r"only search\.stop\., .* may change"):
        resume_search(run.path, ["train.epochs=3"])


def test_two_processes_on_one_run(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=1", "final.seeds=1"]).run
    with run.lock(), pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
        resume_search(run.path, ["search.stop.trials=2"])


def test_damage_is_answered_and_nothing_is_changed(spec: Path, tmp_path: Path) -> None:
    run = start_search(spec, tmp_path / "runs", ["search.stop.trials=1", "final.seeds=1"]).run
    for file, words in (("spec.yaml", "spec.yaml is missing"), ("journal.jsonl", "journal.jsonl is missing")):
        broken = Path(shutil.copytree(run.path, tmp_path / file))
        (broken / file).unlink()
        with pytest.raises(RunError, match=words):
            resume_search(broken)
    garbled = Path(shutil.copytree(run.path, tmp_path / "garbled"))
    lines = (garbled / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (garbled / "journal.jsonl").write_bytes(lines[0] + b"###\n" + b"".join(lines[2:]))
    with pytest.raises(RunError, match=r"journal\.jsonl:2: this line is damaged"):
        resume_search(garbled)
    with pytest.raises(RunError, match="there is no run"):
        open_run(None, tmp_path / "nothing")
    with pytest.raises(RunError, match="there is no run directory"):
        open_run(tmp_path / "nothing")


def test_nothing_is_written_where_the_spec_or_the_data_is_wrong(tmp_path: Path) -> None:
    for text, words in (
        (SPEC.replace("conv:", "covn:", 1), r"wrong\.yaml:6:5: unknown op 'covn'; did you mean 'conv'"),
        (SPEC.replace("evolution:", "evolutoin:"), "did you mean 'evolution'"),
        (SPEC.replace("min_epochs: 1", "min_epochs: 5"), "min_epochs"),
        (SPEC.replace("source: digits", "source: npz, path: nowhere.npz"), "nowhere.npz"),
        (SPEC.replace("image-classification", "image-clasification"), "did you mean 'image-classification'"),
        (SPEC + "objective: {maximize: acuracy}\n", "did you mean 'accuracy'"),
        (SPEC.replace("[{conv: 4}, relu]", "[{conv: {choice: [3, 4]}}]"), "is left open"),
        (SPEC.replace("lr: {float", "learning_rate: {float"), "no argument 'learning_rate'"),
        (SPEC.replace("epochs: 3", "epochs: {choice: [3, 9]}"), "train.epochs cannot be a choice"),
        (SPEC + "plugins: [no.py]\n", "there is no plugin file no.py"),
    ):
        (tmp_path / "wrong.yaml").write_text(text)
        with pytest.raises(UserError, match=words) as caught:
            start_search(tmp_path / "wrong.yaml", tmp_path / "runs")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "runs").exists()


def test_a_plugin_adds_an_op_and_its_faults_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\nfrom nas_cli import op\nfrom nas_cli.arguments import PositiveInt\n\n"
        "@op('square')\ndef square(shape, times: PositiveInt = 1):\n"
        '    """Activation that squares."""\n    return Square()\n\n'
        "class Square(nn.Module):\n    def forward(self, x):\n        return x * x\n"
    )
    text = SPEC.replace("- relu", "- square: {times: {choice: [1, 2]}}", 1) + f"plugins: ['{tmp_path / 'mine.py'}']\n"
    (tmp_path / "spec.yaml").write_text(text)
    assert plan(tmp_path / "spec.yaml")["candidates"]["infeasible"] == 0
    (tmp_path / "bad.py").write_text("x = 1\nraise ValueError('no')\n")
    (tmp_path / "spec.yaml").write_text(text.replace("mine.py", "bad.py"))
    with pytest.raises(SpecError, match=r"bad\.py:2 failed: ValueError: no"):
        plan(tmp_path / "spec.yaml")


def test_a_full_disk_pauses_the_search(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    state = {"left": 6}

    def fsync(handle: int) -> None:
        state["left"] -= 1
        if state["left"] < 0:
            raise OSError(28, "No space left on device")
        real(handle)

    overrides = ["search.schedule=full", "final.seeds=1", *PINNED]
    whole = start_search(spec, tmp_path / "whole", overrides).run
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NasError, match=r"the disk is full.*nas search --resume"):
        start_search(spec, tmp_path / "runs", overrides)
    monkeypatch.setattr(os, "fsync", real)
    run = open_run(None, tmp_path / "runs")
    assert len(recorded(run.journal)) >= 1
    resume_search(run.path)
    assert trace(run.path) == trace(whole.path)


def test_plan_says_what_a_search_would_cost(spec: Path) -> None:
    answer = plan(spec)
    assert answer["space"]["size"] is None
    assert answer["candidates"]["costs"]["params"]["min"] > 0
    assert answer["time"]["search"] > 0
    assert answer["time"]["final"] > 0
    assert answer["data"]["classes"] == 10
    assert search_module.environment is not None
