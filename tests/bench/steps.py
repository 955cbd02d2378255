"""A tiny run that is killed, or whose disk fails, at any of its steps, and goes on: the same as one left alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import faults
import pytest
from bench.kills import trace
from journals import recorded

from nas_cli.errors import NasError
from nas_cli.record.directory import open_run
from nas_cli.run.search import resume_search, start_search

ONE = """
name: tiny
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3]}, stride: 4}}, relu, {global_pool: avg}]
train: {epochs: 2, batch_size: 1000}
search: {strategy: random, schedule: {asha: {min_epochs: 1, reduction: 2}}, stop: {trials: 2}}
final: {epochs: 1, top: 1, seeds: 2}
baselines: {plain: [{conv: {channels: 1, stride: 4}}]}
hardware: {workers: 0, precision: float32, layout: channels-first, device: cpu}
"""
SEARCH = "strategy: random, schedule: {asha: {min_epochs: 1, reduction: 2}}"
TWO = ONE.replace(SEARCH, "strategy: nsga2") + "objective: [{maximize: accuracy}, {minimize: macs}]\n"
FIRST = "before run_started"
"""The step from which on a run is there to go on with."""


def whole_run(folder: Path, text: str) -> tuple[Path, Path]:
    """A spec, and the directory of its run."""
    spec = folder / "tiny.yaml"
    spec.write_text(text, encoding="utf-8")
    return spec, start_search(spec, folder / "runs").run.path


def content(run: Path) -> dict[str, str]:
    """A digest of every file that a run is for, lines with seconds left out. Hidden drafts of ours may be left: whoever
    comes next removes those whose process is gone, and here it is not.
    """
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if path.is_file() and name not in ("journal.jsonl", "lock") and not hidden:
            kept = [line for line in path.read_bytes().splitlines() if b"seconds" not in line]
            found[name] = hashlib.sha256(b"\n".join(kept)).hexdigest()
    return found


def finals(run: Path) -> list[tuple[str, int]]:
    """Every final training that ended, as often as it did."""
    events = recorded(run / "journal.jsonl")
    return sorted((e["candidate"], e["seed"]) for e in events if e["event"] == "final_finished")


def require_same(run: Path, whole: Path, when: str) -> None:
    assert trace(run) == trace(whole), when
    assert content(run) == content(whole), when


def run_to_the_end_phase(spec: Path, root: Path) -> Path:
    """A run whose final trainings have ended, and that has none of what comes after them."""

    def stop(*_: object) -> None:
        raise faults.Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas_cli.run.search.what_is_kept", stop)
        with pytest.raises(faults.Killed):
            start_search(spec, root)
    return open_run(None, root).path


def kill_the_end_phase(spec: Path, whole: Path, folder: Path, stride: int = 1) -> int:
    """Kills at each step of the end phase, or at each `stride`-th; gives how many kills there were."""
    ending = run_to_the_end_phase(spec, folder / "ending")
    counted = Path(shutil.copytree(ending, folder / "counted"))
    steps = faults.steps_of(lambda: resume_search(counted))
    for number in range(0, len(steps), stride):
        run = Path(shutil.copytree(ending, folder / str(number)))
        assert faults.killed_at(number, lambda run=run: resume_search(run)), steps[number]  # type: ignore[misc]
        resume_search(run)
        require_same(run, whole, f"killed before step {number}: {steps[number]}")
        assert finals(run) == finals(whole), "what had ended was trained again"
        assert visible(run) == visible(whole)
    return len(range(0, len(steps), stride))


def visible(run: Path) -> list[str]:
    return sorted(path.name for path in run.iterdir() if path.name[0] != ".")


def kill_everywhere(spec: Path, whole: Path, folder: Path, stride: int = 1) -> int:
    """Kills at each step of a whole run, or at each `stride`-th; gives how many kills there were."""
    steps = faults.steps_of(lambda: start_search(spec, folder / "counted"))
    numbers = range(steps.index(FIRST), len(steps), stride)
    for number in numbers:
        root = folder / str(number)
        assert faults.killed_at(number, lambda root=root: start_search(spec, root))  # type: ignore[misc]
        run = open_run(None, root).path
        resume_search(run)
        require_same(run, whole, f"killed before step {number}: {steps[number]}")
    return len(numbers)


def fail_in_the_end_phase(spec: Path, whole: Path, folder: Path, code: int, stride: int = 1) -> int:
    """Has each step of the end phase fail, or each `stride`-th; gives how often that paused it."""
    ending = run_to_the_end_phase(spec, folder / "ending")
    counted = Path(shutil.copytree(ending, folder / "counted"))
    steps = faults.steps_of(lambda: resume_search(counted))
    paused = 0
    for number in range(steps.index("after resumed"), len(steps), stride):
        run = Path(shutil.copytree(ending, folder / str(number)))
        said = None
        with faults.failing_at(number, code):
            try:
                resume_search(run)
            except NasError as error:
                said = str(error)
        if said is not None:
            paused += 1
            assert f"nas search --resume {run}" in said
        resume_search(run)
        require_same(run, whole, f"failed at step {number}: {steps[number]}")
    return paused


def fail_everywhere(spec: Path, whole: Path, folder: Path, code: int, stride: int = 1) -> int:
    """Has each step of a whole run fail, or each `stride`-th; gives how often that paused it."""
    steps = faults.steps_of(lambda: start_search(spec, folder / "counted"))
    paused = 0
    for number in range(steps.index(FIRST), len(steps), stride):
        root = folder / str(number)
        said = None
        with faults.failing_at(number, code):
            try:
                start_search(spec, root)
            except NasError as error:
                said = str(error)
        run = open_run(None, root).path
        if said is not None:
            paused += 1
            assert f"nas search --resume {run}" in said
        resume_search(run)
        require_same(run, whole, f"failed at step {number}: {steps[number]}")
    return paused
