"""A search whose processes are all killed again and again, and which goes on each time.

A life ends at a step that was drawn beforehand, an event of the journal or an epoch, and so at the same one however
fast the machine is: the search itself sends SIGKILL when it comes there. Its workers die with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from journals import recorded

from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search, start_search

SPEC = """
name: killed
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {int: [2, 16]}, kernel: {choice: [1, 3]}}
  - relu
  - {max_pool: {size: {choice: [2, 4]}}}
train: {epochs: 3, optimizer: {adamw: {lr: {float: [1e-3, 3e-2], log: true}}}}
search: {strategy: {evolution: {population: 4, sample: 2}}, schedule: {asha: {min_epochs: 1}}}
final: {epochs: 2, top: 2, seeds: 2}
baselines: {plain: [{conv: 4}, relu]}
hardware: {precision: float32, layout: channels-first}
"""
LONGEST_LIFE = 5
"""Steps, of which the first is that the run begins or goes on."""
Launch = Callable[[Path, Path, int, list[str]], tuple[int, str]]
"""Has `live` called in a process of its own; how that ended, and what it wrote to stderr."""


class Mortal(Silent):
    """Kills its process at step `life`, or never where that is 0."""

    def __init__(self, life: int) -> None:
        self.left = life

    def event(self, event: object, trial: object = None) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self.event(None)


def live(root: Path, spec: Path, life: int, overrides: list[str]) -> None:
    """Begins the search, or goes on with it."""
    mortal = Mortal(life)
    if root.exists() and any(root.glob("killed-*")):
        resume_search(None, observer=mortal, root=root)
    else:
        start_search(spec, root, overrides, mortal)


def launch(root: Path, spec: Path, life: int, overrides: list[str]) -> tuple[int, str]:
    """In a new interpreter."""
    words = [sys.executable, "-m", "bench.kills", str(root), str(spec), str(life), *overrides]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True, timeout=600, cwd=Path(__file__).parents[1])
    return done.returncode, done.stderr


def search(
    folder: Path, overrides: list[str], kills: int = 0, seed: int = 0, launch: Launch = launch
) -> tuple[Path, int]:
    """The run directory of a whole search, and how often it was killed: `kills` times, where it had so many steps."""
    folder.mkdir()
    spec = folder / "killed.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    root = folder / "runs"
    rng = np.random.default_rng(seed)
    killed = 0
    while True:
        life = int(rng.integers(1, LONGEST_LIFE + 1)) if killed < kills else 0
        code, said = launch(root, spec, life, overrides)
        if code == -signal.SIGKILL:
            killed += 1
            continue
        assert code == 0, said
        (run,) = root.glob("killed-*")
        return run, killed


def trace(run: Path) -> list[Any]:
    """What must not depend on kills: every proposal and measurement, in order, without times."""
    kept, final = [], []
    for event in recorded(run / "journal.jsonl"):
        if event["event"] in ("resumed", "final_started", "run_started"):
            continue
        event = {key: value for key, value in event.items() if key not in ("time", "sequence")}
        if "measurement" in event:
            event["measurement"] = {k: v for k, v in event["measurement"].items() if "seconds" not in k}
        (final if event["event"].startswith("final_") else kept).append(event)
    # With several workers, final trainings end in any order: they are independent of each other.
    return kept + sorted(final, key=lambda event: (event["event"], event["candidate"], event["seed"]))


if __name__ == "__main__":
    live(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
