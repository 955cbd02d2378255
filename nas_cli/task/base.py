"""The interface of tasks: all that depends on what is learned. A task is one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch

from nas_cli.data.wanted import Wanted
from nas_cli.registry import Registry
from nas_cli.task.answers import Run, answer_each
from nas_cli.task.blocks import Block
from nas_cli.task.guards import hold_task

T = TypeVar("T")
Direction = Literal["maximize", "minimize"]
Shape = tuple[int, ...]
"""The shape of one example, without the batch axis."""
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Scale = float | torch.Tensor
"""The standard deviation of numeric targets: one number, or float32 (K,) for several."""
Array = np.ndarray[Any, Any] | torch.Tensor
"""Network outputs and targets come as tensors while training, and as arrays from ONNX Runtime."""


class Scorer(Protocol):
    """Accumulates the scores of a network batch by batch, keeping only the outputs that it needs."""

    def add(self, outputs: Array, targets: Array) -> None:
        """One batch: outputs (n, …) and targets (n, …), on the CPU."""
        ...

    def metrics(self) -> dict[str, float]:
        """The task's metrics over all batches; undefined ones are left out."""
        ...

    def report(self) -> dict[str, Any]:
        """All there is to say of the outputs on a test part, as JSON data: `samples`, `metrics`, and what the task's
        `blocks` show. `examples`, where some are worth a look, are a list of mappings with the `number` of each, in the
        order of adding from 1 on; they come to `blocks` with its number in the part, and its `name`, where it has one.
        """
        ...


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
        """The kinds of input and of target."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that it can be trained with; the first one is taken where a spec names none."""
        ...

    @property
    def unchanged_by(self) -> tuple[str, ...] | None:
        """Augmentations that, by the user's word, keep the targets unchanged, though they may change other targets of
        the kind; None where the user named none."""
        ...

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """The last layers, in the language of spaces, for a body whose output has `shape`; `facts` are of the data.

        Raises Infeasible where nothing can stand on such a body.
        """
        ...

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        """The scalar that a training step minimises; `scale` is the deviation of numeric targets."""
        ...

    def scorer(self, labels: Sequence[str]) -> Scorer:
        """A scorer of a network's outputs; `labels` name the classes, tags or numbers."""
        ...

    def objective(self, targets: Array) -> str:
        """The metric that a starter spec for examples with these `targets` takes for its objective, the first one say;
        of a plugin's task this may be left out."""
        ...

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        """Those of `metrics` that a scorer leaves out for a part with these `targets`, and why."""
        ...

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        """The report of a scorer as tables, matrices and curves for a person."""
        ...

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """The output for one example, (classes,) say, as JSON data; `raw` is the example itself."""
        ...

    def answers(
        self, run: Run, examples: Sequence[Any], labels: Sequence[str], facts: Mapping[str, Any], top: int = 5
    ) -> list[dict[str, Any]]:
        """The answer to each of `examples`, as a source reads them. `run` gives the network's outputs for these, or for
        any others: it may be called as often as an answer takes, to generate say. `facts` are of the data.
        """
        ...

    def describe(self, answer: Mapping[str, Any]) -> str:
        """What `answer` returned, as a line for a person."""
        ...

    def pictures(self, outputs: Array, labels: Sequence[str], raw: Any) -> Mapping[str, np.ndarray[Any, Any]]:
        """Pictures of the answer to one example: name to uint8 (H, W) or (H, W, 3); {} where it is no picture."""
        ...


class Defaults:
    """Defaults of members that most tasks share."""

    metrics: Mapping[str, Direction]
    proportions: frozenset[str] = frozenset()
    unchanged_by: tuple[str, ...] | None = None

    def objective(self, targets: Array) -> str:
        return next(iter(self.metrics))

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        return {}

    def answers(
        self, run: Run, examples: Sequence[Any], labels: Sequence[str], facts: Mapping[str, Any], top: int = 5
    ) -> list[dict[str, Any]]:
        task: Any = self
        return answer_each(task, run, examples, labels, top)

    def pictures(self, outputs: Array, labels: Sequence[str], raw: Any) -> Mapping[str, np.ndarray[Any, Any]]:
        return {}


TASKS: Registry[Callable[..., Task]] = Registry("task", guard=hold_task)
Written = str | Mapping[str, Any]
"""A task as a spec has it: `name`, or `{name: {argument: value}}`."""


def task(name: str) -> Callable[[type[T]], type[T]]:
    """Decorator: makes a class, which makes a Task of the spec's arguments, the task of that name."""
    register = TASKS.register(name)

    def add(cls: type[T]) -> type[T]:
        made: Any = cls
        register(made)
        return cls

    return add


def open_task(written: Written) -> Task:
    """The task that a spec names. Raises SpecError where there is none of that name, or an argument is wrong."""
    name, arguments = TASKS.parse(written)
    return TASKS[name](**arguments)


def name_of(written: Written) -> str:
    return written if isinstance(written, str) else next(iter(written))


def scored(task: Task, outputs: Array, targets: Array, labels: Sequence[str] = ()) -> Scorer:
    """The task's scorer with all `outputs` (N, …) and `targets` (N, …) added at once."""
    scorer = task.scorer(labels)
    scorer.add(outputs, targets)
    return scorer
