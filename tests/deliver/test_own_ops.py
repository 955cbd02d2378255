"""Own ops as source: a class, what its file has for it, and how it was made, without nas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas_cli.deliver.export.exporting import export
from nas_cli.errors import ExportError
from nas_cli.plugins import import_plugin
from nas_cli.run.search import start_search

PLUGIN = '''\
from __future__ import annotations

import functools
from math import sqrt

import nas_cli.plugins
import torch.nn.functional as F
from torch import Tensor, nn

from nas_cli.plugins import op

SCALE = 2.0
ROOTS = {k: sqrt(k) for k in (1, 2)}


def twice(x: Tensor) -> Tensor:
    return SCALE * x


class Base(nn.Module):
    """What both have."""

    def forward(self, x: Tensor) -> Tensor:
        return twice(F.relu(self.inner(x))) * ROOTS[2]


class Own(Base):
    def __init__(self, channels: int, *, kernel: int = 3, act: type[nn.Module] | None = None) -> None:
        super().__init__()
        parts = [nn.Conv2d(channels, channels, kernel, padding=kernel // 2), Gate(0.25)]
        self.inner = nn.Sequential(*parts, *([act()] if act else []))


class Gate(nn.Module):
    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    @functools.cached_property
    def factor(self) -> float:
        return self.share + 1

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Around(nn.Module):
    def __init__(self, body: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.body, self.names = body, names

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Made(nn.Module):
    def __init__(self, how) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x + 1


@op("own_conv")
def own_conv(shape: tuple[int, ...], kernel: int = 3) -> nn.Module:
    """Its own convolution."""
    return nn.Sequential(Own(shape[0], kernel=kernel, act=nn.GELU), Around(Own(shape[0]), ["a", "it's"]))


@nas_cli.plugins.op("own_gate")
def own_gate(shape: tuple[int, ...], share: float = 0.5) -> nn.Module:
    """A gate alone."""
    return Gate(share)


@op("own_made")
def own_made(shape: tuple[int, ...]) -> nn.Module:
    """Made with what cannot be written down."""
    return Made(lambda x: x)
'''
SPEC = """
task: image-classification
data: {source: digits}
model: [{conv: {channels: 4}}, {own_conv: {kernel: 5}}, own_gate, relu, {conv: {channels: 4, stride: 2}}, OTHER]
train: {epochs: 1, batch_size: 512}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
plugins: [OPS]
"""


def searched(folder: Path, other: str) -> Path:
    text = SPEC.replace("OTHER", other).replace("OPS", str(folder / "ops.py"))
    (folder / "spec.yaml").write_text(text)
    return start_search(folder / "spec.yaml", folder / "runs").run.path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    (made / "ops.py").write_text(PLUGIN)
    import_plugin(made / "ops.py")
    return made


def test_an_op_of_classes_is_exported_with_all_that_it_needs(folder: Path, tmp_path: Path) -> None:
    result: Any = export(searched(folder, "relu"), "source", tmp_path / "net", plugins=True)
    assert result["largest_difference"] < 1e-4
    text = (tmp_path / "net" / "model.py").read_text()
    assert "nas_cli" not in text
    assert "Own(4, kernel=5, act=nn.GELU)" in text
    assert """["a", "it's"]""" in text.replace("['a', \"it's\"]", """["a", "it's"]""")
    assert "class Made" not in text
    command = [sys.executable, "-I", str(tmp_path / "net" / "model.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "(body): Own(" in done.stdout, done.stderr


def test_what_cannot_be_written_down_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Made is made with <function"):
        export(searched(folder, "own_made"), "source", tmp_path / "net", plugins=True)
    assert not (tmp_path / "net").exists()
