"""What the report says of the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.task import TASKS
from nas_cli.task.base import Table
from nas_cli.task.classification import CONFUSION

SHOWN_CLASSES = 40


@dataclass(frozen=True)
class Figure:
    title: str
    chart: charts.Chart


@dataclass(frozen=True)
class Tested:
    """`equal`: whether the stored weights give the logged validation score again; else they are off by `difference`."""

    equal: bool
    difference: str
    notes: Sequence[str]
    blocks: Sequence[Table | Figure]


def tested(evaluation: Mapping[str, Any] | None) -> Tested | None:
    """The task's own tables, with the scores of others beside the network's, and confusions as a chart."""
    if evaluation is None:
        return None
    check = evaluation["validation"]
    # The task of a plugin that is not imported cannot say how its report reads.
    shown = TASKS[evaluation["task"]].tables(evaluation) if evaluation.get("task") in TASKS else []
    blocks: list[Table | Figure] = [table for table in shown if table.title != CONFUSION]
    if "confusion" in evaluation and len(evaluation["confusion"]) <= SHOWN_CLASSES:
        labels = [str(c["label"]) for c in evaluation["classes"]]
        blocks.append(Figure(CONFUSION, charts.confusion(evaluation["confusion"], labels)))
    return Tested(check["equal"], f"{check['largest_difference']:.3g}", evaluation.get("notes", ()), blocks)
