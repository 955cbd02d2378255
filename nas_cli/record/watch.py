"""What is known of a run while it goes on, folded from its journal events: what every view of it shows."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_cli.figures import count, number
from nas_cli.record.directory import RunDirectory
from nas_cli.record.journal import iter_journal
from nas_cli.record.stored import goals_of, read_spec
from nas_cli.search.front import Front
from nas_cli.spec.schema import RunSpec
from nas_cli.trial import History, Measurement, Trial, prediction_error

NOTHING_YET = RunSpec.model_validate({"task": "", "data": {}})


@dataclass(frozen=True)
class Training:
    """One training under way: the epochs done, of how many, and the last metrics."""

    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class FinalTraining:
    candidate: str
    seed: int
    measurement: Measurement
    reward: float


@dataclass
class Watch:
    """`open` a run, or tell it of the events of one that goes on, in the order of the journal.

    `spec` has the stop conditions and the objective; before the first event it is empty. `history` is its own of a run
    that was opened and the engine's, never written to here, of one that goes on.
    """

    spec: RunSpec = NOTHING_YET
    run: Path | None = None
    history: History = field(default_factory=History)
    counts: Counter[str] = field(default_factory=Counter)
    trainings: dict[str, Training] = field(default_factory=dict)
    front: Front = field(default_factory=Front)
    goals: list[tuple[str, str]] = field(init=False)
    """(maximize | minimize | reward, the metric's name or the expression), one an objective."""
    improved: bool = False
    reason: str = ""
    finals: list[FinalTraining] = field(default_factory=list)
    final_failures: list[tuple[str, int, str]] = field(default_factory=list)
    selected: dict[str, Any] | None = None
    finished: bool = False
    searched: float = 0.0
    _first_rung: set[int] = field(default_factory=set)
    _before: float | None = None
    _best_number: int | None = None
    _live_since: float | None = None
    _ended_live: int = 0

    def __post_init__(self) -> None:
        self.goals = goals_of(self.spec)

    def open(self, run: Path) -> None:
        """Reads the spec and the journal of `run`. Raises RunError where one of them is missing or damaged."""
        self._begin(run)
        for event in iter_journal(RunDirectory(run).journal, len(self.goals)):
            self.recall(event, self.history.apply(event))
        self.improved = False

    def _begin(self, run: Path) -> None:
        self.run = run
        self.spec = read_spec(RunDirectory(run).spec)
        self.goals = goals_of(self.spec)

    def event(self, event: Mapping[str, Any], trial: Trial | None = None) -> None:
        """An event that was just written, and the trial that it changed. The first of a process names its run."""
        if event["event"] in ("run_started", "resumed"):  # told of once more by `recall`, in its place
            self._begin(Path(event["run"]))
            self._live_since = time.time()
            return
        self._ended_live += event["event"] == "trial_finished"
        self.recall(event, trial)

    def follow(self, history: History) -> None:
        self.history = history

    def recall(self, event: Mapping[str, Any], trial: Trial | None) -> None:
        """Folds one event in, and the trial that it changed."""
        kind = event["event"]
        self._spend(kind, event["time"])
        self.improved = False
        if trial is not None:
            self._trial(trial, kind)
        elif kind == "search_finished":
            self.reason = event.get("reason", "")
            self.trainings.clear()
            self.finals.clear()
            self.final_failures.clear()
        elif kind == "final_finished":
            self.finals.append(FinalTraining(event["candidate"], event["seed"], event["measurement"], event["reward"]))
            self._final_ended(event)
        elif kind == "final_failed":
            self.final_failures.append((event["candidate"], event["seed"], event["reason"]))
            self._final_ended(event)
        elif kind == "final_selected":
            self.selected = dict(event)
        elif kind in ("run_finished", "resumed"):
            self.finished = kind == "run_finished"

    def _spend(self, kind: str, now: float) -> None:
        if self._before is not None and kind not in ("run_started", "resumed") and not self.reason:
            self.searched += max(0.0, now - self._before)
        self._before = now

    def _trial(self, trial: Trial, kind: str) -> None:
        if kind in ("trial_failed", "trial_infeasible", "duplicate"):
            self.counts[trial.status] += 1
        if kind == "trial_started":
            self.reason = ""  # a search that was over goes on, with another stop condition
        if kind == "trial_started" and not trial.rungs:
            self._first_rung.add(trial.number)
        if trial.status != "running":
            self._first_rung.discard(trial.number)
            self.trainings.pop(f"trial {trial.number}", None)
        if self.several:
            self.improved = self.front.tell(trial)
        elif kind == "trial_finished":
            best = self.history.best()
            if best is not None and best.number != self._best_number:
                self._best_number = best.number
                self.improved = best.number == trial.number

    def _final_ended(self, event: Mapping[str, Any]) -> None:
        self.trainings.pop(f"{plain_name(event['candidate'])}, seed {event['seed']}", None)

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self.trainings[label] = Training(epoch, epochs, dict(metrics))

    # What views show ------------------------------------------------------------------------------------------------

    @property
    def best(self) -> Trial | None:
        """The best trial; of several objectives the knee of the front."""
        knee = self.front.knee if self.several else None
        return knee or self.history.best()

    @property
    def done(self) -> int:
        """Trials that ended a rung at least: what `stop.trials` counts, less those in their first."""
        return self.history.trained_count - len(self._first_rung)

    def elapsed(self) -> float:
        """Seconds of search so far, pauses between resumptions left out."""
        if self.reason or self._live_since is None or self._before is None:
            return self.searched
        return self.searched + max(0.0, time.time() - self._before)

    def fraction(self) -> float | None:
        """How much of the search is over, by the stop condition that is nearest; None where no end is in sight."""
        stop = self.spec.search.stop
        parts = []
        if stop.trials is not None:
            parts.append(self.done / stop.trials)
        if stop.time is not None:
            parts.append(self.elapsed() / stop.time)
        return min(max(parts), 1.0) if parts else None

    def rate(self) -> float | None:
        """Trainings that ended a minute, in this process; None before the first."""
        if self._live_since is None or self._ended_live == 0:
            return None
        return 60.0 * self._ended_live / max(time.time() - self._live_since, 1e-3)

    def time_left(self) -> float | None:
        """Seconds of search left, as things go; None where no end is in sight."""
        stop, rate = self.spec.search.stop, self.rate()
        left = []
        if stop.time is not None:
            left.append(stop.time - self.elapsed())
        if stop.trials is not None and rate is not None:
            left.append((stop.trials - self.done) * 60.0 / rate)
        return max(min(left), 0.0) if left else None

    def final_total(self) -> int:
        """How many final trainings there will be."""
        final = self.spec.final
        finalists = min(final.top, sum(1 for t in self.history if t.rungs and t.status in ("paused", "finished")))
        if len(self.front):
            finalists = len(self.front) if final.front == "all" else 1
        return (finalists + len(self.spec.baselines)) * final.seeds

    def final_done(self) -> int:
        return len(self.finals) + len(self.final_failures)

    @property
    def goal(self) -> tuple[str, str]:
        """The first of them."""
        return self.goals[0]

    @property
    def several(self) -> bool:
        return len(self.goals) > 1

    def shown(self, reward: float) -> float:
        """The reward as the spec words it: of `minimize: loss` the loss."""
        return -reward if self.goal[0] == "minimize" else reward

    def headline(self, measurement: Measurement, reward: float | None) -> str:
        """`accuracy 0.9820, 12.3k params`; of a reward expression its value first, then what it was made of."""
        if self.several:
            return ", ".join(f"{name} {number(name, measurement[name])}" for name in self.figures(measurement))
        goal, name = self.goal
        parts = []
        if reward is not None:
            score = "reward" if goal == "reward" else name
            parts.append(f"{score} {number(score, self.shown(reward))}")
        if goal == "reward":
            used = set(re.findall(r"[A-Za-z_]\w*", name))
            parts += [f"{key} {number(key, measurement[key])}" for key in measurement if key in used]
        elif name != "accuracy" and "accuracy" in measurement:
            parts.append(f"accuracy {measurement['accuracy']:.4f}")
        if "params" in measurement and not (goal == "reward" and "params" in name):
            parts.append(f"{count(measurement['params'])} params")
        return ", ".join(parts)

    def figures(self, measurement: Measurement) -> list[str]:
        """What is measured of what the objectives are made of."""
        names = [name for _, text in self.goals for name in re.findall(r"[A-Za-z_]\w*", text)]
        return [name for name in dict.fromkeys(names) if name in measurement]

    @property
    def verdict(self) -> str:
        return str(self.selected["verdict"]) if self.selected else ""

    @property
    def state(self) -> str:
        if self.finished:
            return "finished"
        return "in the final training" if self.reason else "searching"

    def summary(self) -> dict[str, Any]:
        """The run as JSON data: where it is, what was tried, what is best and what was kept."""
        best, predicted = self.best, prediction_error(self.history)
        summary: dict[str, Any] = {
            "run": str(self.run),
            "name": self.spec.name,
            "state": self.state,
            "stopped": self.reason or None,
            "search_seconds": round(self.searched, 1),
            "trials": {
                "trained": self.done,
                "failed": self.counts["failed"],
                "infeasible": self.counts["infeasible"],
                "duplicate": self.counts["duplicate"],
            },
            "objective": dict([self.goal]) if len(self.goals) == 1 else [dict([goal]) for goal in self.goals],
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
                "score": self.shown(best.reward),
                "feasible": best.feasible,
                "measurement": dict(best.measurement),
                "genotype": dict(best.genotype),
            }
        if self.selected is not None:
            summary["final"] = {k: v for k, v in self.selected.items() if k not in ("event", "time", "sequence")}
        return summary


def plain_name(candidate: str) -> str:
    """`trial-12` as `trial 12`, `baseline-two-layers` as `baseline two-layers`."""
    return candidate.replace("-", " ", 1)
