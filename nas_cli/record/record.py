"""The state of a run, folded from its journal: the only reader for all code that shows a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_cli.errors import RunError, SpecError
from nas_cli.figures import count, number
from nas_cli.record.course import Course
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import (
    Duplicate,
    Event,
    FinalFailed,
    FinalFinished,
    FinalSelected,
    TrialEvent,
    TrialFailed,
    TrialFinished,
    TrialInfeasible,
    TrialStarted,
)
from nas_cli.record.journal import iter_journal
from nas_cli.record.lines import fields_of
from nas_cli.record.stored import read_spec
from nas_cli.search.front import Front
from nas_cli.search.objective import Goal, goals_of
from nas_cli.spec.schema import RunSpec
from nas_cli.trial import History, Measurement, Trial, prediction_error

NOTHING_YET = RunSpec(task="", data={})


@dataclass
class Record:
    """The state of a run: `open` reads it from disk, `fold` adds one event after another, in the order of the journal.

    `spec` is empty before the first event. `history` belongs to the record where a run was opened; for a running search
    it is the engine's, and only read here. `course` says how far the run has come. `counts` has the numbers of failed,
    infeasible and duplicate trials. `measured` has a measurement for each candidate of `selected`, that of its first
    seed.
    """

    spec: RunSpec = NOTHING_YET
    run: Path | None = None
    history: History = field(default_factory=History)
    course: Course = field(default_factory=Course)
    front: Front = field(default_factory=Front)
    counts: Counter[str] = field(default_factory=Counter)
    goals: tuple[Goal, ...] = field(init=False)
    improved: bool = False
    """Whether the last event made its trial the best, or a member of the front."""
    selected: FinalSelected | None = None
    measured: Mapping[str, Measurement] = field(default_factory=dict)
    _first_rung: set[int] = field(default_factory=set)
    _best_number: int | None = None

    def __post_init__(self) -> None:
        self.goals = goals_of(self.spec.objective)

    def open(self, run: Path) -> None:
        """Reads the spec and the journal of `run`. Raises RunError where one of them is missing or damaged."""
        self.begin(run)
        for event in iter_journal(RunDirectory(run).journal, len(self.goals)):
            trial = event.change(self.history.trials) if isinstance(event, TrialEvent) else None
            if trial is not None:
                self.history.tell(trial)
            self.fold(event, trial)
        self.improved = False

    def begin(self, run: Path) -> None:
        """Reads the spec of `run`. Raises RunError."""
        self.run, path = run, RunDirectory(run).spec
        self.spec = read_spec(path)
        try:
            self.goals = goals_of(self.spec.objective)
        except SpecError as error:
            raise RunError(f"{path} is damaged: objective: {error}") from None

    def fold(self, event: Event, trial: Trial | None) -> None:
        """Adds one event; `trial` is the trial that it changed, as it is in the history now."""
        self.course.fold(event)
        self.improved = False
        if trial is not None:
            self._trial(event, trial)
        elif isinstance(event, FinalSelected):
            self.selected = event
            finals = [final for final in self.course.finals if isinstance(final, FinalFinished)]
            self.measured = {final.candidate: final.measurement for final in reversed(finals)}

    def _trial(self, event: Event, trial: Trial) -> None:
        if isinstance(event, TrialStarted):
            if not trial.rungs:
                self._first_rung.add(trial.number)
        else:
            self._first_rung.discard(trial.number)
        if isinstance(event, TrialFailed | TrialInfeasible | Duplicate):
            self.counts[trial.status] += 1
        if self.several:
            self.improved = self.front.tell(trial)
        elif isinstance(event, TrialFinished):
            best = self.history.best()
            if best is not None and best.number != self._best_number:
                self._best_number = best.number
                self.improved = best.number == trial.number

    # What is shown ---------------------------------------------------------------------------------------------------

    @property
    def goal(self) -> Goal:
        """The first goal."""
        return self.goals[0]

    @property
    def several(self) -> bool:
        return len(self.goals) > 1

    @property
    def best(self) -> Trial | None:
        """The best trial; with several objectives the knee of the front."""
        knee = self.front.knee if self.several else None
        return knee or self.history.best()

    @property
    def done(self) -> int:
        """Trials that have completed a rung: those that `stop.trials` counts, without those in their first rung."""
        return self.history.trained_count - len(self._first_rung)

    @property
    def failures(self) -> list[FinalFailed]:
        """The final trainings that failed."""
        return [final for final in self.course.finals if isinstance(final, FinalFailed)]

    def final_total(self) -> int:
        """The number of final trainings in all."""
        final = self.spec.final
        finalists = min(final.top, sum(1 for t in self.history if t.rungs and t.status in ("paused", "finished")))
        if len(self.front):
            finalists = len(self.front) if final.front == "all" else 1
        return (finalists + len(self.spec.baselines)) * final.seeds

    def headline(self, measurement: Measurement, reward: float | None) -> str:
        """`accuracy 0.9820, 12.3k params`; for a reward expression its value, then the metrics and costs it names."""
        if self.several:
            return ", ".join(f"{name} {number(name, measurement[name])}" for name in self.figures(measurement))
        goal = self.goal
        parts = []
        if reward is not None:
            parts.append(f"{goal.score} {number(goal.score, goal.shown(reward))}")
        if goal.kind == "reward":
            parts += [f"{key} {number(key, measurement[key])}" for key in measurement if key in goal.expression.names]
        elif goal.name != "accuracy" and "accuracy" in measurement:
            parts.append(f"accuracy {measurement['accuracy']:.4f}")
        if "params" in measurement and not (goal.kind == "reward" and "params" in goal.expression.names):
            parts.append(f"{count(measurement['params'])} params")
        return ", ".join(parts)

    def figures(self, measurement: Measurement) -> list[str]:
        """The names in the objectives that `measurement` has."""
        names = [name for goal in self.goals for name in goal.reads]
        return [name for name in dict.fromkeys(names) if name in measurement]

    @property
    def verdict(self) -> str:
        return self.selected.verdict if self.selected else ""

    @property
    def state(self) -> str:
        if self.course.finished:
            return "finished"
        return "in the final training" if self.course.stopped else "searching"

    def summary(self) -> dict[str, Any]:
        """The run as JSON data: its directory and state, counts of trials, the best trial or front, the selection."""
        best, predicted = self.best, prediction_error(self.history)
        goals = [{goal.kind: goal.name} for goal in self.goals]
        summary: dict[str, Any] = {
            "run": str(self.run),
            "name": self.spec.name,
            "state": self.state,
            "stopped": self.course.stopped or None,
            "search_seconds": round(self.course.seconds, 1),
            "trials": {
                "trained": self.done,
                "failed": self.counts["failed"],
                "infeasible": self.counts["infeasible"],
                "duplicate": self.counts["duplicate"],
            },
            "objective": goals if self.several else goals[0],
            "latency_prediction": {"median_error": predicted[0], "trials": predicted[1]} if predicted else None,
            "best_trial": None,
            "front": None,
            "final": None,
        }
        if self.several:
            members = [{"number": t.number, "measurement": dict(t.measurement)} for t in self.front.members]
            summary["front"] = {"knee": self.front.knee and self.front.knee.number, "members": members}
        if best is not None and best.reward is not None:
            summary["best_trial"] = {
                "number": best.number,
                "score": self.goal.shown(best.reward),
                "feasible": best.feasible,
                "measurement": dict(best.measurement),
                "genotype": dict(best.genotype),
            }
        if self.selected is not None:
            summary["final"] = fields_of(self.selected)
        return summary
