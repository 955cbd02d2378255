"""The smallest finished run, made once and copied for every test that damages it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas_cli.run.search import start_search

SPEC = """
name: tiny
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3, 4]}, stride: 2}}, relu, {global_pool: avg}]
train: {epochs: 1, batch_size: 512}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
baselines: {plain: [flatten]}
hardware: {workers: 0, device: cpu, precision: float32, layout: channels-first}
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run. Not to be changed: take `run`."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(SPEC)
    return start_search(folder / "tiny.yaml", folder / "runs").run.path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
