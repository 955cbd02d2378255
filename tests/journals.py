"""Journals in tests: their lines as data, and events from data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nas_cli.record.events import KINDS, Event, TrialEvent, Unknown
from nas_cli.record.journal import read_journal
from nas_cli.trial import History, Trial


def recorded(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal that `nas` can read."""
    count = len(read_journal(path))
    return [json.loads(line) for line in path.read_bytes().splitlines()[:count]]


def made(event: str, **fields: Any) -> Event:
    """An event as a line of the journal names it."""
    if event not in KINDS:
        return Unknown(event, fields)
    listed = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return KINDS[event](**listed)


def tell(history: History, event: Event | dict[str, Any]) -> Trial | None:
    """Changes a history as the event does; returns the trial that it changed."""
    if isinstance(event, dict):
        event = made(**event)
    if not isinstance(event, TrialEvent):
        return None
    trial = event.change(history.trials)
    history.tell(trial)
    return trial
