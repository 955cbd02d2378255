"""`nas evaluate`, `nas export`, `nas predict`: what a finished run gives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nas_cli.cli.command import guarded
from nas_cli.cli.output import print_json
from nas_cli.cli.search import Plugins
from nas_cli.errors import UserError

Run = Annotated[Path | None, typer.Argument(help="A run directory; the latest under runs/ where left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@guarded
def evaluate(run: Run = None, allow_plugins: Plugins = False, as_json: Json = False) -> None:
    """Test the best model of a run on the test data: precision, recall, F1 and support per class, size, latency."""
    from nas_cli.deliver.evaluate import evaluate as evaluate_run

    report = evaluate_run(run)
    if as_json:
        print_json(report)


@guarded
def export(
    run: Run = None,
    form: Annotated[Literal["onnx", "torch", "source"], typer.Option("--format", help="What to write.")] = "onnx",
    output: Annotated[
        Path | None, typer.Option("--output", help="Where to write it; in the run where left out.")
    ] = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Write the best model of a run as ONNX, as torch.export's .pt2, or as a readable model.py; and check it."""
    from nas_cli.deliver.export import export as export_run

    result = export_run(run, form, output)
    if as_json:
        print_json(result)


@guarded
def predict(
    inputs: Annotated[list[Path], typer.Argument(metavar="[RUN] FILE…", help="A run directory, then the inputs.")],
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Say what the best model of a run makes of files; without RUN, of the latest run."""
    from nas_cli.deliver.predict import predict as predict_files

    run, files = split_run(inputs)
    if not files:
        raise UserError("predict takes at least one file: 'nas predict RUN FILE…'")
    answers = predict_files(run, files)
    if as_json:
        print_json(answers)


def split_run(inputs: list[Path]) -> tuple[Path | None, list[Path]]:
    """(run, files): the first is the run where it is a directory with a journal."""
    if inputs and (inputs[0] / "journal.jsonl").exists():
        return inputs[0], inputs[1:]
    return None, inputs
