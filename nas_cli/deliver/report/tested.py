"""What the report says of the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.task import TASKS
from nas_cli.task.classification import CONFUSION

SHOWN_CLASSES = 40


def tested(evaluation: Mapping[str, Any] | None) -> str:
    """The task's own tables, with the scores of others beside the network's, and confusions as a chart."""
    if evaluation is None:
        return ""
    check = evaluation["validation"]
    parts = ["<h2>Test</h2>"]
    parts.append(
        "<p>The stored weights give the logged validation score again.</p>"
        if check["equal"]
        else "<p><strong>The stored weights do not give the logged validation score:</strong> they differ by up to "
        f"{check['largest_difference']:.3g}.</p>"
    )
    # The task of a plugin that is not imported cannot say how its report reads.
    shown = TASKS[evaluation["task"]].tables(evaluation) if evaluation.get("task") in TASKS else []
    for content in shown:
        if content.title != CONFUSION:
            parts.append(f"<h3>{escape(content.title)}</h3>{table(content.columns, content.rows)}")
    if "confusion" in evaluation and len(evaluation["confusion"]) <= SHOWN_CLASSES:
        labels = [c["label"] for c in evaluation["classes"]]
        parts.append(f"<h3>{CONFUSION}</h3>")
        parts.append(f"<figure>{charts.confusion(evaluation['confusion'], labels)}</figure>")
    return "".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: bool = False) -> str:
    """The first column is of words, the others are of numbers; with `words` the last one is of words too."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header) if any(header) else ""
    lines = [f"<tr>{head}</tr>"] if head else []
    lines += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    kind = ' class="words"' if words else ""
    return f'<div class="scroll"><table{kind}>{"".join(lines)}</table></div>'
