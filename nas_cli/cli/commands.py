"""The commands of `nas`. Nothing here imports torch: each command imports what it needs when it runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nas_cli.cli import deliver, init, plan, search, show
from nas_cli.cli.command import Commands

app = typer.Typer(
    name="nas",
    cls=Commands,
    help="Finds, trains and hands over a neural network for your data, inside your budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nas {version('nas-cli')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks (as NAS_DEBUG=1 does).")] = False,
) -> None:
    if debug:
        os.environ["NAS_DEBUG"] = "1"


app.command("search", short_help="Search a space; leave the best model, trained.")(search.search)
app.command("evaluate", short_help="Test the best model of a run on the test data.")(deliver.evaluate)
app.command("export", short_help="Write the best model as ONNX, .pt2 or source.")(deliver.export)
app.command("predict", short_help="Say what the best model makes of files.")(deliver.predict)
app.command("plan", short_help="Check a spec; say what its search would cost.")(plan.plan)
app.command("init", short_help="Write a starter spec for your own data.")(init.init)
app.add_typer(show.app, name="show", short_help="Print a run, a space, the schema, or the ops.")
