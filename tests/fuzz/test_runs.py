"""A slice of the fuzzer of run directories; `bench_runs.py` is the whole of it."""

from __future__ import annotations

from pathlib import Path

from fuzz import harness, runs


def test_damaged_runs_are_answered(tmp_path: Path) -> None:
    made = runs.make_runs(tmp_path, ("table", "front"))
    found = harness.fuzz("runs", runs.action(made, tmp_path / "damaged"), range(90))
    assert not found, "\n".join(found)
