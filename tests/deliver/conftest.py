"""Small runs on real digits and their exports, made once and copied for every test that changes them."""

from __future__ import annotations

import copy
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lent import Lent, lent_python
from torch.onnx._internal.exporter._registration import ONNXRegistry

from nas_cli.deliver import evaluate
from nas_cli.deliver.export import source
from nas_cli.deliver.export.exporting import FORMATS, export
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
hardware: {workers: 0}
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


PLAIN = """
name: plain
task: image-classification
data: {source: digits}
model: [flatten]
train: {epochs: 1, batch_size: 512}
search: {strategy: random, stop: {trials: 1}}
final: {epochs: 1, top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""


@pytest.fixture(scope="session")
def finished_plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose network is one layer, which exports as quickly as any can. Not to be changed."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "plain.yaml").write_text(PLAIN)
    return start_search(folder / "plain.yaml", folder / "runs").run.path


@pytest.fixture
def plain_run(finished_plain: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished_plain, tmp_path / "runs" / finished_plain.name))


Exported = Callable[[Path, str], tuple[dict[str, Any], Path]]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The network of a run in a form: what `export` said, and the path. Written once, and not to be changed."""

    @functools.cache
    def once(run: Path, form: str) -> tuple[dict[str, Any], Path]:
        path = tmp_path_factory.mktemp("exported") / FORMATS[form].file
        return export(run, form, path), path

    return once


@pytest.fixture(scope="session")
def lent() -> Iterator[Lent]:
    with lent_python() as python:
        yield python


KNOWN = functools.cache(ONNXRegistry.from_torchlib)


@pytest.fixture(scope="module", autouse=True)
def quick(lent: Lent) -> Iterator[None]:
    """Sources are run by a Python that has torch already; tests of the command run them as a user does. Torch lists the
    operators that ONNX has once, not for every export. Latencies are measured for a twentieth of a second.
    """

    def listed(**version: int) -> ONNXRegistry:
        registry = copy.copy(KNOWN(**version))
        registry.functions = {target: [*each] for target, each in registry.functions.items()}
        return registry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "measure_latency", functools.partial(evaluate.measure_latency, seconds=0.05))
        patch.setattr(source, "subprocess", SimpleNamespace(run=lent.run))
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(listed))
        yield
