"""What the report says of the test part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.report.elements import Element, element, group, table
from nas_cli.task import TASKS
from nas_cli.task.classification import CONFUSION

SHOWN_CLASSES = 40


def tested(evaluation: Mapping[str, Any] | None) -> Element | None:
    """The task's own tables, with the scores of others beside the network's, and confusions as a chart."""
    if evaluation is None:
        return None
    check = evaluation["validation"]
    if check["equal"]:
        verified = element("p", "The stored weights give the logged validation score again.")
    else:
        verified = element(
            "p",
            element("strong", "The stored weights do not give the logged validation score:"),
            f" they differ by up to {check['largest_difference']:.3g}.",
        )
    notes = [element("p", f"{note}.") for note in evaluation.get("notes", ())]
    parts = [element("h2", "Test"), verified, *notes]
    # The task of a plugin that is not imported cannot say how its report reads.
    shown = TASKS[evaluation["task"]].tables(evaluation) if evaluation.get("task") in TASKS else []
    for content in shown:
        if content.title != CONFUSION:
            parts += [element("h3", content.title), table(content.columns, content.rows)]
    if "confusion" in evaluation and len(evaluation["confusion"]) <= SHOWN_CLASSES:
        labels = [str(c["label"]) for c in evaluation["classes"]]
        figure = element("figure", charts.confusion(evaluation["confusion"], labels))
        parts += [element("h3", CONFUSION), figure]
    return group(*parts)
