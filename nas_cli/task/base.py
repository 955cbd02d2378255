"""What a task is: all that depends on what is learned, behind one interface. A task is one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch

from nas_cli.data.source import Wanted
from nas_cli.registry import Registry
from nas_cli.task.guards import hold_task

T = TypeVar("T")
Direction = Literal["maximize", "minimize"]
Shape = tuple[int, ...]
"""Of one example, without the batch."""
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Scale = float | torch.Tensor
"""The deviation of targets that are numbers: of one, or float32 (K,) of several."""
Array = np.ndarray[Any, Any] | torch.Tensor
"""Network outputs and targets come as tensors while training, and as arrays from ONNX Runtime."""


@dataclass(frozen=True)
class Table:
    """Part of a report as a person reads it; cells are texts. The first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Task(Protocol):
    """What is learned: the head a network gets, how its outputs are scored, and how they read to a person.

    `metrics` maps each metric to its better direction; the first one is the objective where a spec names none.
    `proportions` are those metrics that are a share of the examples (accuracy, say), whose sampling noise is known.
    """

    @property
    def metrics(self) -> Mapping[str, Direction]: ...

    @property
    def proportions(self) -> frozenset[str]: ...

    @property
    def wanted(self) -> Wanted:
        """What it learns from, and what it learns."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that it can be trained with; the first one is taken where a spec names none."""
        ...

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """The last layers, in the language of spaces, for a body whose output has `shape`; `facts` are of the data.

        Raises Infeasible where nothing can stand on such a body.
        """
        ...

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        """What a training step makes smaller, a scalar; `scale` is that of targets that are numbers."""
        ...

    def measure(self, logits: Array, targets: Array, labels: Sequence[str] = ()) -> dict[str, float]:
        """The metrics of `logits` (N, classes) against `targets` (N,); one that does not apply here is left out."""
        ...

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        """Those of `metrics` that `measure` leaves out for a part with these `targets`, and why."""
        ...

    def report(self, logits: Array, targets: Array, labels: Sequence[str]) -> dict[str, Any]:
        """All there is to say of a network's outputs on a test part, as JSON data."""
        ...

    def reference(self, train: tuple[Array, Array], test: Array, facts: Mapping[str, Any]) -> tuple[str, Array] | None:
        """The name of a method without a network that is the yardstick here, and its outputs for the inputs `test`,
        fitted on the inputs and targets `train`; None where there is none.
        """
        ...

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        """What `report` returned, as tables for a person."""
        ...

    def answer(self, logits: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """The output for one example, (classes,) say, as JSON data; `raw` is the example itself."""
        ...

    def describe(self, answer: Mapping[str, Any]) -> str:
        """What `answer` returned, as a line for a person."""
        ...


TASKS: Registry[Task] = Registry("task", guard=hold_task, of_instances=True)


def task(name: str) -> Callable[[type[T]], type[T]]:
    """Decorator: makes an instance of a class, which is a Task, the task of that name."""

    register = TASKS.register(name)

    def add(cls: type[T]) -> type[T]:
        made: Any = cls()
        register(made)
        return cls

    return add
