"""Tables of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from nas_cli.figures import count, deviation, number
from nas_cli.record.watch import Watch, plain_name
from nas_cli.trial import rank


class TaskTable(Protocol):
    """What a task gives to be shown; cells are texts."""

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


def final_table(watch: Watch) -> Table | None:
    """Candidates and baselines of the final training, best first; None before one was kept."""
    if watch.selected is None:
        return None
    if watch.several:
        return _final_front(watch, watch.selected)
    goal, name = watch.goal
    score = "reward" if goal == "reward" else name
    columns = ("candidate", score, "±", "seeds", "params", "MACs")
    result = table(*columns, right=columns[1:])
    for row in watch.selected["ranking"]:
        candidate = row["candidate"]
        first = next((final.measurement for final in watch.finals if final.candidate == candidate), {})
        kept = candidate == watch.selected["candidate"]
        result.add_row(
            plain_name(candidate),
            number(score, watch.shown(row["mean"])),
            deviation(score, row["spread"], watch.shown(row["mean"])) if row["spread"] is not None else "-",
            str(len(row["rewards"])),
            count(first["params"]) if "params" in first else "-",
            count(first["macs"]) if "macs" in first else "-",
            style="bold" if kept else "",
        )
    return result


def _final_front(watch: Watch, selected: Mapping[str, Any]) -> Table:
    """What was trained from scratch for several objectives: the mean of each over the seeds."""
    names = [name for _, name in watch.goals]
    result = table("candidate", *names, "seeds", "", right=(*names, "seeds"))
    for row in selected["ranking"]:
        candidate = row["candidate"]
        means = [
            -mean if kind == "minimize" else mean for (kind, _), mean in zip(watch.goals, row["means"], strict=True)
        ]
        kept = candidate == selected["candidate"]
        note = "kept" if kept else "on the front" if candidate in selected["front"] else ""
        result.add_row(
            plain_name(candidate),
            *(number(name, mean) for name, mean in zip(names, means, strict=True)),
            str(len(row["rewards"])),
            note,
            style="bold" if kept else "",
        )
    return result


def front_table(watch: Watch) -> Table:
    """The Pareto front, the highest first objective first; the knee is marked."""
    members = watch.front.members
    names = [name for _, name in watch.goals if any(name in trial.measurement for trial in members)]
    rewards = [index for index, (kind, _) in enumerate(watch.goals) if kind == "reward"]
    others = [name for name in ("params", "macs", "latency_ms") if name not in names]
    others = [name for name in others if any(name in trial.measurement for trial in members)]
    columns = ("trial", *names, *(watch.goals[index][1] for index in rewards), *others)
    result = table(*columns, "", right=columns)
    knee = watch.front.knee
    for trial in members:
        is_knee = knee is not None and trial.number == knee.number
        result.add_row(
            str(trial.number),
            *(number(name, trial.measurement[name]) for name in names),
            *(f"{trial.rewards[index]:.4g}" for index in rewards),
            *(number(name, trial.measurement[name]) if name in trial.measurement else "-" for name in others),
            "knee" if is_knee else "",
            style="bold" if is_knee else "",
        )
    return result


def trials_table(watch: Watch, most: int) -> Table:
    """The best trials, best first."""
    goal, name = watch.goal
    score = "reward" if goal == "reward" else name
    columns = ("trial", score, "rung", "params", "MACs", "seconds")
    result = table(*columns, right=columns)
    ranked = sorted((t for t in watch.history if t.rungs and t.rungs[-1][2] is not None), key=rank, reverse=True)
    for trial in ranked[:most]:
        rung, measurement, reward = trial.rungs[-1]
        assert reward is not None
        result.add_row(
            str(trial.number),
            number(score, watch.shown(reward)),
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
