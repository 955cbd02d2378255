"""A search whose processes are all killed again and again, and which goes on each time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.run.journal import read_journal

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
CODE = (
    "import sys; from pathlib import Path; from nas_cli.run.search import start_search, resume_search;"
    "root = Path(sys.argv[1]);"
    "resume_search(None, root=root) if root.exists() and any(root.glob('killed-*')) else "
    "start_search(Path(sys.argv[2]), root, sys.argv[3:])"
)


def search(folder: Path, overrides: list[str], kills: int = 0, seed: int = 0) -> tuple[Path, int]:
    """The run directory of a whole search, and how often it was killed: `kills` times, where it took that long.

    Each life is killed, with all that it started, at a random moment: some while it starts, most after it recorded
    something.
    """
    folder.mkdir()
    spec = folder / "killed.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    root = folder / "runs"
    rng = np.random.default_rng(seed)
    killed = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(root), str(spec), *overrides],
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        if killed < kills:
            if killed % 5:
                _wait_for_events(root, _lines(root), process)
            time.sleep(float(rng.uniform(0.0, 0.3 if killed % 5 else 3.0)))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
                process.wait()
                continue
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        (run,) = root.glob("killed-*")
        return run, killed


def trace(run: Path) -> list[Any]:
    """What must not depend on kills: every proposal and measurement, in order, without times."""
    kept, final = [], []
    for event in read_journal(run / "journal.jsonl"):
        if event["event"] in ("resumed", "final_started", "run_started"):
            continue
        event = {key: value for key, value in event.items() if key not in ("time", "sequence")}
        if "measurement" in event:
            event["measurement"] = {k: v for k, v in event["measurement"].items() if "seconds" not in k}
        (final if event["event"].startswith("final_") else kept).append(event)
    # With several workers, final trainings end in any order: they are independent of each other.
    return kept + sorted(final, key=lambda event: (event["event"], event["candidate"], event["seed"]))


def _lines(root: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in root.glob("killed-*/journal.jsonl"))


def _wait_for_events(root: Path, before: int, process: subprocess.Popen[str]) -> None:
    """Until the journal has an event more than that it was resumed."""
    deadline = time.monotonic() + 60
    while _lines(root) <= before + 1 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
