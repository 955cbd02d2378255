"""Weights that a plugin's modules bring, from a file and from its data, from the search to the exported network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import nas_cli
from nas_cli.plugins import taking_back

PLUGIN = '''
from collections.abc import Mapping
from dataclasses import dataclass, field
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from nas_cli.axes import Axes
from nas_cli.data import Dataset, Examples
from nas_cli.plugins import encoder, op, source, task
from nas_cli.task.classification import Classification
from nas_cli.data import Wanted

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(200, 5))
LABELS = (ROWS[:, 0] > 0).astype(int)

@dataclass(frozen=True)
class Plain:
    assets: Mapping = field(default_factory=dict)
    axes: Axes = Axes.floats(5)
    facts: dict = field(default_factory=dict)
    def encode(self, raw):
        return raw.astype(np.float32)
    def read(self, arguments):
        return [(text, np.array([[float(cell) for cell in text.split()]])) for text in arguments]
    def state(self):
        return {"kind": "plain"}

@encoder("plain")
def plain(state):
    return Plain()

@source("sensors")
def sensors() -> Dataset:
    """Rows of five numbers."""
    fit = lambda raw: Plain(ASSETS)
    return Dataset(Examples("sensors", LABELS, lambda rows: ROWS[rows]), inputs="table rows", fit=fit)

ASSETS = {"prototypes": ROWS[:4].astype(np.float32)}

@task("sensor-classification")
class Sensors(Classification):
    wanted = Wanted("table rows", "class")

class Nearest(nn.Module):
    """Likeness to each of some rows."""
    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(4, 5), requires_grad=False)
    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        self.rows.copy_(assets["prototypes"])
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, -(x[:, None] - self.rows).square().mean(2)], dim=1)

class Backbone(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Linear(width, 6)
        self.body.requires_grad_(False)
    def first_weights(self, generator: torch.Generator, assets: Mapping[str, Tensor]) -> None:
        self.body.load_state_dict(load_file("backbone.safetensors"))
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

@op("nearest")
def nearest(shape) -> nn.Module:
    """Likeness to rows that the data brings."""
    return Nearest()

@op("backbone")
def backbone(shape) -> nn.Module:
    """A layer that was trained before."""
    return Backbone(shape[0])
'''
SPEC = """\
name: own
task: sensor-classification
data: {source: sensors}
model: [nearest, backbone, relu, {linear: {units: {choice: [4, 8]}}}, relu]
train: {epochs: 2, batch_size: 64}
search: {strategy: random, stop: {trials: 2}}
final: {top: 1, seeds: 1}
hardware: {workers: WORKERS, precision: float32}
plugins: [own.py]
"""


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with taking_back():
        yield


def written(workers: int = 0, code: str = PLUGIN) -> Path:
    Path("own.py").write_text(code)
    spec = Path("own.yaml")
    spec.write_text(SPEC.replace("WORKERS", str(workers)))
    generator = torch.Generator().manual_seed(0)
    tensors = {"weight": torch.randn(6, 9, generator=generator), "bias": torch.randn(6, generator=generator)}
    save_file(tensors, "backbone.safetensors")
    return spec


@pytest.mark.parametrize("workers", [0, 1])
def test_they_are_trained_with_kept_and_exported(workers: int) -> None:
    run = nas_cli.search(written(workers)).path
    stored, brought = load_file(run / "best" / "weights.safetensors"), load_file("backbone.safetensors")
    for key, tensor in brought.items():
        assert torch.equal(stored[f"layers.model_1_backbone.body.{key}"], tensor)
    assert stored["layers.model_0_nearest.rows"].abs().sum() > 0
    Path("backbone.safetensors").unlink()  # nothing that is done with a network that is trained asks for it
    nas_cli.evaluate(run)
    for form in ("source", "onnx"):
        assert nas_cli.export(run, form, Path(f"net-{form}"))["largest_difference"] < 1e-4
    text = Path("net-source/model.py").read_text()
    assert "first_weights" not in text
    assert "load_file" not in text
