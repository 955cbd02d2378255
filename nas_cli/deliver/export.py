"""`nas export`: a network in a form that needs no `nas`, each compared with the network it was made from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import load_test
from nas_cli.deliver.export_onnx import write_onnx
from nas_cli.deliver.export_source import write_source
from nas_cli.deliver.export_torch import write_torch
from nas_cli.deliver.load import Model, load
from nas_cli.errors import ExportError, SpecError, did_you_mean

SAMPLES = 64
TOLERANCE = 1e-3
"""The largest difference between two logits that is let pass, for logits of size 1; more for larger ones."""

Array = np.ndarray[Any, Any]
Run = Callable[[Array], Array]


@dataclass(frozen=True)
class Format:
    """`write` makes the file and returns what runs it: from raw inputs to logits."""

    file: str
    write: Callable[[Model, Path], Run]


FORMATS = {
    "onnx": Format("model.onnx", write_onnx),
    "torch": Format("model.pt2", write_torch),
    "source": Format("source", write_source),
}


def export(
    run: Path | None,
    form: str = "onnx",
    output: Path | None = None,
    plugins: bool = False,
    root: Path = Path("runs"),
) -> dict[str, Any]:
    """Writes the best network of a run as `onnx`, `torch` (.pt2) or `source`, and runs what it wrote.

    The file takes raw inputs (uint8 pixels, batch axis of any length), so preprocessing is inside. Returns `path`,
    `format`, `samples` (real test samples compared) and `largest_difference` of the logits. Raises ExportError, and
    leaves no file behind, where the difference is above tolerance.
    """
    if form not in FORMATS:
        raise SpecError(f"unknown format '{form}'{did_you_mean(form, FORMATS)}")
    model = load(run, plugins, root)
    path = output or model.run.path / "export" / FORMATS[form].file
    samples = load_test(model.data, model.seed, model.labels, model.input_shape).inputs[:SAMPLES]
    path.parent.mkdir(parents=True, exist_ok=True)
    run_exported = FORMATS[form].write(model, path)
    difference = compare(model, run_exported, samples, path)
    return {
        "path": str(path),
        "format": form,
        "samples": len(samples),
        "largest_difference": difference,
        "tolerance": TOLERANCE,
        "bytes": sum(f.stat().st_size for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()),
    }


def compare(model: Model, run_exported: Run, samples: Array, path: Path) -> float:
    """The largest difference of a logit, over one batch of all samples, one of three and one of one.

    Raises ExportError where it is above tolerance, after removing what was written.
    """
    expected = model.predict(samples)
    allowed = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    largest = 0.0
    for batch in (samples, samples[:3], samples[:1]):
        found = run_exported(np.ascontiguousarray(batch))
        if found.shape != expected[: len(batch)].shape:
            remove(path)
            raise ExportError(f"{path} gives {found.shape} for {len(batch)} samples; it was removed")
        largest = max(largest, float(np.abs(found - expected[: len(batch)]).max()))
    if not largest <= allowed:
        remove(path)
        raise ExportError(
            f"{path} does not compute what the model computes: logits differ by up to {largest:.3g}, "
            f"and {allowed:.3g} is allowed; it was removed"
        )
    return largest


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
