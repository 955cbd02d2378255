"""Checks that tasks of plugins keep their contract; a violation is reported with the plugin's name."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from nas_cli.data.guards import require_names
from nas_cli.data.kind import KINDS
from nas_cli.data.source import TARGETS
from nas_cli.data.wanted import Wanted
from nas_cli.errors import did_you_mean
from nas_cli.plugins import Origin
from nas_cli.registry import show
from nas_cli.task.answers import Run, answer_each
from nas_cli.task.blocks import Curve, Matrix, Table

if TYPE_CHECKING:
    from nas_cli.task.base import Array, Direction, Loss, Scale, Scorer, Shape, Task
    from nas_cli.task.blocks import Block

R = TypeVar("R")
MAPPING: Any = Mapping
ATTRIBUTES = ("metrics", "proportions", "wanted", "losses", "unchanged_by")
METHODS = ("head", "loss", "scorer", "undefined", "blocks", "answer", "describe", "pictures")
SCORER = ("add", "metrics", "report")


def hold_task(make: Callable[..., Task], origin: Origin) -> Callable[..., Task]:
    """Makes tasks that raise PluginError where one lacks a member, or has one that cannot be right."""

    @functools.wraps(make, updated=())
    def made(**arguments: Any) -> Task:
        return _hold(origin.call("its making", make, **arguments), origin)

    return made


def _hold(task: Task, origin: Origin) -> Task:
    missing = [name for name in (*ATTRIBUTES, *METHODS) if not hasattr(task, name)]
    if missing:
        raise origin.wrong(f"has no {', no '.join(missing)}; every task has {', '.join((*ATTRIBUTES, *METHODS))}")
    _require_attributes(task, origin)
    return HeldTask(task, origin)


def _require_attributes(task: Task, origin: Origin) -> None:
    metrics: Any = task.metrics
    if not isinstance(metrics, Mapping) or not metrics or not set(metrics.values()) <= {"maximize", "minimize"}:
        raise origin.wrong(f"has metrics {metrics!r}, and names with 'maximize' or 'minimize' are wanted")
    strange = [name for name in task.proportions if name not in metrics]
    if strange:
        raise origin.wrong(f"names {strange[0]} under proportions{did_you_mean(strange[0], metrics)}")
    if not isinstance(task.wanted, Wanted):
        raise origin.wrong(f"has wanted {show(task.wanted)}, and Wanted(inputs, target) is wanted")
    inputs = task.wanted.inputs
    require_names(inputs, origin)
    _require_known([inputs] if isinstance(inputs, str) else list(inputs.values()), KINDS, origin)
    _require_known([task.wanted.target], TARGETS, origin)
    if isinstance(task.losses, str) or not task.losses:
        raise origin.wrong(f"has losses {show(task.losses)}, and a tuple of at least one loss's name is wanted")


def _require_known(kinds: Sequence[str], known: Iterable[str], origin: Origin) -> None:
    names = list(known)
    for kind in kinds:
        if kind not in names:
            raise origin.wrong(f"learns from or learns {show(kind)}{did_you_mean(kind, names)}")


class HeldTask:
    """A plugin's task whose every answer is what the contract says. Errors of nas, Infeasible say, pass."""

    def __init__(self, task: Task, origin: Origin) -> None:
        self._task = task
        self._origin = origin

    @property
    def metrics(self) -> Mapping[str, Direction]:
        return self._task.metrics

    @property
    def proportions(self) -> frozenset[str]:
        return frozenset(self._task.proportions)

    @property
    def wanted(self) -> Wanted:
        return self._task.wanted

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(self._task.losses)

    @property
    def unchanged_by(self) -> tuple[str, ...] | None:
        names = self._task.unchanged_by
        return None if names is None else tuple(names)

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        return self._ask(list, "a list of layers", "head", self._task.head, shape, facts)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        try:
            value: Any = self._task.loss(outputs, targets, loss_of, scale)
        except RuntimeError:
            raise  # of the machine, perhaps: a want of memory, or of a kernel
        except Exception as error:
            sizes = f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}"
            raise self._origin.wrong(f"failed in loss, of {sizes}: {type(error).__name__}: {error}", error) from error
        if not isinstance(value, torch.Tensor) or value.dim():
            raise self._wrong("loss", value, "a scalar tensor")
        return value

    def scorer(self, labels: Sequence[str]) -> Scorer:
        scorer: Any = self._origin.call("scorer", self._task.scorer, labels)
        missing = [name for name in SCORER if not hasattr(scorer, name)]
        if missing:
            raise self._wrong("scorer", scorer, f"a Scorer, which has {', '.join(SCORER)},")
        return HeldScorer(scorer, self, self._origin, labels)

    def objective(self, targets: Array) -> str:
        method = getattr(self._task, "objective", None)
        if method is None:
            return next(iter(self.metrics))
        found = self._ask(str, "the name of a metric", "objective", method, targets)
        if found not in self.metrics:
            raise self._origin.wrong(f"gave {show(found)} for objective{did_you_mean(found, self.metrics)}")
        return found

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        wanted = "a mapping from metrics to reasons"
        found: Mapping[str, str] = self._ask(MAPPING, wanted, "undefined", self._task.undefined, targets, labels)
        strange = [name for name in found if name not in self.metrics]
        if strange:
            raise self._origin.wrong(f"says that {strange[0]} is undefined, which is none of its metrics")
        return found

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        blocks: list[Any] = self._ask(list, "a list of blocks", "blocks", self._task.blocks, report)
        for block in blocks:
            if not isinstance(block, Table | Matrix | Curve):
                raise self._wrong("blocks", block, "a Table, a Matrix or a Curve")
            self._require_table(block.table() if isinstance(block, Matrix) else block)
        return blocks

    def _require_table(self, table: Table | Curve) -> None:
        if isinstance(table, Curve):
            return
        cells = [cell for row in (table.columns, *table.rows) for cell in row]
        uneven = {len(row) for row in table.rows} > {len(table.columns)}
        if uneven or not all(isinstance(cell, str) for cell in cells):
            raise self._origin.wrong(f"gave the table '{table.title}' with cells that are no texts, or uneven rows")

    def pictures(self, outputs: Array, labels: Sequence[str], raw: Any) -> Mapping[str, Any]:
        return self._ask(MAPPING, "a mapping of pictures", "pictures", self._task.pictures, outputs, labels, raw)

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        return self._data("answer", self._task.answer, outputs, labels, top, raw)

    def answers(
        self, run: Run, examples: Sequence[Any], labels: Sequence[str], facts: Mapping[str, Any], top: int = 5
    ) -> list[dict[str, Any]]:
        """The task's own `answers`; without that method, one answer for each output."""
        method = getattr(self._task, "answers", None)
        if method is None:
            return answer_each(self, run, examples, labels, top)
        wanted = f"a list of {len(examples)} answers"
        found = self._ask(list, wanted, "answers", method, run, examples, labels, facts, top)
        if len(found) != len(examples) or not all(isinstance(answer, dict) for answer in found):
            raise self._wrong("answers", found, wanted)
        return [require_json("answers", answer, self._origin) for answer in found]

    def describe(self, answer: Mapping[str, Any]) -> str:
        return self._ask(str, "a text", "describe", self._task.describe, answer)

    def _ask(self, kind: type[R], wanted: str, name: str, method: Callable[..., Any], *given: Any) -> R:
        found = self._origin.call(name, method, *given)
        if not isinstance(found, kind):
            raise self._wrong(name, found, wanted)
        return found

    def _data(self, name: str, method: Callable[..., Any], *given: Any) -> dict[str, Any]:
        return require_json(name, self._ask(dict, "a dict of JSON data", name, method, *given), self._origin)

    def _wrong(self, name: str, found: object, wanted: str) -> Exception:
        shown = f"a tensor of {tuple(found.shape)}" if isinstance(found, torch.Tensor) else show(found)
        return self._origin.wrong(f"gave {shown} for {name}, and {wanted} is wanted")


