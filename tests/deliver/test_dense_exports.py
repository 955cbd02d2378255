"""Exports of networks whose outputs are images: they take images of any size that the network itself takes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from lent import Lent
from torch import Tensor, nn

from nas_cli.axes import Axes, Shape
from nas_cli.data import DataSettings
from nas_cli.deliver.export import exporting as export_module
from nas_cli.deliver.export.check import compare
from nas_cli.deliver.export.exporting import FORMATS
from nas_cli.deliver.export.sizes import ImageSizes, Sides, dynamic, image_sizes, other_sizes
from nas_cli.deliver.export.source import model_source
from nas_cli.deliver.load import Model
from nas_cli.errors import ExportError
from nas_cli.model.build import build
from nas_cli.model.ops import OPS, op
from nas_cli.model.weights import Fresh
from nas_cli.plugins import taking_back
from nas_cli.record.directory import RunDirectory
from nas_cli.space.parse import parse_architecture
from nas_cli.task.problem import Problem

TASK = "image-classification"
ENCODER: Any = SimpleNamespace(raw=True)
HEAD = [{"conv": {"channels": 2, "kernel": 1}}, {"resize": {"mode": "bilinear"}}]
DOWN = {"conv": {"channels": "x2", "stride": 2}}
UP = {"conv_transpose": {"channels": "x0.5", "kernel": 4}}
UNET = [
    *(
        {"conv": 4},
        "batch_norm",
        "relu",
        {"tap": "whole"},
        DOWN,
        "relu",
        {"tap": "half"},
        {"max_pool": 2},
        "group_norm",
    ),
    *({"atrous_pooling": {"rates": [1, 2]}}, {"resize": {"like": "half", "mode": "nearest"}}),
    *({"join": {"with": "half", "by": "add"}}, UP, {"resize": "whole"}, {"join": {"with": "whole", "by": "concat"}}),
    {"branches": {"paths": [["zero"], [{"mbconv": {"se": 0.25}}]], "join": "concat"}},
]
RIGID = [
    *({"conv": 4}, {"tap": "whole"}, {"max_pool": 2}, {"max_pool": 2}, {"upsample": 2}, UP),
    *({"conv": 4}, {"join": {"with": "whole", "by": "concat"}}),
]
"""Goes down to a quarter and up again, and nothing is resized: sides that 4 divides fit."""
STRIDED = {"conv": {"channels": 4, "stride": 2, "padding": 0}}
BACK = {"nn.ConvTranspose2d": {"out_channels": 4, "kernel_size": 3, "stride": 2}}
UNPADDED = [
    *({"tap": "a"}, STRIDED, {"tap": "b"}, STRIDED, BACK, {"join": "b"}, BACK),
    {"join": {"with": "a", "by": "concat"}},
]
SIZES = [(16, 20), (17, 23), (64, 64), (3, 40)]


def model_of(body: list[Any], shape: Shape = (1, 16, 20), head: list[Any] = HEAD) -> Model:
    """As `load` gives it, without a run."""
    inputs = {"image": Axes("uint8", shape)}
    fresh = Fresh(torch.Generator().manual_seed(1))
    network = build(
        parse_architecture(body, OPS), inputs, lambda _: parse_architecture(head, OPS), modules=fresh
    ).eval()
    network.set_normalisation("image", [100.0] * shape[0], [50.0] * shape[0])
    where: Any = RunDirectory(Path("nowhere"))
    data = DataSettings("digits", {})
    return Model(where, where.best, "m", network, Problem(TASK, inputs, ("no", "yes"), {}), data, 0, [], {}, ENCODER)


def images(size: tuple[int, int], count: int = 2, channels: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(size)).integers(0, 256, (count, channels, *size)).astype(np.uint8)


def outputs_of(model: Model, batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with torch.inference_mode():
        found: np.ndarray[Any, Any] = model.network(torch.from_numpy(batch)).numpy()
    return found


def check(model: Model, form: str, folder: Path, sizes: list[tuple[int, int]]) -> None:
    """The export gives what the network gives, whatever the size and the number of images."""
    run = FORMATS[form].write(model, folder / FORMATS[form].file)
    batches = [images(size, count, model.input_shape[0]) for count, size in enumerate(sizes, 1)]
    for batch, found in zip(batches, run([[batch] for batch in batches]), strict=True):
        expected = outputs_of(model, batch)
        assert found.shape == expected.shape
        assert found.shape[2:] == batch.shape[2:]
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_onnx_takes_images_of_any_size_and_names_its_axes(tmp_path: Path) -> None:
    check(model_of(UNET, (3, 16, 20)), "onnx", tmp_path, SIZES)
    graph = onnx.load(tmp_path / "model.onnx").graph
    for value, channels in ((graph.input[0], 3), (graph.output[0], 2)):
        sides = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        assert sides == ["batch", channels, "height", "width"]
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_the_torch_program_takes_images_of_any_size_and_needs_torch_alone(tmp_path: Path, lent: Lent) -> None:
    model = model_of(UNET)
    check(model, "torch", tmp_path, SIZES)
    batch = images((33, 18))
    np.save(tmp_path / "in.npy", batch)
    code = (
        "import sys, numpy, torch; program = torch.export.load('model.pt2').module();"
        "outputs = program(torch.from_numpy(numpy.load('in.npy'))); numpy.save('out.npy', outputs.detach().numpy());"
        "assert not [m for m in sys.modules if m.startswith('nas_cli')]"
    )
    done = lent.run([sys.executable, "-I", "-B", "-c", code], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), outputs_of(model, batch), atol=1e-4, rtol=0)


def test_the_source_takes_images_of_any_size_and_says_so(tmp_path: Path) -> None:
    check(model_of(UNET), "source", tmp_path, SIZES)
    text = (tmp_path / "source" / "model.py").read_text()
    assert "uint8 (N, 1, height, width), raw values" in text
    assert "nn.functional.interpolate(" in text
    assert "uint8 (N, 1, 16, 20), raw values" in model_source(model_of(UNET, head=["global_pool"]))


def test_a_network_that_only_some_sizes_fit_takes_those(tmp_path: Path) -> None:
    model = model_of(RIGID, head=[])
    assert image_sizes(model) == ImageSizes(Sides(4, 4), Sides(4, 4))
    check(model, "torch", tmp_path, [(16, 20), (4, 4), (32, 12)])


def test_sides_that_no_step_divides(tmp_path: Path) -> None:
    """Without padding two strided windows of 3 and their transposed ones lead from 7, 11, 15, 19 … there and back."""
    model = model_of(UNPADDED, (1, 15, 19), head=[])
    assert image_sizes(model) == ImageSizes(Sides(7, 4), Sides(7, 4))
    check(model, "onnx", tmp_path, [(15, 19), (7, 23)])


# Which sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "height", "width"),
    [
        (UNET, Sides(3, 1), Sides(3, 1)),
        ([{"conv": 4}], Sides(1, 1), Sides(1, 1)),
        ([{"conv": {"channels": 4, "kernel": [5, 3], "padding": 0}}], Sides(5, 1), Sides(3, 1)),
        ([{"max_pool": [8, 4]}, {"max_pool": 2}], Sides(16, 1), Sides(8, 1)),
        # An odd side leaves one more pixel to a strided convolution than to pooling.
        ([{"branches": {"paths": [[DOWN], ["max_pool"]], "join": "concat"}}], Sides(2, 2), Sides(2, 2)),
        (["flatten", {"linear": 320}, {"nn.Unflatten": {"dim": 1, "unflattened_size": [1, 16, 20]}}], 0, 0),
    ],
    ids=["unet", "conv", "window", "pooled", "two-ways", "flattened"],
)
def test_the_layers_say_which_sizes_they_take(body: list[Any], height: Any, width: Any) -> None:
    wanted = ImageSizes(height or Sides(16, 0), width or Sides(20, 0))
    assert image_sizes(model_of(body)) == wanted


def test_other_networks_take_images_of_one_size() -> None:
    model = model_of(UNET, head=["global_pool", {"linear": 2}])
    assert image_sizes(model) is None
    assert set(dynamic(model)[0]) == {0}


def test_a_dense_network_of_one_size_is_exported_as_it_is(tmp_path: Path) -> None:
    fixed = ["flatten", {"linear": 320}, {"nn.Unflatten": {"dim": 1, "unflattened_size": [1, 16, 20]}}]
    model = model_of(fixed)
    assert set(dynamic(model)[0]) == {0}
    run = FORMATS["torch"].write(model, tmp_path / "model.pt2")
    assert compare(model, run, [images((16, 20), 5)], "torch") < 1e-4


# The comparison -------------------------------------------------------------------------------------------------------


def test_an_export_is_compared_at_other_sizes() -> None:
    model = model_of(UNET)
    samples = images((16, 20), 5)
    seen: list[tuple[int, ...]] = []

    def exact(batches: Any) -> list[Any]:
        seen.extend(batch.shape for (batch,) in batches)
        return [outputs_of(model, batch) for (batch,) in batches]

    assert compare(model, exact, [samples], "onnx") == 0.0
    assert seen == [(5, 1, 16, 20), (3, 1, 16, 20), (1, 1, 16, 20), (3, 1, 3, 3), (3, 1, 17, 23)]

    def fixed(batches: Any) -> list[Any]:
        return [outputs_of(model, batch)[:, :, :16, :20] for (batch,) in batches]

    with pytest.raises(ExportError, match=r"gives \(3, 2, 16, 20\) for 3 images of 17x23"):
        compare(model, fixed, [samples], "onnx")

    def wrong(batches: Any) -> list[Any]:
        return [outputs_of(model, batch) + (batch.shape[2] == 17) for (batch,) in batches]

    with pytest.raises(ExportError, match="logits differ by up to 1"):
        compare(model, wrong, [samples], "onnx")


def test_what_is_compared_is_cut_and_continued() -> None:
    samples = images((5, 6), 2)
    least, larger = other_sizes(samples, ImageSizes(Sides(2, 1), Sides(3, 3)))
    np.testing.assert_array_equal(least, samples[:, :, :2, :3])
    np.testing.assert_array_equal(larger[:, :, :5, :6], samples)
    np.testing.assert_array_equal(larger[:, :, 5, :6], samples[:, :, 0])
    np.testing.assert_array_equal(larger[:, :, :5, 6:12], samples)
    assert larger.shape == (2, 1, 6, 15)


def test_the_manifest_says_which_sizes_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = replace(model_of(RIGID, head=[]), metrics={"candidate": "trial-0"})
    monkeypatch.setattr(export_module, "load", lambda *_: model)
    checked = SimpleNamespace(inputs=[images((16, 20), 4)], what="samples")
    monkeypatch.setattr(export_module, "inputs_to_check", lambda _: checked)
    export_module.export(None, "source", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "export.json").read_text())
    sides = {"least": 4, "step": 4}
    assert about["input"] == {"dtype": "uint8", "shape": [1, 16, 20], "height": sides, "width": sides}


class Tiles(nn.Module):
    """What a plugin may bring: it reads sizes as Python's numbers. Keeps (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.arange(x.shape[2], device=x.device).view(1, 1, -1, 1)
        return x + rows / x.shape[2]


class Ramp(nn.Module):
    """The same with a function of torch's that its exporter takes for one of a constant."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.linspace(-1.0, 1.0, x.shape[2], device=x.device).view(1, 1, -1, 1)


def test_an_own_op_may_read_the_size(tmp_path: Path) -> None:
    with taking_back():
        op("tiles")(lambda shape: Tiles())
        model = model_of(["tiles", {"conv": 3}])
        check(model, "torch", tmp_path, [(5, 9), (16, 20)])


@pytest.mark.parametrize("form", ["onnx", "torch"])
def test_what_would_be_written_for_one_size_is_said(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = SimpleNamespace(inputs=[images((16, 20), 4)], what="samples")
    monkeypatch.setattr(export_module, "inputs_to_check", lambda _: checked)
    with taking_back():
        op("ramp")(lambda shape: Ramp())
        model = model_of(["ramp", {"conv": 3}])
        monkeypatch.setattr(export_module, "load", lambda *_: model)
        with pytest.raises(ExportError, match="written for images of one size only; --format source takes any"):
            export_module.export(None, form, tmp_path / FORMATS[form].file)
    assert not list(tmp_path.iterdir())
