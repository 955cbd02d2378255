"""The section of the report on the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.stored import read_front
from nas_cli.record.candidates import spoken, trial_candidate, trial_of
from nas_cli.record.directory import RunDirectory


@dataclass(frozen=True)
class Front:
    """The members, as a plot of the first two objectives (None where not all have both) and as a table."""

    objectives: Sequence[str] = ()
    chart: charts.Chart | None = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def front_of(run: RunDirectory) -> Front | None:
    """The front of a run; None where the search had one objective. Raises RunError for a damaged file."""
    front = read_front(run)
    if front is None:
        return None
    members = front["members"]
    if not members:
        return Front()
    objectives = [str(text) for text in front["objectives"]]
    names = [text.split(" ", 1)[1] for text in objectives]
    candidates = dict.fromkeys([*names, "params", "macs", "latency_ms"])
    shown = [name for name in candidates if all(name in member["measurement"] for member in members)]
    marked = marks(front)
    rows = []
    for member in members:
        figures = [f"{member['measurement'][name]:,.5g}" for name in shown]
        rows.append([spoken(trial_candidate(member["trial"])), *figures, marked.get(member["trial"], "")])
    chart = None
    if set(names[:2]) <= set(shown):
        points = [(m["trial"], m["measurement"][names[1]], m["measurement"][names[0]]) for m in members]
        chart = charts.scatter(points, names[1], names[0], marked)
    return Front(objectives, chart, ["trial", *map(words, shown), ""], rows)


def marks(front: Mapping[str, Any]) -> dict[int, str]:
    """Remarks by trial: which is the knee of the search, and which was kept after the final phase."""
    marked = {} if front["knee"] is None else {front["knee"]: "the knee of the search"}
    kept = trial_of(str((front.get("final") or {}).get("candidate", "")))
    if kept is not None:
        marked[kept] = "kept" if kept not in marked else "the knee of the search, kept"
    return marked


def words(name: str) -> str:
    return name.replace("_", " ")
