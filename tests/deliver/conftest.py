"""One small run on real digits, made once and copied for every test that changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas_cli.run.search import start_search

SPEC = """
name: small
task: image-classification
data: {source: digits}
model:
  - conv: {channels: 8, kernel: 3}
  - batch_norm
  - {choice: [relu, gelu]}
  - residual: [{mbconv: {channels: same, expand: 2, se: 0.25}}]
  - tap: early
  - max_pool: {size: 2}
  - branches: {paths: [[{avg_pool: {size: 3, stride: 1, padding: 1}}], [{separable_conv: {channels: 8}}]], join: concat}
  - upsample: {scale: 2}
  - join: {with: early, by: add}
  - cell: {nodes: 3, inputs: 2, from: 2, channels: 8, ops: [identity, {conv: {channels: same}}]}
  - drop_path: 0.1
  - dropout: 0.1
train: {epochs: 4, optimizer: {adamw: {lr: 0.01}}, augment: [{crop: {padding: 1}}], ema: 0.9}
search: {strategy: random, stop: {trials: 2}}
final: {epochs: 6, top: 1, seeds: 1}
baselines: {plain: [{conv: {channels: 4}}, relu]}
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run. Not to be changed: take `run`."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.yaml").write_text(SPEC)
    return start_search(folder / "small.yaml", folder / "runs").run.path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))
