"""`nas evaluate`, `nas export`, `nas predict`: the commands for finished runs."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nas_cli.cli.command import guarded, path
from nas_cli.cli.output import DataOut, console, json_document, print_json, say
from nas_cli.cli.search import Plugins
from nas_cli.errors import NasError, UserError
from nas_cli.figures import count, plural
from nas_cli.words import printable, sentence

Run = Annotated[
    Path | None, typer.Argument(parser=path, help="A run directory; the latest under runs/ where left out.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Member = Annotated[
    str | None, typer.Option("--member", help="Instead of the best, trial-12 of a Pareto front, say, or baseline-NAME.")
]
Form = Literal["csv", "jsonl"]
WIDEST_INPUT = 40
LOOKED_AT = 1000
"""The width of the first column is chosen by so many answers."""
Force = Annotated[
    bool, typer.Option("--force", help="Replace what lies there and is not an earlier export as nas wrote it.")
]
Output = Annotated[
    Path | None, typer.Option("--output", parser=path, help="Where to write it; in the run where left out.")
]


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        parser=path,
        metavar="PATH",
        help="Labelled data to test on instead, as the run read it.",
    ),
]


@guarded
def evaluate(
    run: Run = None, data: Data = None, member: Member = None, allow_plugins: Plugins = False, as_json: Json = False
) -> None:
    """Test the best model of a run on the test data: precision, recall, F1 and support per class, size, latency."""
    from nas_cli.deliver.evaluate import cannot_be_stored, examine, store
    from nas_cli.deliver.load import load

    model = load(run, allow_plugins, member=member)
    why_not = cannot_be_stored(model) if data is None else None
    if why_not is not None:
        say(f"WARNING: {why_not}: the report is printed, and not stored", stderr=True)
    report = examine(model, allow_plugins, data, member)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if data is not None or why_not is not None:
        if not as_json:
            say("not stored: " + (why_not or "evaluation.json is of the run's own test part"))
        return
    try:
        stored = store(model, report)
    except OSError as error:
        raise NasError(f"the report is not stored: {error.strerror}: {error.filename or model.run.path}") from None
    if not as_json:
        say(f"stored in {stored[0].parent}: {', '.join(file.name for file in stored)}")


def _print_report(report: dict[str, Any]) -> None:
    from nas_cli.cli.tables import task_table
    from nas_cli.deliver.evaluate import shown_tables

    target = console()
    if "data" in report:
        say(f"On {report['data']}:")
    for table in shown_tables(report):
        drawn = task_table(table)
        say(sentence(table.title).rstrip(".") + ":")
        if target.measure(drawn).minimum <= target.width:
            target.print(drawn)
        else:
            say("  too wide for this terminal; --json prints it, and evaluation.json has it")
        target.print()
    for note in report["notes"]:
        say(sentence(note))
    latency, validation = report["latency"], report["validation"]
    batch = "one input" if latency["batch_size"] == 1 else f"{latency['batch_size']} inputs"
    threads = f", {latency['threads']} thread{'s' if latency['threads'] > 1 else ''}"
    size = f"{count(report['params'])} parameters, {count(report['macs'])} MACs"
    say(f"{report['candidate'].replace('-', ' ', 1)}: {size}")
    say(
        f"latency of {batch}: p50 {latency['p50_ms']:.3g} ms, p95 {latency['p95_ms']:.3g} ms "
        f"({latency['device']}{threads}, {latency['runs']} runs)"
    )
    if validation is None:
        return
    if validation["equal"]:
        say("the validation score, computed again from the stored weights, equals the logged one")
    else:
        say(
            "WARNING: the validation score, computed again from the stored weights, is not the logged one: it differs "
            f"by up to {validation['largest_difference']:.3g}. Weights or data were changed, or this is another machine"
        )


@guarded
def export(
    run: Run = None,
    form: Annotated[Literal["onnx", "torch", "source"], typer.Option("--format", help="What to write.")] = "onnx",
    output: Output = None,
    force: Force = False,
    member: Member = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Write the best model of a run as ONNX, as torch.export's .pt2, or as a readable model.py; and check it."""
    from nas_cli.deliver.export.exporting import export as export_run

    result = export_run(run, form, output, allow_plugins, member=member, force=force)
    if as_json:
        print_json(result)
        return
    say(f"wrote {result['path']} ({result['bytes']:,} bytes)")
    feeding = [file for file in result["beside"] if os.path.basename(file).startswith("preprocess")]
    if feeding:
        names = " and ".join(os.path.basename(file) for file in feeding)
        say(f"what feeds it lies in {os.path.dirname(feeding[0])}: {names}")
    say(
        f"compared with the model on {result['samples']} {result['compared_on']}: the largest difference of a logit is "
        f"{result['largest_difference']:.2g}"
    )


