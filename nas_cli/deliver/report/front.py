"""What the report says of the Pareto front that the search found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.report.elements import Child, Element, element, group, table
from nas_cli.deliver.stored import read_front
from nas_cli.record.candidates import spoken, trial_candidate, trial_of
from nas_cli.record.directory import RunDirectory


def front_section(run: RunDirectory) -> Element | None:
    """The members of the front, as a plot of the first two objectives and as a table."""
    front = read_front(run)
    if front is None:
        return None
    members = front["members"]
    if not members:
        return group(element("h2", "Pareto front"), element("p", "No trial kept the constraints."))
    names = [str(text).split(" ", 1)[1] for text in front["objectives"]]
    shown = list(dict.fromkeys([*names, "params", "macs", "latency_ms"]))
    shown = [name for name in shown if all(name in member["measurement"] for member in members)]
    marked = marks(front)
    rows = []
    for member in members:
        figures = [f"{member['measurement'][name]:,.5g}" for name in shown]
        rows.append([spoken(trial_candidate(member["trial"])), *figures, marked.get(member["trial"], "")])
    figure: Child = None
    if set(names[:2]) <= set(shown):
        points = [(m["trial"], m["measurement"][names[1]], m["measurement"][names[0]]) for m in members]
        figure = element("figure", charts.scatter(points, names[1], names[0], marked), class_="plot")
    return group(
        element("h2", "Pareto front"),
        element(
            "p",
            "What the search found: no other trial is better than one of these in every objective, "
            f"{' and '.join(map(str, front['objectives']))}. At the knee, giving up one for another stops paying. "
            "Which network is kept the final training says: the knee of the front of what was trained there.",
        ),
        figure,
        table(["trial", *map(words, shown), ""], rows, words=True),
    )


def marks(front: Mapping[str, Any]) -> dict[int, str]:
    """What trials of the front are called: the knee of the search, and the one that was kept after the final phase."""
    marked = {} if front["knee"] is None else {front["knee"]: "the knee of the search"}
    kept = trial_of(str((front.get("final") or {}).get("candidate", "")))
    if kept is not None:
        marked[kept] = "kept" if kept not in marked else "the knee of the search, kept"
    return marked


def words(name: str) -> str:
    return name.replace("_", " ")
