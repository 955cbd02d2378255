"""SIGKILL of a search with its workers, over and over: nothing is lost and nothing is different.

Each search is a process of its own and each worker too, forked where that is safe; the bench starts interpreters.
"""

from __future__ import annotations

from pathlib import Path

import nursery
import pytest
from bench import kills
from safetensors.torch import load_file

from nas_cli.record.directory import RunDirectory


def live(root: Path, spec: Path, life: int, overrides: list[str]) -> None:
    nursery.fork_workers_here()
    kills.live(root, spec, life, overrides)


def launch(root: Path, spec: Path, life: int, overrides: list[str]) -> tuple[int, str]:
    printed = spec.with_name("printed")
    search = nursery.start(live, root, spec, life, [*overrides, "hardware.device=cpu"], printed=printed)
    search.join()
    return search.exitcode, printed.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wanted", "overrides"),
    [
        (4, ["hardware.workers=1", "search.stop.trials=8"]),
        (2, ["hardware.workers=2", "search.deterministic=true", "search.stop.trials=6"]),
    ],
    ids=["one worker", "two deterministic workers"],
)
def test_a_killed_search_is_the_search(tmp_path: Path, wanted: int, overrides: list[str]) -> None:
    whole, _ = kills.search(tmp_path / "whole", overrides, launch=launch)
    run, killed = kills.search(tmp_path / "killed", overrides, wanted, launch=launch)
    assert killed == wanted
    assert kills.trace(run) == kills.trace(whole)
    first, second = load_file(RunDirectory(run).best.weights), load_file(RunDirectory(whole).best.weights)
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first)