def _expanded(word: str) -> str:
    """Expands `~/`, which shells leave in quotes; other words may be texts and are not changed."""
    return str(path(word)) if word.startswith("~/") else word


@guarded
def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] INPUT…", help="A run directory, then files and folders, or texts in quotes, or - for input."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="FILE",
            help="Write the answers there, as .csv or .jsonl; where they have pictures, masks say, a folder for those.",
        ),
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="As CSV or JSON lines, whatever FILE is called.")
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="Take each INPUT for a text, also where it looks like a file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE, and pictures, where they are there.")] = False,
    member: Member = None,
    allow_plugins: Plugins = False,
    as_json: Json = False,
) -> None:
    """Say what the best model of a run makes of files or texts; without RUN, of the latest run."""
    from nas_cli.deliver.given import split_run
    from nas_cli.deliver.predictions import form_of, may_be_folder, require_free

    run, given = split_run(list(map(_expanded, inputs)))
    if not given:
        raise UserError("predict takes at least one input: 'nas predict RUN FILE…', or a text in quotes")
    folder = out if out is not None and form is None and may_be_folder(out) else None
    if as_json and (out is not folder or form is not None):
        raise UserError(
            "--json prints one document: leave it out, and say --format jsonl for JSON in a file or in lines"
        )
    if out is not None and folder is None:
        form = form or form_of(out)
        require_free(out, force)
    from nas_cli.deliver.drawings import drawings_for
    from nas_cli.deliver.load import load
    from nas_cli.deliver.predict import answers as answer

    model = load(run, allow_plugins, member=member)
    if run is None and sys.stderr.isatty():
        say(f"by {printable(model.run.path)}, the latest run", stderr=True)
    drawings = drawings_for(model, out, folder, force)
    answers = answer(model, given, text=text, say=lambda note: say(printable(note), stderr=True), drawings=drawings)
    _give(answers, None if out is folder else out, form, force, as_json)
    if drawings is not None:
        say(f"{plural(drawings.count, 'picture')} in {printable(drawings.folder)}", stderr=True)


def _give(answers: Iterator[dict[str, Any]], out: Path | None, form: Form | None, force: bool, as_json: bool) -> None:
    """Writes answers to the file `out`, or prints them."""
    from nas_cli.deliver.predictions import stream_predictions, write_predictions

    if out is not None:
        assert form is not None
        count = write_predictions(out, answers, form, force)
        say(f"{plural(count, 'answer')} in {printable(out)}", stderr=True)
    elif form is not None:
        stream_predictions(DataOut(form), answers, form)
    elif as_json:
        _print_array(answers)
    else:
        _print_answers(answers)


def _print_array(answers: Iterator[dict[str, Any]]) -> None:
    """Prints one JSON document, answer by answer."""
    before = "["
    for answer in answers:
        content = {key: value for key, value in answer.items() if key != "text"}
        document = json_document(content)
        sys.stdout.write(f"{before}\n{textwrap.indent(document, '  ')}")
        before = ","
    sys.stdout.write("\n]\n")


def _print_answers(answers: Iterator[dict[str, Any]]) -> None:
    target = console()
    first = list(itertools.islice(answers, LOOKED_AT))
    width = min(max(len(printable(answer["input"])) for answer in first), WIDEST_INPUT)
    for answer in itertools.chain(first, answers):
        shown = f"{printable(answer['input']):<{width}}  {printable(answer['text'])}"
        target.print(shown, soft_wrap=not target.is_terminal)
