"""The section of the report on the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.stored import is_known
from nas_cli.task import Curve, Matrix, Table, open_task

SHOWN_CLASSES = 40


@dataclass(frozen=True)
class Figure:
    title: str
    chart: charts.Chart


@dataclass(frozen=True)
class Tested:
    """`equal`: whether the stored weights reproduce the logged validation metrics; `difference` is the largest
    deviation."""

    equal: bool
    difference: str
    notes: Sequence[str]
    blocks: Sequence[Table | Figure]


def tested(evaluation: Mapping[str, Any] | None) -> Tested | None:
    """The task's blocks, including scores of baselines and reference; matrices and curves become charts."""
    if evaluation is None:
        return None
    check = evaluation["validation"]
    blocks: list[Table | Figure] = []
    for block in open_task(evaluation["task"]).blocks(evaluation) if is_known(evaluation) else []:
        if isinstance(block, Table):
            blocks.append(block)
        elif isinstance(block, Curve):
            blocks.append(Figure(block.title, charts.curves(block.lines, block.x, block.y, block.title)))
        elif isinstance(block, Matrix) and len(block.names) <= SHOWN_CLASSES:
            blocks.append(Figure(block.title, charts.confusion(block.counts, block.names)))
    return Tested(check["equal"], f"{check['largest_difference']:.3g}", evaluation.get("notes", ()), blocks)
