"""Observers of a run: the console in a terminal, none in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nas_cli.record.events import Event
from nas_cli.trial import History, Trial


class Observer(Protocol):
    def event(self, event: Event, trial: Trial | None = None) -> None:
        """A journal event that was just written, and the trial that it changed, in its new state."""
        ...

    def follow(self, history: History) -> None:
        """The search's own history, still empty and for reading only. `recall` and `event` report each change of it."""
        ...

    def recall(self, event: Event, trial: Trial | None) -> None:
        """An earlier event of a resumed run: all of them are reported, in order, before the run goes on."""
        ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """An epoch of the training called `label` ended: `epoch` of `epochs`."""
        ...

    def note(self, text: str) -> None:
        """A sentence for the user."""
        ...


class Silent:
    """An observer that does nothing."""

    def event(self, event: Event, trial: Trial | None = None) -> None: ...

    def follow(self, history: History) -> None: ...

    def recall(self, event: Event, trial: Trial | None) -> None: ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...

    def note(self, text: str) -> None: ...
