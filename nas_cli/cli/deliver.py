"""`nas evaluate`, `nas export`, `nas predict`: what a finished run gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nas_cli.cli.command import expanded, guarded
from nas_cli.cli.output import console, count, print_json, say, sentence
from nas_cli.cli.search import Plugins
from nas_cli.errors import UserError

Run = Annotated[Path | None, typer.Argument(help="A run directory; the latest under runs/ where left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Member = Annotated[
    str | None, typer.Option("--member", help="Instead of the best, trial-12 of a Pareto front, say, or baseline-NAME.")
]
WIDEST_INPUT = 40
Output = Annotated[Path | None, typer.Option("--output", help="Where to write it; in the run where left out.")]


@guarded
def evaluate(run: Run = None, member: Member = None, allow_plugins: Plugins = False, as_json: Json = False) -> None:
    """Test the best model of a run on the test data: precision, recall, F1 and support per class, size, latency."""
    from nas_cli.deliver.evaluate import evaluate as evaluate_run

    report = evaluate_run(expanded(run) if run else None, allow_plugins, member=member)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: dict[str, Any]) -> None:
    from nas_cli.cli.tables import task_table
    from nas_cli.deliver.evaluate import tables

    target = console()
    for table in tables(report):
        drawn = task_table(table)
        say(sentence(table.title).rstrip(".") + ":")
        if target.measure(drawn).minimum <= target.width:
            target.print(drawn)
        else:
            say(f"  too wide for this terminal; it is in {report['run']}/evaluation.json")
        target.print()
    latency, validation = report["latency"], report["validation"]
    batch = "one input" if latency["batch_size"] == 1 else f"{latency['batch_size']} inputs"
    threads = f", {latency['threads']} thread{'s' if latency['threads'] > 1 else ''}"
    size = f"{count(report['params'])} parameters, {count(report['macs'])} MACs"
    say(f"{report['candidate'].replace('-', ' ', 1)}: {size}")
    say(
        f"latency of {batch}: p50 {latency['p50_ms']:.3g} ms, p95 {latency['p95_ms']:.3g} ms "
        f"({latency['device']}{threads}, {latency['runs']} runs)"
    )
    if validation["equal"]:
        say("the validation score, computed again from the stored weights, equals the logged one")
    else:
        say(
            "WARNING: the validation score, computed again from the stored weights, is not the logged one: it differs "
            f"by up to {validation['largest_difference']:.3g}. Weights or data were changed, or this is another machine"
        )
    if report["member"]:
        say(f"stored in {report['folder']}: evaluation.json")
    else:
        say(f"stored in {report['run']}: evaluation.json, report.html")


@guarded
def export(
    run: Run = None,
    form: Annotated[Literal["onnx", "torch", "source"], typer.Option("--format", help="What to write.")] = "onnx",
    output: Output = None,
    member: Member = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Write the best model of a run as ONNX, as torch.export's .pt2, or as a readable model.py; and check it."""
    from nas_cli.deliver.export import export as export_run

    where = expanded(output) if output else None
    result = export_run(expanded(run) if run else None, form, where, allow_plugins, member=member)
    if as_json:
        print_json(result)
        return
    say(f"wrote {result['path']} ({result['bytes']:,} bytes)")
    if result["beside"]:
        say(f"what feeds it lies beside it: {' and '.join(os.path.basename(file) for file in result['beside'])}")
    say(
        f"compared with the model on {result['samples']} test samples: the largest difference of a logit is "
        f"{result['largest_difference']:.2g}"
    )


@guarded
def predict(
    inputs: Annotated[
        list[str], typer.Argument(metavar="[RUN] INPUT…", help="A run directory, then files, or texts in quotes.")
    ],
    member: Member = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Say what the best model of a run makes of files or texts; without RUN, of the latest run."""
    run, given = split_run(inputs)
    if not given:
        raise UserError("predict takes at least one input: 'nas predict RUN FILE…', or a text in quotes")
    from nas_cli.deliver.predict import predict as predict_inputs

    answers = predict_inputs(run, given, allow_plugins, member=member)
    if as_json:
        print_json([{key: value for key, value in answer.items() if key != "text"} for answer in answers])
        return
    width = min(max(len(answer["input"]) for answer in answers), WIDEST_INPUT)
    for answer in answers:
        say(f"{answer['input']:<{width}}  {answer['text']}")


def split_run(inputs: list[str]) -> tuple[Path | None, list[str]]:
    """(run, the rest): the first is the run where it is a directory with a journal."""
    first = os.path.expanduser(inputs[0]) if inputs else ""
    if inputs and os.path.exists(os.path.join(first, "journal.jsonl")):
        return Path(first), inputs[1:]
    return None, inputs
