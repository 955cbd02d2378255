"""SIGKILL of a search with its workers, over and over: nothing is lost and nothing is different."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import kills
from safetensors.torch import load_file

from nas_cli.record.directory import RunDirectory


@pytest.mark.parametrize(
    ("wanted", "overrides"),
    [
        (4, ["hardware.workers=1", "search.stop.trials=8"]),
        (2, ["hardware.workers=2", "search.deterministic=true", "search.stop.trials=6"]),
    ],
    ids=["one worker", "two deterministic workers"],
)
def test_a_killed_search_is_the_search(tmp_path: Path, wanted: int, overrides: list[str]) -> None:
    whole, _ = kills.search(tmp_path / "whole", overrides)
    run, killed = kills.search(tmp_path / "killed", overrides, wanted)
    assert killed == wanted
    assert kills.trace(run) == kills.trace(whole)
    first, second = load_file(RunDirectory(run).best.weights), load_file(RunDirectory(whole).best.weights)
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first)
