"""What a run that is over, or whose search is, is asked for beyond what it has done."""

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
"""Bounds: a larger one is more, and none is the most."""


def finished(run: RunDirectory) -> Course | None:
    """What the journal of a run says that is over; None of one that is not. Neither locks nor writes anything.

    Raises RunError where the journal of a run that is over is damaged.
    """
    if last_kind(run.journal) != RunFinished.kind:
        return None
    course = Course()
    for event in iter_journal(run.journal):
        course.fold(event)
    return course if course.finished is not None else None


def more_search(course: Course, written: RunSpec, wanted: RunSpec) -> bool:
    """Whether `wanted` lets a search go on that has ended. What it ended by is recorded, or else as `written` down."""
    before = course.stop if course.stop is not None else asdict(written.search.stop)
    return bool(course.stopped) and _more(before, asdict(wanted.search.stop))


def asks_for_more(run: RunDirectory, over: Course, overrides: Sequence[str]) -> bool:
    """Whether the spec with `overrides` asks a run that is finished for more search or more final trainings."""
    assert over.finished is not None
    written, wanted = spec_of(run), spec_of(run, overrides)
    before = over.finished.final or asdict(written.final)
    return more_search(over, written, wanted) or _more(before, asdict(wanted.final))


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
