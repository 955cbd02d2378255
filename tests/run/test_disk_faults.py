"""A search whose disk fails, or loses what was written: it pauses and goes on to the same end, and no trial fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.kills import trace
from journals import recorded

from nas_cli.data import parse_data
from nas_cli.errors import NasError
from nas_cli.execute.executor import Job
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.model.ops import OPS
from nas_cli.record.directory import open_run
from nas_cli.record.events import TrialStarted
from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search, start_search
from nas_cli.space.parse import parse_space
from nas_cli.train import checkpoint
from nas_cli.train.settings import TRAIN

SPEC = """
name: asha
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3, 4, 5]}, stride: 2}}, relu, {global_pool: avg}]
train: {epochs: 4, batch_size: 512}
search: {strategy: random, schedule: {asha: {min_epochs: 1, reduction: 2}}, stop: {trials: 3}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "asha.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(spec: Path) -> list[Any]:
    return trace(start_search(spec, spec.parent / "whole").run.path)


def failing(monkeypatch: pytest.MonkeyPatch, call: int, number: int) -> None:
    """The `call`-th file of tensors from now on meets a fault of the disk; those after it do not."""
    real, count = checkpoint.save_file, [0]

    def save(*args: Any, **kwargs: Any) -> None:
        count[0] += 1
        if count[0] == call:
            raise OSError(number, os.strerror(number))
        real(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "save_file", save)


@pytest.mark.parametrize(
    ("call", "number"), [(1, errno.EIO), (2, errno.EROFS), (1, errno.EACCES), (3, errno.ENOSPC), (2, errno.EFBIG)]
)
def test_a_fault_of_the_disk_pauses_the_search(
    spec: Path, whole: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, number: int
) -> None:
    failing(monkeypatch, call, number)
    with pytest.raises(NasError, match=r"cannot be written.*nas search --resume") as paused:
        start_search(spec, tmp_path / "runs")
    assert paused.value.exit_code == 1
    run = open_run(None, tmp_path / "runs")
    assert "trial_failed" not in [event["event"] for event in recorded(run.journal)]
    resume_search(run.path)
    assert trace(run.path) == whole


class Interrupting(Silent):
    """Ctrl-C once a trial goes on to its second rung; later it listens only."""

    def __init__(self, interrupts: bool) -> None:
        self.interrupts = interrupts
        self.notes: list[str] = []

    def event(self, event: Any, trial: Any = None) -> None:
        if self.interrupts and isinstance(event, TrialStarted) and event.rung == 1:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("damage", [b"damaged", b"", b"\x00" * 5000], ids=["text", "empty", "zeros"])
def test_a_damaged_checkpoint_is_trained_again(spec: Path, whole: list[Any], tmp_path: Path, damage: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        start_search(spec, tmp_path / "runs", observer=Interrupting(True))
    run = open_run(None, tmp_path / "runs")
    stored = list(run.path.glob("trials/*/checkpoint.safetensors"))
    assert stored
    for path in stored:
        path.write_bytes(damage)
    observer = Interrupting(False)
    resume_search(run.path, observer=observer)
    assert trace(run.path) == whole
    assert any("is trained again from its first epoch" in note for note in observer.notes)


@pytest.fixture
def workers() -> Iterator[Processes]:
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32")
    executor = Processes(session, 1)
    yield executor
    executor.close()
    session.close()


def test_a_worker_tells_of_a_fault_of_the_disk_and_goes_on(workers: Processes, tmp_path: Path) -> None:
    train = parse_space(["relu"], {"epochs": 1}, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "checkpoint.safetensors"
    workers.submit(Job(0, 0, "trial 0", [{"conv": 4}], train, 0, 1, 1, 5, None, str(place), None))
    with pytest.raises(OSError, match=r"(File exists|Not a directory)") as raised:
        workers.wait()
    assert raised.value.filename == str(place)
    workers.submit(Job(1, 0, "trial 1", [{"conv": 4}], train, 0, 1, 1, 5, None, str(tmp_path / "x"), None))
    result = workers.wait()
    assert result is not None
    assert result.status == "finished"
