"""Two hundred kills of one search; `tests/run/test_kills.py` is the short form."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import kills

pytestmark = pytest.mark.bench
KILLS = 200


def test_killed_two_hundred_times(tmp_path: Path) -> None:
    overrides = ["hardware.workers=1", "search.stop.trials=220"]
    whole, _ = kills.search(tmp_path / "whole", overrides)
    run, killed = kills.search(tmp_path / "killed", overrides, KILLS)
    assert kills.trace(run) == kills.trace(whole)
    print(f"\n{killed} kills of one search: the same trials, measurements and winner as without")
    assert killed == KILLS
