"""Who watches a run: the console in a terminal, nothing in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nas_cli.run.journal import Event


class Observer(Protocol):
    def event(self, event: Event) -> None:
        """A journal event, just written."""
        ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """An epoch of the training called `label` ended: `epoch` of `epochs`."""
        ...

    def note(self, text: str) -> None:
        """A sentence for the person who watches."""
        ...


class Silent:
    """Watches nothing."""

    def event(self, event: Event) -> None: ...

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...

    def note(self, text: str) -> None: ...
