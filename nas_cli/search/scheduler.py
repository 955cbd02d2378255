"""How long a trial trains: the protocol, the registry, and training every trial in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nas_cli.registry import Registry
from nas_cli.search.guards import hold_scheduler
from nas_cli.trial import History


class Scheduler(Protocol):
    """Decides which paused trial goes on. Its constructor takes the epochs of a full training and the spec's arguments.

    `rungs` holds the epochs, counted from the start, at the end of each rung; the last is a full training.
    """

    @property
    def rungs(self) -> tuple[int, ...]: ...

    def first_rung(self, number: int) -> int:
        """The rung in which trial `number` starts. It depends on the number alone."""
        ...

    def next(self, history: History) -> tuple[int, int] | None:
        """The number of a paused trial to promote and the rung that it starts; None: start a new trial."""
        ...

    def needed(self, history: History, trials: int | None) -> list[int]:
        """The paused trials that may still be promoted if at most `trials` trials are started (None: unknown).

        The most likely ones come first. Checkpoints of the others can be deleted.
        """
        ...


SCHEDULERS: Registry[Callable[..., Scheduler]] = Registry("scheduler", supplied=1, guard=hold_scheduler)


def scheduler(name: str) -> Callable[[Callable[..., Scheduler]], Callable[..., Scheduler]]:
    """Decorator: registers a class, whose constructor takes the epochs of a full training and the spec's arguments, as
    `schedule: NAME`.
    """
    return SCHEDULERS.register(name)


@SCHEDULERS.register("full")
class Full:
    """Every trial is trained for all its epochs, in one go."""

    def __init__(self, epochs: int) -> None:
        self.rungs: tuple[int, ...] = (epochs,)

    def first_rung(self, number: int) -> int:
        return 0

    def needed(self, history: History, trials: int | None) -> list[int]:
        return []

    def next(self, history: History) -> tuple[int, int] | None:
        return None
