"""What a run that is over, or whose search is, is asked for beyond what it has done."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from nas_cli.errors import RunError, SpecError
from nas_cli.files import open_file
from nas_cli.record.directory import RunDirectory
from nas_cli.record.journal import CHUNK, Recorded, iter_journal
from nas_cli.spec.load import load_document
from nas_cli.spec.schema import RunSpec, check_spec

GROWING = ("trials", "time", "patience", "top", "seeds")
"""Bounds: a larger one is more, and none is the most."""


def finished(run: RunDirectory) -> Recorded | None:
    """What the journal of a run says that is over; None of one that is not. Neither locks nor writes anything.

    Raises RunError where the journal of a run that is over is damaged.
    """
    if b"run_finished" not in _last_line(run):  # however it is spaced: another program may have written it anew
        return None
    recorded = Recorded()
    for event in iter_journal(run.journal):
        recorded.fold(event)
    return recorded if recorded.finished is not None else None


def more_search(recorded: Recorded, written: RunSpec, wanted: RunSpec) -> bool:
    """Whether `wanted` lets a search go on that has ended. What it ended by is recorded, or else as `written` down."""
    before = recorded.stop if recorded.stop is not None else written.search.stop.model_dump()
    return bool(recorded.stopped) and _more(before, wanted.search.stop.model_dump())


def asks_for_more(run: RunDirectory, over: Recorded, overrides: Sequence[str]) -> bool:
    """Whether the spec with `overrides` asks a run that is finished for more search or more final trainings."""
    assert over.finished is not None
    written, wanted = spec_of(run), spec_of(run, overrides)
    before = over.finished.get("final", written.final.model_dump())
    return more_search(over, written, wanted) or _more(before, wanted.final.model_dump())


def spec_of(run: RunDirectory, overrides: Sequence[str] = ()) -> RunSpec:
    """The spec as it lies in the run, with `overrides`. Raises SpecError."""
    document = load_document(run.spec, overrides)
    try:
        return check_spec(document.data)
    except SpecError as error:
        raise document.locate(error) from None


def _more(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether any value asks for more: a larger bound or none where there was one, anything else that changed."""
    for name, value in now.items():
        earlier = before.get(name)
        if value == earlier:
            continue
        if name not in GROWING:
            return True
        if earlier is not None and (value is None or value > earlier):
            return True
    return False


def _last_line(run: RunDirectory) -> bytes:
    """Of the journal; its end where that is longer than any line that ends a run."""
    try:
        with os.fdopen(open_file(run.journal), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - CHUNK))
            lines = file.read(CHUNK).splitlines(keepends=True)
    except OSError as error:
        raise RunError(f"{run.journal} cannot be read: {error.strerror}") from None
    whole = [line for line in lines if line.endswith(b"\n")]
    return whole[-1] if whole else b""
