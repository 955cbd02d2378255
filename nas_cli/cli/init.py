"""`nas init`: a starter spec for the user's own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nas_cli.cli.command import guarded, path
from nas_cli.cli.output import say
from nas_cli.errors import UserError
from nas_cli.words import LONGEST_NAME, is_utf8, printable, run_name, sentence, shell

IMAGES = "image-classification"


@guarded
def init(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TASK] [PATH]",
            help="What is learned (image-classification where left out), and your data: a folder or a file.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", parser=path, help="The file to write; NAME.yaml where left out.")
    ] = None,
) -> None:
    """Look at your data and write a commented spec for it, which runs as it stands."""
    from nas_cli.files import write_text

    task, data = _task_and_path(given or [])
    if data is not None and not is_utf8(str(data)):
        raise UserError(f"{data} is no UTF-8, and a spec is: rename the folder or file")
    if out is not None:
        _require_free(out)
    notes: tuple[str, ...] = ()
    if task == IMAGES:
        from nas_cli.cli.starter import look_at, starter_spec

        found = look_at(data)
        file = out or Path(f"{found.name}.yaml")
        what, text, notes = found.what, starter_spec(found, file), found.notes
    else:
        from nas_cli.describe.starter import survey

        if data is None:
            raise UserError(f"init needs the data too: {shell('nas', 'init', task)} PATH")
        file = out or _named_like(data)
        found_there = survey(task, data, str(file))
        what, text, notes = found_there.what, found_there.text, found_there.notes
    _require_free(file)
    write_text(file, text)
    say(f"wrote {file}: {what}")
    for note in notes:
        say(sentence(note))
    say(f"  {shell('nas', 'plan', file)}", whole=True)
    say(f"  {shell('nas', 'search', file)}", whole=True)


def _require_free(file: Path) -> None:
    """Raises UserError where the spec cannot be written to `file`, or would take the place of something."""
    from nas_cli.files import not_a_folder

    if file.is_dir():
        raise UserError(f"{file} is a folder; name a file with --out")
    if os.path.lexists(file):
        raise UserError(f"{file} is there already, and is not overwritten: name another with --out, or delete it first")
    wrong = not_a_folder(file.parent)
    if wrong is not None:
        raise UserError(f"{file} cannot be written: {wrong} is no folder")


def _named_like(data: Path) -> Path:
    """The spec's file: called as the data is, where that is easily typed."""
    stem = data.resolve().name.split(".")[0]
    typed = stem == printable(stem) and stem[:1] not in ("", "-", "~") and len(stem) <= LONGEST_NAME
    return Path(f"{stem if typed else run_name(stem)}.yaml")


def _task_and_path(given: list[str]) -> tuple[str, Path | None]:
    """A single argument is a path, unless there is no such path and it is a task's name."""
    if len(given) > 2:
        raise UserError(f"init takes a task and a path: 'nas init TASK PATH'; got {' '.join(given)}")
    if len(given) == 2:
        return given[0], path(given[1])
    if not given:
        return IMAGES, None
    if not path(given[0]).exists():
        from nas_cli.describe.starter import is_task

        if is_task(given[0]):
            return given[0], None
    if given[0].lower().endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz", ".conll", ".txt")):
        command = shell("nas", "init", "table-classification", Path(given[0]))
        raise UserError(f"say what is learned from {given[0]}, as in: {command}")
    return IMAGES, path(given[0])
