"""The search loop: where proposing (strategy), budgeting (scheduler) and running (executor) meet.

Every step is journaled first and told afterwards, so a live run and a resumed one see the same order of things.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable

from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.run.compose import Experiment
from nas_cli.run.directory import RunDirectory
from nas_cli.run.journal import Event, Journal
from nas_cli.run.observer import Observer
from nas_cli.run.seeds import trial_seed
from nas_cli.space.edit import replay
from nas_cli.space.nodes import Seq, to_yaml
from nas_cli.space.space import Resolved
from nas_cli.trial import Genotype, History, Measurement, Trial

MAX_FRUITLESS = 1000
"""Proposals in a row that give nothing to train before a search says that its space is used up."""


class Controller:
    """One search over one journal. `clock` gives seconds and only ever goes forward."""

    def __init__(
        self,
        experiment: Experiment,
        run: RunDirectory,
        journal: Journal,
        executor: Executor,
        observer: Observer,
        costs: Callable[[Seq], Measurement],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.experiment = experiment
        self.history = History()
        self._run = run
        self._journal = journal
        self._executor = executor
        self._observer = observer
        self._clock = clock
        self._started_at = clock()
        self._spent_before = searched_seconds(journal.events)
        self._strategy = experiment.make_strategy()
        self._scheduler = experiment.make_scheduler()
        self._costs = costs
        self._keys: dict[str, int] = {}
        self._tried: set[frozenset[tuple[str, str]]] = set()
        self._fruitless = 0
        self._running = 0
        for event in journal.events:
            trial = self._tell(event)
            if trial is not None and event["event"] in ("trial_started", "trial_infeasible") and event.get("genotype"):
                self._remember_key(trial)

    def search(self) -> str:
        """Searches until a stop condition holds, and returns it as a sentence. Raises NasError where nothing trains."""
        for trial in [t for t in self.history if t.status == "running"]:
            self._submit(trial, replay(self.experiment.space, trial.genotype))
        while True:
            reason = self._stop_now()
            exhausted = "" if reason else self._fill()
            if self._running == 0:
                reason = reason or exhausted
                break
            # Jobs that run when a stop condition holds are finished and recorded: their time is spent already.
            self._record(self._executor.wait())
        if not any(trial.rungs for trial in self.history):
            raise NasError(self._why_nothing(reason))
        self._append("search_finished", reason=reason, trials=len(self.history.trained()))
        return reason

    # Filling the executor -------------------------------------------------------------------------------------------

    def _fill(self) -> str:
        """Starts jobs until every slot is taken; a sentence where no new trial can be started."""
        while self._running < self._executor.slots:
            promoted = self._scheduler.next(self.history)
            if promoted is not None:
                number, rung = promoted
                trial = self._append("trial_started", number=number, rung=rung)
                assert trial is not None
                self._submit(trial, replay(self.experiment.space, trial.genotype))
                continue
            over = self._budget_spent()
            if over:
                return over
            reason = self._stop_now()
            if reason:
                return reason
            exhausted = self._propose()
            if exhausted:
                return exhausted
        return ""

    def _propose(self) -> str:
        """Asks for one architecture: trains it, or records why not. A sentence where the space is used up."""
        if self._fruitless >= MAX_FRUITLESS or len(self._tried) >= self.experiment.size:
            return (
                "every architecture of the space was tried"
                if self._fruitless < MAX_FRUITLESS
                else (f"the last {MAX_FRUITLESS:,} proposals were known networks or cannot be built")
            )
        number = len(self.history)
        self._fruitless += 1
        genotype: Genotype = {}
        key = ""
        try:
            genotype = self._strategy.ask(number)
            resolved = replay(self.experiment.space, genotype)
            key = self.experiment.canonical.key(resolved)
            if key in self._keys:
                self._append("duplicate", number=number, genotype=dict(genotype), equals=self._keys[key])
                return ""
            reason = "; ".join(self.experiment.objective.broken(self._costs(resolved.model)))
        except Infeasible as error:
            reason = str(error)
        if key:
            self._keys[key] = number
        if reason:
            self._append("trial_infeasible", number=number, genotype=dict(genotype), reason=reason)
            return ""
        self._fruitless = 0
        trial = self._append("trial_started", number=number, genotype=dict(genotype), rung=0)
        assert trial is not None
        self._submit(trial, resolved)
        return ""

    def _submit(self, trial: Trial, resolved: Resolved) -> None:
        rungs = self._rungs(resolved)
        first = rungs[trial.rung - 1] if trial.rung else 0
        last_rung = trial.rung == len(rungs) - 1
        checkpoint = self._run.checkpoint(trial.number)
        self._executor.submit(
            Job(
                number=trial.number,
                rung=trial.rung,
                label=f"trial {trial.number}",
                architecture=to_yaml(resolved.model),
                train=resolved.train,
                first_epoch=first,
                last_epoch=rungs[trial.rung],
                total_epochs=rungs[-1],
                seed=trial_seed(self.experiment.spec.seed, trial.number),
                checkpoint_in=str(checkpoint) if first else None,
                checkpoint_out=None if last_rung else str(checkpoint),
                weights_out=None,
                measure=self.experiment.measured,
            )
        )
        self._running += 1

    def _rungs(self, resolved: Resolved) -> tuple[int, ...]:
        """Epochs at the end of each rung. Where every trial trains in full, `train.epochs` may be a decision."""
        rungs = self._scheduler.rungs
        return rungs if len(rungs) > 1 else (int(resolved.train["epochs"]),)

    # Recording ------------------------------------------------------------------------------------------------------

    def _record(self, result: JobResult) -> None:
        self._running -= 1
        trial = self.history.trials[result.number]
        if result.status != "finished":
            self._append("trial_failed", number=result.number, rung=result.rung, reason=result.reason)
            self._drop_checkpoint(result.number)
            return
        measurement = {**result.measurement, "seconds": round(result.seconds, 3)}
        broken = self.experiment.objective.broken(measurement)
        try:
            reward = self.experiment.objective.reward(measurement)
        except NasError as error:
            self._append("trial_failed", number=result.number, rung=result.rung, reason=str(error))
            self._drop_checkpoint(result.number)
            return
        rungs = self._rungs(replay(self.experiment.space, trial.genotype))
        last = result.rung == len(rungs) - 1
        self._append(
            "trial_finished",
            number=result.number,
            rung=result.rung,
            measurement=measurement,
            reward=reward,
            last=last,
            feasible=not broken,
        )
        if last:
            self._drop_checkpoint(result.number)

    def _append(self, event: str, **fields: object) -> Trial | None:
        record = self._journal.append(event, **fields)
        trial = self._tell(record)
        self._observer.event(record)
        return trial

    def _tell(self, event: Event) -> Trial | None:
        trial = self.history.apply(event)
        if trial is None:
            return None
        if event.get("genotype"):
            self._tried.add(frozenset((path, json.dumps(value)) for path, value in trial.genotype.items()))
        self._strategy.tell(trial)
        return trial

    def _remember_key(self, trial: Trial) -> None:
        try:
            key = self.experiment.canonical.key(replay(self.experiment.space, trial.genotype))
        except Infeasible:
            return
        self._keys.setdefault(key, trial.number)

    def _drop_checkpoint(self, number: int) -> None:
        path = self._run.checkpoint(number)
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    # Stopping -------------------------------------------------------------------------------------------------------

    def _stop_now(self) -> str:
        """The condition that ends the search at once: time, target or patience."""
        stop = self.experiment.spec.search.stop
        objective = self.experiment.objective
        best = self.history.best()
        if stop.time is not None and self._spent_before + self._clock() - self._started_at >= stop.time:
            return f"the search time of {stop.time:g} s is used up"
        if best is not None and best.feasible and stop.target is not None:
            reward = best.reward
            assert reward is not None
            if reward >= objective.shown(stop.target):
                return f"trial {best.number} reached the target: {objective.shown(reward):.6g}"
        if best is not None and stop.patience is not None:
            since = sum(
                1 for t in self.history if t.number > best.number and t.status in ("paused", "finished", "failed")
            )
            if since >= stop.patience:
                return f"no trial was better than trial {best.number} for {since} trials"
        return ""

    def _budget_spent(self) -> str:
        trials = self.experiment.spec.search.stop.trials
        if trials is not None and len(self.history.trained()) >= trials:
            return f"{trials} trials were trained"
        return ""

    def _why_nothing(self, reason: str) -> str:
        first = next((t for t in self.history if t.status in ("failed", "infeasible")), None)
        if first is None:
            return f"the search ended before any candidate was trained: {reason}"
        failed = sum(t.status == "failed" for t in self.history)
        infeasible = sum(t.status == "infeasible" for t in self.history)
        return (
            f"no candidate could be trained ({failed} failed, {infeasible} infeasible); "
            f"trial {first.number}, the first: {first.reason}"
        )


SEARCHING = ("trial_started", "trial_finished", "trial_failed", "trial_infeasible", "duplicate", "search_finished")


def searched_seconds(events: Iterable[Event]) -> float:
    """Seconds spent searching: the time up to each event of the search, without pauses and without final training."""
    spent, before = 0.0, math.nan
    for event in events:
        if event["event"] in SEARCHING and not math.isnan(before):
            spent += max(0.0, event["time"] - before)
        before = event["time"] if event["event"] in (*SEARCHING, "run_started", "resumed") else math.nan
    return spent
