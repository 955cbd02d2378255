"""2,000 damaged run directories: an answer to each. `python -m pytest -m bench tests/fuzz/bench_runs.py`"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import harness, runs


@pytest.mark.bench
def test_every_damaged_run_is_answered(tmp_path: Path) -> None:
    made = runs.make_runs(tmp_path)
    found = harness.fuzz("runs", runs.action(made, tmp_path / "damaged"), range(2000))
    assert not found, f"{len(found)} of 2,000:\n" + "\n".join(found[:20])
