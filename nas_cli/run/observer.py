"""Who watches a run: the console in a terminal, nothing in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nas_cli.record.events import Event
from nas_cli.trial import History, Trial


class Observer(Protocol):
    def event(self, event: Event, trial: Trial | None = None) -> None:
        """A journal event, just written, and the trial as it is after it, where it changed one."""
        ...

    def follow(self, history: History) -> None:
        """The history that the search keeps, empty yet: for reading only. `recall` and `event` tell what changes it."""
        ...

    def recall(self, event: Event, trial: Trial | None) -> None:
        """An event of the past: of a run that goes on each one, in order, before anything happens."""
        ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """An epoch of the training called `label` ended: `epoch` of `epochs`."""
        ...

    def note(self, text: str) -> None:
        """A sentence for the person who watches."""
        ...


class Silent:
    """Watches nothing."""

    def event(self, event: Event, trial: Trial | None = None) -> None: ...

    def follow(self, history: History) -> None: ...

    def recall(self, event: Event, trial: Trial | None) -> None: ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...

    def note(self, text: str) -> None: ...
