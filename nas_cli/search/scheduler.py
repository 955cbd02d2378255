"""How long a trial trains: the protocol, the registry, and training every trial in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nas_cli.registry import Registry
from nas_cli.trial import History


class Scheduler(Protocol):
    """Decides which paused trial goes on. It is made with the epochs of a full training and the spec's arguments.

    `rungs` holds the epochs, counted from the start, at the end of each rung; the last is a full training.
    """

    @property
    def rungs(self) -> tuple[int, ...]: ...

    def next(self, history: History) -> tuple[int, int] | None:
        """(number, rung) of the paused trial to promote and the rung it starts; None: start a new trial."""
        ...


SCHEDULERS: Registry[Callable[..., Scheduler]] = Registry("scheduler", supplied=1)


@SCHEDULERS.register("full")
class Full:
    """Every trial is trained for all its epochs, in one go."""

    def __init__(self, epochs: int) -> None:
        self.rungs: tuple[int, ...] = (epochs,)

    def next(self, history: History) -> tuple[int, int] | None:
        return None