def require_json(name: str, found: dict[str, Any], origin: Origin) -> dict[str, Any]:
    try:
        json.dumps(found)
    except (TypeError, ValueError) as error:
        raise origin.wrong(f"gave {show(found)} for {name}, which is no JSON data: {error}") from None
    return found


class HeldScorer:
    """The scorer of a plugin's task, whose metrics are the task's and whose report is JSON data."""

    def __init__(self, scorer: Scorer, task: HeldTask, origin: Origin, labels: Sequence[str]) -> None:
        self._scorer = scorer
        self._task = task
        self._origin = origin
        self._labels = labels
        self._targets: list[torch.Tensor] = []

    def add(self, outputs: Array, targets: Array) -> None:
        self._origin.call("add", self._scorer.add, outputs, targets)
        self._targets.append(torch.as_tensor(targets))

    def metrics(self) -> dict[str, float]:
        found: Any = self._origin.call("metrics", self._scorer.metrics)
        if not isinstance(found, Mapping):
            raise self._origin.wrong(f"gave {show(found)} for metrics, and a mapping of metrics is wanted")
        self._require_known(found)
        self._require_all(found)
        return {name: float(value) for name, value in found.items()}

    def _require_known(self, found: Mapping[str, Any]) -> None:
        strange = [name for name in found if name not in self._task.metrics]
        if strange:
            near = did_you_mean(strange[0], self._task.metrics)
            raise self._origin.wrong(f"measures {strange[0]}, which is none of its metrics{near}")
        for name, value in found.items():
            if not hasattr(value, "__float__") or (isinstance(value, torch.Tensor) and value.dim()):
                raise self._origin.wrong(f"gave {show(value)} as {name} in metrics, and a number is wanted")

    def _require_all(self, found: Mapping[str, Any]) -> None:
        """But for those of which the task says why they are left out."""
        missing = [name for name in self._task.metrics if name not in found]
        if not missing or not self._labels:
            return
        excused = self._task.undefined(torch.cat(self._targets), self._labels)
        unexcused = [name for name in missing if name not in excused]
        if unexcused:
            raise self._origin.wrong(f"measures no {unexcused[0]}, and undefined does not say why")

    def report(self) -> dict[str, Any]:
        found: Any = self._origin.call("report", self._scorer.report)
        if not isinstance(found, dict):
            raise self._origin.wrong(f"gave {show(found)} for report, and a dict of JSON data is wanted")
        return require_json("report", found, self._origin)
