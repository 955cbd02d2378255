"""Every recurrent layer in every form of export: batches and sentences of any length, padded or not."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from fields import axes_of, inputs_of
from torch import Tensor, nn

from nas_cli.axes import Axes
from nas_cli.data import DataSettings
from nas_cli.deliver.export import exporting as export_module
from nas_cli.deliver.export.exporting import FORMATS
from nas_cli.deliver.load import Model
from nas_cli.errors import ExportError
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.record.directory import RunDirectory
from nas_cli.space.parse import parse_architecture
from nas_cli.task import open_task
from nas_cli.task.problem import Problem

FACTS = {"words": 50, "characters": 20, "labels": 4, "places": 9}
TRACED = (5, 9)
WORDS_IN = inputs_of(TRACED)
FLOATS = axes_of(TRACED)
ENCODER: Any = SimpleNamespace(raw=True)
WORDS = [{"embedding": {"units": 8}}]
SPELT = [{"branches": {"paths": [WORDS, [{"characters": {"units": 6, "kind": "lstm"}}]], "join": "concat"}}]
BODIES: dict[str, list[Any]] = {
    "one-way": [
        *WORDS,
        {"lstm": {"units": 10, "bidirectional": False}},
        {"gru": {"units": 10, "bidirectional": False}},
    ],
    "crf": [*SPELT, {"lstm": {"units": 12}}, {"gru": {"units": 10}}, "crf"],
    "pooled": [*SPELT, {"gru": {"units": 10}}, {"global_pool": "max"}],
}
BATCHES = [[1], [2], [9], [23], [150], [1, 1, 1], [9, 1, 4], [3, 17, 17, 1, 5, 2, 8], [40] * 16]
"""The lengths of the sentences of each batch. What is traced is two of 9."""
PADDED = [9, 1, 4, 2, 13]
"""Those of a batch that is wider than its longest sentence, and must give what its sentences give alone."""


def model_of(network: nn.Module, axes: Axes = WORDS_IN["input"], task: str = "sequence-labelling") -> Model:
    """As `load` gives it, without a run."""
    labels, data = ("O", "B-LOC", "B-PER", "I-PER"), DataSettings("conll", {})
    where: Any = RunDirectory(Path("nowhere"))
    any_network: Any = network.eval()
    inputs = {"input": axes}
    return Model(where, where.best, "m", any_network, Problem(task, inputs, labels, {}), data, 0, [], {}, ENCODER)


Written = tuple[Model, Any, Path]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Written]:
    """A network of `BODIES`, what runs it in a form, and the path of that. Written once, and not to be changed."""

    @functools.cache
    def once(name: str, form: str) -> Written:
        path = tmp_path_factory.mktemp("written") / FORMATS[form].file
        model = untrained(name)
        return model, FORMATS[form].write(model, path), path

    return once


def untrained(name: str) -> Model:
    task = "text-classification" if name == "pooled" else "sequence-labelling"
    body = parse_architecture(BODIES[name], OPS)
    fresh = Fresh(torch.Generator().manual_seed(1))
    head = open_task(task).head
    network = build(body, WORDS_IN, lambda shape: parse_architecture(head(shape, FACTS), OPS), FACTS, fresh)
    return model_of(network, task=task)


def sentences(lengths: list[int], extra: int = 0) -> np.ndarray[Any, Any]:
    """A batch of sentences, each word with 1 to 4 of 4 characters, `extra` places wider than its longest one."""
    rng = np.random.default_rng(sum(lengths))
    batch = np.zeros((len(lengths), 5, max(lengths) + extra), np.int32)
    for row, length in enumerate(lengths):
        batch[row, :, :length] = rng.integers(1, 20, (5, length))
        for word in range(length):
            batch[row, 2 + int(rng.integers(4)) :, word] = 0
    return batch


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", BODIES)
def test_any_batch_and_any_length(name: str, form: str, written: Callable[[str, str], Written]) -> None:
    model, run, _ = written(name, form)
    padded = sentences(PADDED, extra=6)
    single = [np.ascontiguousarray(padded[row : row + 1, :, :length]) for row, length in enumerate(PADDED)]
    batches = [*map(sentences, BATCHES), padded, *single]
    results = run([[batch] for batch in batches])
    for batch, outputs in zip(batches, results, strict=True):
        with torch.inference_mode():
            expected = model.network(torch.from_numpy(batch)).numpy()
        assert outputs.shape == expected.shape
        np.testing.assert_allclose(outputs, expected, atol=1e-5, rtol=0)
    together, *alone = results[len(BATCHES) :]
    for row, outputs in enumerate(alone):
        found = together[row, :, : outputs.shape[2]] if outputs.ndim == 3 else together[row]
        np.testing.assert_allclose(found, outputs[0], atol=1e-5, rtol=0)


def test_the_torch_program_needs_torch_alone(written: Callable[[str, str], Written], tmp_path: Path) -> None:
    model, _, path = written("crf", "torch")
    batch = sentences([30, 1, 12])
    np.save(tmp_path / "in.npy", batch)
    code = (
        "import sys, numpy, torch; program = torch.export.load(sys.argv[1]).module();"
        "outputs = program(torch.from_numpy(numpy.load('in.npy'))); numpy.save('out.npy', outputs.detach().numpy());"
        "assert not [m for m in sys.modules if m.startswith('nas_cli')]"
    )
    # -I keeps the folder of nas out of the path
    command = [sys.executable, "-I", "-c", code, str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5, rtol=0)


def test_onnx_has_its_own_recurrences(written: Callable[[str, str], Written]) -> None:
    _, _, path = written("crf", "onnx")
    graph = onnx.load(path).graph
    kinds = [node.op_type for node in graph.node]
    assert (kinds.count("LSTM"), kinds.count("GRU")) == (4, 2)  # two directions of the characters, two of each layer
    assert not {"Loop", "Scan", "If"} & set(kinds)
    assert {node.domain for node in graph.node} == {""}
    assert [dim.dim_param for dim in graph.input[0].type.tensor_type.shape.dim] == ["batch", "", "length"]


class Plain(nn.Module):
    """What a plugin may bring: recurrences as torch makes them, one of each kind. (N, 5, L) to (N, L, units)."""

    def __init__(self, *kinds: type[nn.RNNBase], **arguments: Any) -> None:
        super().__init__()
        self.inner = nn.ModuleList(kind(5, 4, **arguments) for kind in kinds)

    def forward(self, *raw: Tensor) -> Tensor:
        x, _ = raw  # and the lengths
        return torch.cat([self._through(inner, x) for inner in self.inner], 2)

    def _through(self, inner: nn.Module, x: Tensor) -> Tensor:
        first = inner.batch_first
        outputs, states = inner(x.transpose(1, 2) if first else x.permute(2, 0, 1))
        last = states[0].sum(0)[:, None] if isinstance(states, tuple) else states.sum(0)[:, None]
        y: Tensor = outputs if first else outputs.transpose(0, 1)
        return y + (torch.cat([last, last], 2) if inner.bidirectional else last)


@pytest.mark.parametrize("form", ["onnx", "torch"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"num_layers": 2, "bidirectional": True, "batch_first": True},
        {"num_layers": 3, "dropout": 0.4, "bias": False},
    ],
    ids=["both-ways", "no-bias"],
)
def test_any_lstm_and_gru_of_torch(arguments: dict[str, Any], form: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = model_of(Plain(nn.LSTM, nn.GRU, **arguments), FLOATS)
    run = FORMATS[form].write(model, tmp_path / FORMATS[form].file)
    batches = [np.random.default_rng(count).normal(size=(count, 5, length)) for count, length in ((1, 1), (3, 30))]
    floats = [batch.astype(np.float32) for batch in batches]
    given = [[batch, np.full(len(batch), batch.shape[2])] for batch in floats]
    for (batch, lengths), outputs in zip(given, run(given), strict=True):
        expected = model.network(torch.from_numpy(batch), torch.from_numpy(lengths)).detach().numpy()
        np.testing.assert_allclose(outputs, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kind", "arguments", "form", "words"),
    [
        (nn.LSTM, {"proj_size": 2}, "onnx", r"as onnx: ValueError: ONNX's LSTM has no projection \(proj_size\)$"),
        (nn.RNN, {}, "onnx", r"as onnx: its nn\.RNN layers would be written for one length only; --format source"),
        (nn.RNN, {}, "torch", r"as torch: its nn\.RNN layers would be written for one length only; --format source"),
    ],
)
def test_what_has_no_such_form_is_said(
    kind: type[nn.RNNBase],
    arguments: dict[str, Any],
    form: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_module, "load", lambda *_: model_of(Plain(kind, **arguments), FLOATS))
    samples = SimpleNamespace(inputs=[np.ones((3, 5, 9), np.float32), np.full(3, 9)], what="samples")
    monkeypatch.setattr(export_module, "inputs_to_check", lambda _: samples)
    with pytest.raises(ExportError, match=words):
        export_module.export(None, form, tmp_path / FORMATS[form].file)
    assert not list(tmp_path.iterdir())
