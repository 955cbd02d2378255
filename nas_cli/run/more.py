"""Whether a resumed run, whose search or final phase is over, is asked for more than it has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nas_cli.errors import SpecError
from nas_cli.record.course import Course
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import RunFinished
from nas_cli.record.journal import iter_journal, last_kind
from nas_cli.spec.load import load_document
from nas_cli.spec.schema import RunSpec, check_spec

GROWING = ("trials", "time", "patience", "top", "seeds")
"""Limits: a larger value asks for more, and null for the most."""


def finished(run: RunDirectory) -> Course | None:
    """The course of a run that is over; None where it is not. Neither locks nor writes anything.

    Raises RunError where the journal of a run that is over is damaged.
    """
    if last_kind(run.journal) != RunFinished.kind:
        return None
    course = Course()
    for event in iter_journal(run.journal):
        course.fold(event)
    return course if course.finished is not None else None


def more_search(course: Course, written: RunSpec, wanted: RunSpec) -> bool:
    """Whether `wanted` lets an ended search go on. Its limits at the end are in the journal, else in `written`."""
    before = course.stop if course.stop is not None else asdict(written.search.stop)
    return bool(course.stopped) and _more(before, asdict(wanted.search.stop))


def asks_for_more(run: RunDirectory, over: Course, overrides: Sequence[str]) -> bool:
    """Whether the spec with `overrides` asks a finished run for more search or more final trainings."""
    assert over.finished is not None
    written, wanted = spec_of(run), spec_of(run, overrides)
    before = over.finished.final or asdict(written.final)
    return more_search(over, written, wanted) or _more(before, asdict(wanted.final))


def spec_of(run: RunDirectory, overrides: Sequence[str] = ()) -> RunSpec:
    """The spec in the run's directory, with `overrides`. Raises SpecError."""
    document = load_document(run.spec, overrides)
    try:
        return check_spec(document.data)
    except SpecError as error:
        raise document.locate(error) from None


def _more(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether any value asks for more: a limit that was raised or removed, or any change of another setting."""
    for name, value in now.items():
        earlier = before.get(name)
        if value == earlier:
            continue
        if name not in GROWING:
            return True
        if earlier is not None and (value is None or value > earlier):
            return True
    return False
