"""`nas init`: a starter spec for the user's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas_cli.cli.command import guarded
from nas_cli.cli.output import say
from nas_cli.errors import UserError, did_you_mean

TASKS = ("image-classification",)


@guarded
def init(
    path: Annotated[
        Path | None, typer.Argument(help="Your data: a folder of class folders, of idx files, or an .npz file.")
    ] = None,
    task: Annotated[str, typer.Option("--task", help="What is learned.")] = TASKS[0],
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; NAME.yaml where left out.")] = None,
) -> None:
    """Look at your data and write a commented spec for it, which runs as it stands."""
    from nas_cli.cli.starter import look_at, starter_spec
    from nas_cli.run.directory import write_text

    if task not in TASKS:
        raise UserError(f"unknown task '{task}'{did_you_mean(task, TASKS)}")
    found = look_at(path)
    file = out or Path(f"{found.name}.yaml")
    if file.exists():
        raise UserError(f"{file} is there already, and is not overwritten: name another with --out, or delete it first")
    write_text(file, starter_spec(found, file))
    say(f"wrote {file}: {found.what}")
    say(f"  nas plan {file}", whole=True)
    say(f"  nas search {file}", whole=True)
