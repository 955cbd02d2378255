"""Checkpoints stay while a promotion may need them, within a bound; one that is gone costs time and no result."""

from __future__ import annotations

from pathlib import Path

import pytest
from journals import tell

from nas_cli.record.directory import RunDirectory
from nas_cli.run import checkpoints as module
from nas_cli.run.checkpoints import Checkpoints
from nas_cli.trial import History


class Ranked:
    """A scheduler that may still need what it is told, the most likely first."""

    def __init__(self, needed: list[int]) -> None:
        self.list = needed

    def needed(self, history: History, trials: int | None) -> list[int]:
        return self.list


def paused(numbers: range) -> History:
    history = History()
    for number in numbers:
        tell(history, {"event": "trial_started", "number": number, "genotype": {"x": number}, "rung": 0})
        end = {"number": number, "rung": 0, "measurement": {}, "reward": 1.0, "last": False}
        tell(history, {"event": "trial_finished", **end})
    return history


def write(run: RunDirectory, number: int, size: int) -> None:
    path = run.checkpoint(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def stored(run: RunDirectory) -> list[int]:
    return sorted(int(path.parent.name) for path in run.path.glob("trials/*/checkpoint.safetensors"))


def test_what_no_promotion_can_need_is_deleted(tmp_path: Path) -> None:
    run, history, scheduler = RunDirectory(tmp_path), paused(range(6)), Ranked([4, 1])
    kept = Checkpoints(run, scheduler, None, 1)  # type: ignore[arg-type]
    for number in range(6):
        write(run, number, 10)
        kept.tidy(history, number)
    assert stored(run) == [1, 4]
    assert kept.stored(4) == str(run.checkpoint(4))
    assert kept.stored(0) is None


def test_of_too_much_the_least_likely_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    monkeypatch.setattr(module, "LEAST_KEPT", 2)
    run, history = RunDirectory(tmp_path), paused(range(8))
    kept = Checkpoints(run, Ranked([7, 3, 5, 0, 1, 2]), None, 1)  # type: ignore[arg-type]
    for number in range(8):
        write(run, number, 40)
        kept.tidy(history, number)
    assert stored(run) == [3, 7]


def test_a_running_trial_keeps_its_checkpoint_and_left_overs_go(tmp_path: Path) -> None:
    run, history = RunDirectory(tmp_path), paused(range(3))
    for number in range(3):
        write(run, number, 10)
    (run.checkpoint(2).parent / ".checkpoint.safetensors.77.tmp").touch()
    tell(history, {"event": "trial_started", "number": 0, "rung": 1})
    tell(history, {"event": "trial_failed", "number": 2, "rung": 0, "reason": "killed"})
    Checkpoints(run, Ranked([]), None, 1).tidy(history, 2)  # type: ignore[arg-type]
    assert stored(run) == [0]
    assert not run.checkpoint(2).parent.exists()
