"""How large the run directory of a long search with checkpoints becomes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.speed import NAS

CONFIG = Path(__file__).parents[2] / "configs" / "digits.yaml"
TRIALS = 1000
SETTINGS = (
    f"search.stop.trials={TRIALS}",
    "search.stop.time=null",
    "search.schedule={asha: {min_epochs: 1, reduction: 3}}",
    "train.epochs=9",
    "final.epochs=1",
    "final.top=1",
    "final.seeds=1",
)


def rows() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as name:
        changes = [argument for setting in SETTINGS for argument in ("--set", setting)]
        command = [*NAS, "search", str(CONFIG), "--out", name, *changes]
        began = time.time()
        search = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        largest = 0
        try:
            while search.poll() is None:
                largest = max(largest, size(Path(name)))
                time.sleep(0.5)
        finally:
            search.kill()
        assert search.returncode == 0
        after = size(Path(name))
    minutes = (time.time() - began) / 60
    text = f"{largest / 1e6:.0f} MB at most, {after / 1e6:.1f} MB at the end ({minutes:.0f} min)"
    yield f"run directory of {TRIALS:,} trials of configs/digits.yaml with asha", text, "200 MB"


def size(folder: Path) -> int:
    """Bytes of all files; one that goes away meanwhile counts nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            with suppress(FileNotFoundError):
                total += os.path.getsize(os.path.join(place, file))
    return total
