"""`nas export`: writes a network in a format that needs no `nas`, and compares it with the original."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas_cli.data import portable
from nas_cli.deliver.export.check import TOLERANCE, Run, compare, inputs_to_check
from nas_cli.deliver.export.files import Place, building, find_place, put, require_ours
from nas_cli.deliver.export.sizes import image_sizes
from nas_cli.deliver.export.source import SOURCE_FILES, write_source
from nas_cli.deliver.export.torch_program import write_torch
from nas_cli.deliver.load import Model, load
from nas_cli.errors import ExportError, NasError, SpecError, did_you_mean
from nas_cli.files import write_json, write_text
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.ops.traits import of_module
from nas_cli.record.directory import RunDirectory
from nas_cli.task import name_of

FOR_ONE_SIZE = ("Constraints violated", "Guard failed")
"""Phrases in the errors of torch's exporter, or of its program, where a layer fixes a size."""


@dataclass(frozen=True)
class Format:
    """`write` makes the file, or the folder of `files`, at a path, and returns a function that runs it."""

    file: str
    write: Callable[[Model, Path], Run]
    files: frozenset[str] = frozenset()


def write_onnx(model: Model, path: Path) -> Run:
    """`onnx.write_onnx`, imported on use: importing ONNX takes longer than writing source does."""
    from nas_cli.deliver.export.onnx import write_onnx as write

    return write(model, path)


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
    force: bool = False,
) -> dict[str, Any]:
    """Writes the best network of a run as `onnx`, `torch` (.pt2) or `source`, runs the export and compares it.

    `member` names another network of the run instead. Images go in as raw pixels, so their preprocessing is inside. For
    other data, preprocess.py and preprocessing.json are written into the folder `FILE.files` beside the file, or into
    the folder of the source. Batches and sequences may have any length. Needs no data: the run keeps samples to compare
    with.

    Returns `path`, `format`, `beside`, `samples` (their number), `compared_on` (a description of them) and
    `largest_difference` of the logits. Raises ExportError where the network cannot be written in the format or the
    difference is above tolerance; nothing is written then, and earlier files at `output` stay. Raises UserError where
    files there are not an unchanged export of nas, unless `force`.
    """
    if form not in FORMATS:
        raise SpecError(f"unknown format '{form}'{did_you_mean(form, FORMATS)}")
    chosen = FORMATS[form]
    model = load(run, plugins, root, member)
    place = find_place(output or _within(model.run, member) / chosen.file, chosen.file, chosen.files)
    require_ours(place, force)
    checked = inputs_to_check(model)
    with building(place) as folder:
        draft = folder / chosen.file
        try:
            run_exported = chosen.write(model, draft)
            difference = compare(model, run_exported, checked.inputs, form)
        except (NasError, OSError):
            raise
        except Exception as error:  # the exporters raise anything where a module has no such form
            raise ExportError(f"this network cannot be written as {form}: {_reason(model, error)}") from error
        write_preprocessing(model, draft if chosen.files else folder)
        require_ours(place, force)  # again: exporting took a while
        beside = put(place, draft, folder, _about(model, form, member))
    return {
        "path": str(place.path),
        "format": form,
        "beside": [str(file) for file in beside],
        "samples": len(checked.inputs[0]),
        "compared_on": checked.what,
        "largest_difference": difference,
        "tolerance": TOLERANCE,
        "bytes": _size(place),
    }


def write_preprocessing(model: Model, folder: Path) -> None:
    """Writes the preprocessing of a network without raw inputs: code that needs only NumPy, and its settings."""
    if model.fields.raw:
        return
    write_text(folder / "preprocess.py", inspect.getsource(portable))
    write_json(folder / "preprocessing.json", {**model.fields.state(), "labels": list(model.labels)})


def _within(run: RunDirectory, member: str | None) -> Path:
    """The folder for exports in the run. Raises RunError where it is a link, which might lead out of the run."""
    folder = run.path / "export" / (member or "")
    run.require_way(folder)
    return folder


def _about(model: Model, form: str, member: str | None) -> dict[str, Any]:
    return {
        "format": form,
        "name": model.name,
        "task": name_of(model.problem.written),
        "network": member or str(model.metrics["candidate"]),
        **_inputs(model),
        "labels": list(model.labels),
    }


def _inputs(model: Model) -> dict[str, Any]:
    """Type and shape of the `input`, or of several `inputs` by field."""
    sizes = image_sizes(model)
    found = {}
    for field, axes in model.inputs.items():
        found[field] = {"dtype": axes.dtype, "shape": list(axes.shape)} | ({} if sizes is None else asdict(sizes))
    return {"inputs": found} if len(found) > 1 else {"input": next(iter(found.values()))}


def _size(place: Place) -> int:
    files = [place.path] if place.path.is_file() else [place.path / name for name in place.files]
    return sum(file.stat().st_size for file in files if file.is_file())


def _reason(model: Model, error: BaseException) -> str:
    once = _for_one_length(model.network)
    if once:
        return f"its {once} layers would be written for one length only; --format source takes any"
    if image_sizes(model) is not None and any(words in str(error) for words in FOR_ONE_SIZE):
        return "a layer of its own would be written for images of one size only; --format source takes any"
    while error.__cause__ is not None:  # the exporters wrap the error of a layer's translation
        error = error.__cause__
    return _first_line(error)


def _for_one_length(network: nn.Module) -> str:
    """The name of a module or op that torch's exporters write for a single length of sequences; "" if there is none."""
    for module in network.modules():
        if of_module(module).one_length:
            return f"nn.{type(module).__name__}"
    steps = network.steps if isinstance(network, Network) else ()
    return next((step.op for step in steps if OPS.traits(step.op).one_length), "")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
