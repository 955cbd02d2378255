"""`nas init`: a starter spec for the user's own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nas_cli.cli.command import guarded, path
from nas_cli.cli.output import say
from nas_cli.errors import UserError
from nas_cli.words import is_utf8, sentence, shell


@guarded
def init(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TASK] [PATH]",
            help="What is learned, where that cannot be told from the data, and your data: a folder or a file.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", parser=path, help="The file to write; NAME.yaml where left out.")
    ] = None,
    plugins: Annotated[
        list[Path] | None,
        typer.Option("--plugin", parser=path, help="A Python file with your own sources and tasks; may be repeated."),
    ] = None,
) -> None:
    """Look at your data and write a commented spec for it, which runs as it stands."""
    if out is not None:
        _require_free(out)
    from nas_cli.describe.starter import survey
    from nas_cli.files import write_text

    task, data = _task_and_path(given or [], plugins or [])
    if data is not None and not is_utf8(str(data)):
        raise UserError(f"{data} is no UTF-8, and a spec is: rename the folder or file")
    found = survey(task, data, out, plugins or [])
    _require_free(found.file)
    write_text(found.file, found.text)
    say(f"wrote {found.file}: {sentence(found.what)}")
    for note in found.notes:
        say(sentence(note))
    say(f"  {shell('nas', 'plan', found.file)}", whole=True)
    say(f"  {shell('nas', 'search', found.file)}", whole=True)


def _require_free(file: Path) -> None:
    """Raises UserError where the spec cannot be written to `file`, or would replace another file."""
    from nas_cli.files import not_a_folder

    if file.is_dir():
        raise UserError(f"{file} is a folder; name a file with --out")
    if os.path.lexists(file):
        raise UserError(f"{file} is there already, and is not overwritten: name another with --out, or delete it first")
    wrong = not_a_folder(file.parent)
    if wrong is not None:
        raise UserError(f"{file} cannot be written: {wrong} is no folder")


def _task_and_path(given: list[str], plugins: list[Path]) -> tuple[str | None, Path | None]:
    """The task and the path. A single argument is a path, unless that does not exist and a task has the name."""
    if len(given) > 2:
        raise UserError(f"init takes a task and a path: 'nas init TASK PATH'; got {' '.join(given)}")
    if len(given) == 2:
        return given[0], path(given[1])
    if not given:
        return None, None
    if not path(given[0]).exists():
        from nas_cli.describe.starter import is_task

        if is_task(given[0], plugins):
            return given[0], None
    return None, path(given[0])
