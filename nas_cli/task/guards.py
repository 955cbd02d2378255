"""Tasks of plugins, held to their contract: what breaks it is told in the plugin's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from nas_cli.data.source import KINDS, TARGETS, Wanted
from nas_cli.errors import did_you_mean
from nas_cli.plugins import Origin
from nas_cli.registry import show

if TYPE_CHECKING:
    from nas_cli.task.base import Array, Direction, Loss, Scale, Shape, Table, Task

R = TypeVar("R")
MAPPING: Any = Mapping
ATTRIBUTES = ("metrics", "proportions", "wanted", "losses")
METHODS = ("head", "loss", "measure", "undefined", "report", "reference", "tables", "answer", "describe")


def hold_task(task: Task, origin: Origin) -> Task:
    """Raises PluginError where the task lacks a member, or has one that cannot be right."""
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
    for value, known in ((task.wanted.inputs, KINDS), (task.wanted.target, TARGETS)):
        if value not in known:
            raise origin.wrong(f"learns from or learns {show(value)}{did_you_mean(value, known)}")
    if isinstance(task.losses, str) or not task.losses:
        raise origin.wrong(f"has losses {show(task.losses)}, and a tuple of at least one loss's name is wanted")


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
        names = getattr(self._task, "unchanged_by", None)
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

    def measure(self, logits: Array, targets: Array, labels: Sequence[str] = ()) -> dict[str, float]:
        found = self._ask(MAPPING, "a mapping of metrics", "measure", self._task.measure, logits, targets, labels)
        strange = [name for name in found if name not in self.metrics]
        if strange:
            raise self._origin.wrong(f"measures {strange[0]}, which is none of its metrics{self._near(strange[0])}")
        for name, value in found.items():
            if not hasattr(value, "__float__") or (isinstance(value, torch.Tensor) and value.dim()):
                raise self._origin.wrong(f"gave {show(value)} as {name} in measure, and a number is wanted")
        missing = [name for name in self.metrics if name not in found]
        if missing and labels:
            excused = self.undefined(targets, labels)
            missing = [name for name in missing if name not in excused]
        if missing and labels:
            raise self._origin.wrong(f"measures no {missing[0]}, and undefined does not say why")
        return {name: float(value) for name, value in found.items()}

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        wanted = "a mapping from metrics to reasons"
        found: Mapping[str, str] = self._ask(MAPPING, wanted, "undefined", self._task.undefined, targets, labels)
        strange = [name for name in found if name not in self.metrics]
        if strange:
            raise self._origin.wrong(f"says that {strange[0]} is undefined, which is none of its metrics")
        return found

    def report(self, logits: Array, targets: Array, labels: Sequence[str]) -> dict[str, Any]:
        return self._data("report", self._task.report, logits, targets, labels)

    def reference(self, train: tuple[Array, Array], test: Array, facts: Mapping[str, Any]) -> tuple[str, Array] | None:
        found: Any = self._origin.call("reference", self._task.reference, train, test, facts)
        if found is None:
            return None
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], str):
            raise self._wrong("reference", found, "None, or a name and outputs")
        if not hasattr(found[1], "__len__") or len(found[1]) != len(test):
            raise self._wrong("reference", found[1], f"outputs for each of {len(test)} inputs")
        return found

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        tables: list[Table] = self._ask(list, "a list of tables", "tables", self._task.tables, report)
        for table in tables:
            if not all(hasattr(table, name) for name in ("title", "columns", "rows")):
                raise self._wrong("tables", table, "a Table(title, columns, rows)")
            cells = [cell for row in (table.columns, *table.rows) for cell in row]
            if not all(isinstance(cell, str) for cell in cells) or {len(row) for row in table.rows} > {
                len(table.columns)
            }:
                raise self._origin.wrong(f"gave the table '{table.title}' with cells that are no texts, or uneven rows")
        return tables

    def answer(self, logits: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        return self._data("answer", self._task.answer, logits, labels, top, raw)

    def describe(self, answer: Mapping[str, Any]) -> str:
        return self._ask(str, "a text", "describe", self._task.describe, answer)

    def _near(self, name: str) -> str:
        return did_you_mean(name, self.metrics)

    def _ask(self, kind: type[R], wanted: str, name: str, method: Callable[..., Any], *given: Any) -> R:
        found = self._origin.call(name, method, *given)
        if not isinstance(found, kind):
            raise self._wrong(name, found, wanted)
        return found

    def _data(self, name: str, method: Callable[..., Any], *given: Any) -> dict[str, Any]:
        found = self._ask(dict, "a dict of JSON data", name, method, *given)
        try:
            json.dumps(found)
        except (TypeError, ValueError) as error:
            raise self._origin.wrong(f"gave {show(found)} for {name}, which is no JSON data: {error}") from None
        return found

    def _wrong(self, name: str, found: object, wanted: str) -> Exception:
        shown = f"a tensor of {tuple(found.shape)}" if isinstance(found, torch.Tensor) else show(found)
        return self._origin.wrong(f"gave {shown} for {name}, and {wanted} is wanted")
