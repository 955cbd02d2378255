"""A kill and a fault at every step of a run; `tests/run/test_every_step.py` is the short form."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from bench import steps

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("text", [steps.ONE, steps.TWO], ids=["one objective", "two objectives"])
def test_every_step(text: str, tmp_path: Path) -> None:
    spec, whole = steps.whole_run(tmp_path, text)
    for name in ("killed", "full", "broken"):
        (tmp_path / name).mkdir()
    killed = steps.kill_everywhere(spec, whole, tmp_path / "killed")
    full = steps.fail_everywhere(spec, whole, tmp_path / "full", errno.ENOSPC)
    broken = steps.fail_everywhere(spec, whole, tmp_path / "broken", errno.EIO)
    print(f"\nkilled at each of {killed} steps, paused by {full} full disks and {broken} broken ones: the same run")
    assert min(killed, full, broken) > 50
