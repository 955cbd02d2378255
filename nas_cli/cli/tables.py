"""Tables of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from nas_cli.figures import count, deviation, number
from nas_cli.record.candidates import spoken
from nas_cli.record.events import FinalSelected
from nas_cli.record.record import Record
from nas_cli.trial import rank


class TaskTable(Protocol):
    """A table of a task's report; cells are texts."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> tuple[tuple[str, ...], ...]: ...


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table without frames; the columns named in `right` hold numbers."""
    result = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        result.add_column(column, justify=justify, no_wrap=column in right)
    return result


def final_table(record: Record) -> Table | None:
    """Candidates and baselines of the final training, best first; None before one was kept."""
    if record.selected is None:
        return None
    if record.several:
        return _final_front(record, record.selected)
    score = record.goal.score
    columns = ("candidate", score, "±", "seeds", "params", "MACs")
    result = table(*columns, right=columns[1:])
    for row in record.selected.ranking:
        first = record.measured.get(row.candidate, {})
        kept = row.candidate == record.selected.candidate
        mean = record.goal.shown(row.mean)
        result.add_row(
            spoken(row.candidate),
            number(score, mean),
            deviation(score, row.spread, mean) if row.spread is not None else "-",
            str(len(row.rewards)),
            count(first["params"]) if "params" in first else "-",
            count(first["macs"]) if "macs" in first else "-",
            style="bold" if kept else "",
        )
    return result


def _final_front(record: Record, selected: FinalSelected) -> Table:
    """The candidates of a final training with several objectives: the mean of each objective over the seeds."""
    names = [goal.name for goal in record.goals]
    result = table("candidate", *names, "seeds", "", right=(*names, "seeds"))
    for row in selected.ranking:
        means = [goal.shown(mean) for goal, mean in zip(record.goals, row.means, strict=True)]
        kept = row.candidate == selected.candidate
        note = "on the front" if row.candidate in selected.front else ""
        result.add_row(
            spoken(row.candidate),
            *(number(name, mean) for name, mean in zip(names, means, strict=True)),
            str(len(row.rewards)),
            "kept" if kept else note,
            style="bold" if kept else "",
        )
    return result


def front_table(record: Record) -> Table:
    """The Pareto front, sorted by the first objective, best first; the knee is marked."""
    members, knee = record.front.members, record.front.knee
    knee_number = None if knee is None else knee.number
    measured = set(chain.from_iterable(trial.measurement for trial in members))
    names = [goal.name for goal in record.goals if goal.name in measured]
    rewards = {index: goal.name for index, goal in enumerate(record.goals) if goal.kind == "reward"}
    others = [name for name in ("params", "macs", "latency_ms") if name in measured and name not in names]
    columns = ("trial", *names, *rewards.values(), *others)
    result = table(*columns, "", right=columns)
    for trial in members:
        figures = [number(name, trial.measurement[name]) for name in names]
        figures += [f"{trial.rewards[index]:.4g}" for index in rewards]
        figures += [_measured(name, trial.measurement) for name in others]
        remark, style = ("knee", "bold") if trial.number == knee_number else ("", "")
        result.add_row(str(trial.number), *figures, remark, style=style)
    return result


def _measured(name: str, measurement: Mapping[str, float]) -> str:
    return number(name, measurement[name]) if name in measurement else "-"


def trials_table(record: Record, most: int) -> Table:
    """The best trials, best first."""
    score = record.goal.score
    columns = ("trial", score, "rung", "params", "MACs", "seconds")
    result = table(*columns, right=columns)
    ranked = sorted((t for t in record.history if t.rungs and t.rungs[-1][2] is not None), key=rank, reverse=True)
    for trial in ranked[:most]:
        rung, measurement, reward = trial.rungs[-1]
        assert reward is not None
        result.add_row(
            str(trial.number),
            number(score, record.goal.shown(reward)),
            str(rung),
            count(measurement["params"]) if "params" in measurement else "-",
            count(measurement["macs"]) if "macs" in measurement else "-",
            f"{measurement['seconds']:.1f}" if "seconds" in measurement else "-",
        )
    return result


def task_table(content: TaskTable) -> Table:
    """A table of a task's report: the first column names the row, the others are numbers."""
    result = table(*content.columns, right=content.columns[1:])
    for row in content.rows:
        result.add_row(*row)
    return result
