"""`nas export`: a network in a form that needs no `nas`, each compared with the network it was made from."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas_cli.data import portable
from nas_cli.deliver.evaluate import read_test
from nas_cli.deliver.export_onnx import write_onnx
from nas_cli.deliver.export_source import SOURCE_FILES, write_source
from nas_cli.deliver.export_torch import write_torch
from nas_cli.deliver.load import Model, load
from nas_cli.errors import ExportError, NasError, SpecError, UserError, did_you_mean
from nas_cli.files import write_json, write_text

SAMPLES, LONGER = 64, 5
TOLERANCE = 1e-3
"""The largest difference between two logits that is let pass, for logits of size 1; more for larger ones."""

Array = np.ndarray[Any, Any]
Run = Callable[[Sequence[Array]], list[Array]]
"""Batches of raw inputs to the logits of each."""


@dataclass(frozen=True)
class Format:
    """`write` makes the file, or the folder of `files`, at the path it is given, and returns what runs it."""

    file: str
    write: Callable[[Model, Path], Run]
    files: frozenset[str] = frozenset()


FORMATS = {
    "onnx": Format("model.onnx", write_onnx),
    "torch": Format("model.pt2", write_torch),
    "source": Format("source", write_source, SOURCE_FILES),
}


def export(
    run: Path | None,
    form: str = "onnx",
    output: Path | None = None,
    plugins: bool = False,
    root: Path = Path("runs"),
    member: str | None = None,
) -> dict[str, Any]:
    """Writes the best network of a run as `onnx`, `torch` (.pt2) or `source`, and runs what it wrote.

    `member` names another network of the run instead. Images go in as raw pixels, so their preprocessing is inside; for
    other data preprocess.py and preprocessing.json lie beside the file. Batches and sequences may have any length.
    Returns `path`, `format`, `samples` (real test samples compared) and `largest_difference` of the logits. Raises
    ExportError where the network has no such form or the difference is above tolerance: nothing is left behind then,
    and what was at `output` before stays. Raises UserError where `output` is a folder of other files.
    """
    if form not in FORMATS:
        raise SpecError(f"unknown format '{form}'{did_you_mean(form, FORMATS)}")
    model = load(run, plugins, root, member)
    path = target(output or model.run.path / "export" / (member or "") / FORMATS[form].file, FORMATS[form])
    samples = read_test(model).take(0, SAMPLES)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        draft = Path(folder) / FORMATS[form].file
        try:
            run_exported = FORMATS[form].write(model, draft)
            difference = compare(model, run_exported, samples, form)
        except (NasError, OSError):
            raise
        except Exception as error:  # the exporters raise anything where a module has no such form
            raise ExportError(f"this network cannot be written as {form}: {_reason(model, error)}") from error
        if path.is_dir():
            path.rename(Path(folder) / "before")
        draft.replace(path)
    beside = write_preprocessing(model, path if path.is_dir() else path.parent)
    return {
        "path": str(path),
        "format": form,
        "beside": [str(file) for file in beside],
        "samples": len(samples),
        "largest_difference": difference,
        "tolerance": TOLERANCE,
        "bytes": sum(f.stat().st_size for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()),
    }


def write_preprocessing(model: Model, folder: Path) -> list[Path]:
    """What feeds a network that takes no raw images: code that needs NumPy alone, and its settings."""
    if model.encoder is None:
        return []
    code, settings = folder / "preprocess.py", folder / "preprocessing.json"
    write_text(code, inspect.getsource(portable))
    write_json(settings, {**model.encoder.state(), "labels": list(model.labels)})
    return [code, settings]


def target(path: Path, form: Format) -> Path:
    """Where to write: a file goes into a folder that is there; a folder is replaced where it holds an export.

    Raises UserError where that would take anything else away.
    """
    if not form.files:
        path = path / form.file if path.is_dir() else path
        if path.is_dir():
            raise UserError(f"{path} is a folder; name a file")
        return path
    if path.resolve() == Path.cwd():
        raise UserError(f"{path} is the folder you are in; name one that is not there yet")
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file, and source is a folder; name another")
    others = sorted(item.name for item in path.iterdir() if item.name not in form.files) if path.exists() else []
    if others:
        raise UserError(f"{path} holds other files ({others[0]}); name a folder that is empty or not there yet")
    return path


def compare(model: Model, run_exported: Run, samples: Array, form: str) -> float:
    """The largest difference of an output, over a batch of all samples, one of three and one of one.

    Of sequences also over a longer batch, and the shortest alone, without padding. Raises ExportError where it is above
    tolerance.
    """
    batches = [np.ascontiguousarray(samples[:count]) for count in (len(samples), 3, 1)]
    if samples.ndim == 3:
        lengths = (samples[:, 0] != 0).sum(axis=1).clip(min=1)
        shortest = int(lengths.argmin())
        batches.append(np.pad(samples[:3], ((0, 0), (0, 0), (0, LONGER))))
        batches.append(np.ascontiguousarray(samples[shortest : shortest + 1, :, : lengths[shortest]]))
    expected = [run_network(model, batch) for batch in batches]
    allowed = TOLERANCE * max(1.0, float(np.abs(expected[0]).max()))
    largest = 0.0
    for batch, found, wanted in zip(batches, run_exported(batches), expected, strict=True):
        if found.shape != wanted.shape:
            raise ExportError(f"the {form} export gives {found.shape} for {len(batch)} samples; it was removed")
        difference = float(np.abs(found - wanted).max())
        if not difference <= allowed:  # a NaN is not
            raise ExportError(
                f"the {form} export does not compute what the model computes: logits differ by up to "
                f"{difference:.3g}, and {allowed:.3g} is allowed; it was removed"
            )
        largest = max(largest, difference)
    return largest


def run_network(model: Model, batch: Array) -> Array:
    """Outputs as wide as the batch, its padding included."""
    with torch.inference_mode():
        outputs: Array = model.network(torch.from_numpy(batch)).numpy()
    return outputs


def _reason(model: Model, error: BaseException) -> str:
    if any(isinstance(module, nn.RNN) for module in model.network.modules()):
        return "its nn.RNN layers would be written for one length only; --format source takes any"
    while error.__cause__ is not None:  # the exporters wrap what a layer's translation says
        error = error.__cause__
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
