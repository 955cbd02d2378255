"""The search loop, which connects strategy (what to try), scheduler (for how long) and executor (where).

Every event is journaled first and told to strategy and observer afterwards, so a live run and a resumed one see the
same events in the same order.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict

from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.model.transport import program_to_data
from nas_cli.record.candidates import training, trial_candidate
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import (
    Duplicate,
    Event,
    SearchFinished,
    TrialEvent,
    TrialFinished,
    TrialInfeasible,
    TrialStarted,
)
from nas_cli.record.journal import Journal
from nas_cli.run.checkpoints import Checkpoints
from nas_cli.run.compose import Experiment
from nas_cli.run.observer import Observer
from nas_cli.run.outcome import outcome
from nas_cli.run.screen import Costs, Screen
from nas_cli.run.stopping import budget_spent, only_failures, patience, stop_now, time_left, why_nothing_trained
from nas_cli.search.front import Front
from nas_cli.seeds import trial_seed
from nas_cli.space.nodes import to_yaml
from nas_cli.space.space import Resolved
from nas_cli.trial import History, Trial, genotype_key

MAX_KNOWN = 1000
"""After so many proposals in a row that are known networks, or cannot be drawn, the space counts as used up."""
MAX_REFUSED = 10_000
"""After so many draws in a row that may not be trained, the search ends."""
MEASUREMENTS = ("latency_ms", "latency_spread", "latency_predicted")
"""Costs that are measured once per trial, not on every rung."""


class Controller:
    """One search over one journal. `clock` gives seconds and is monotonic."""

    def __init__(
        self,
        experiment: Experiment,
        run: RunDirectory,
        journal: Journal,
        executor: Executor,
        observer: Observer,
        costs: Costs,
        learn: Callable[[JobResult, Resolved], None] = lambda result, resolved: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`costs` estimates the costs of a candidate; `learn` gets the result of its first job."""
        self.experiment = experiment
        self.history = History()
        self.front = Front()
        self._journal = journal
        self._executor = executor
        self._observer = observer
        self._learn = learn
        self._clock = clock
        self._started_at = clock()
        self._spent_before = journal.course.seconds
        self._screen = Screen(experiment, costs)
        experiment.space.accept = self._screen.accept
        self._strategy = experiment.make_strategy()
        self._scheduler = experiment.make_scheduler()
        self._checkpoints = Checkpoints(run, self._scheduler, experiment.spec.search.stop.trials, executor.slots)
        self._networks: dict[str, int] = {}
        self._tried: set[bytes] = set()
        self._known = 0
        self._running = 0
        self._whole = False
        self.cut = 0
        """The number of trials that were cut short when the search time was over."""
        self._submitted: deque[int] = deque()
        self._early: dict[int, JobResult] = {}
        observer.follow(self.history)
        for event in journal.replay(len(experiment.objective.goals), len(self._scheduler.rungs)):
            observer.recall(event, self._tell(event))

    def search(self) -> str:
        """Searches until a stop condition holds, and returns it as a sentence. Raises NasError where nothing trains."""
        last_change = {number: index for index, number in enumerate(self.history.changes)}
        waiting = [trial for trial in self.history if trial.status == "running"]
        for trial in sorted(waiting, key=lambda trial: last_change[trial.number]):  # in the order they were started
            self._submit(trial, self._screen.resolved(trial.genotype))
        while True:
            reason = self._stop_now()
            exhausted = "" if reason else self._fill()
            if self._running == 0:
                reason = reason or exhausted
                break
            # Jobs that run when a stop condition holds may end and are recorded: their time is spent already.
            result = self._wait()
            if result is None:
                reason = self._stop_now()
                self._executor.cancel()  # running trials start again if the search goes on later
                break
            self._record(result)
            failing = only_failures(self.experiment, self.history)
            if failing:
                raise NasError(failing)
        if not any(trial.rungs for trial in self.history):
            raise NasError(why_nothing_trained(self.history, reason))
        stop = asdict(self.experiment.spec.search.stop)
        self._append(SearchFinished(reason, self.history.trained_count, stop))
        return reason

    def _wait(self) -> JobResult | None:
        """The next result; in a deterministic search the result of the job that was submitted first."""
        if not self.experiment.spec.search.deterministic:
            return self._executor.wait(self._patience())
        while self._submitted[0] not in self._early:
            result = self._executor.wait(self._patience())
            if result is None:
                return None
            self._early[result.number] = result
        return self._early.pop(self._submitted.popleft())

    def _stop_now(self) -> str:
        return stop_now(self.experiment, self.history, self.front, self._seconds())

    def _seconds(self) -> float:
        return self._spent_before + self._clock() - self._started_at

    @property
    def cut_short(self) -> bool:
        """Whether there are trained trials and all of them were cut short when the search time was over."""
        return not self._whole and any(trial.rungs for trial in self.history)

    def _patience(self) -> float | None:
        """Seconds to wait for the running jobs; None for no limit."""
        return patience(self.experiment, self._whole, self._seconds())

    # Filling the executor -------------------------------------------------------------------------------------------

    def _fill(self) -> str:
        """Starts jobs until every slot is taken. Returns a sentence where no new trial can be started."""
        while self._running < self._executor.slots:
            promoted = self._scheduler.next(self.history)
            if promoted is not None:
                number, rung = promoted
                genotype = self.history.trials[number].genotype
                trial = self._change(TrialStarted(number, rung, genotype))
                self._submit(trial, self._screen.resolved(genotype))
                continue
            over = budget_spent(self.experiment, self.history) or self._stop_now() or self._propose()
            if over:
                return over
        return ""

    def _propose(self) -> str:
        """Asks for an architecture and trains it, or records why not. Returns a sentence where the space is used up."""
        used_up = self._used_up()
        if used_up:
            return used_up
        number = len(self.history)
        try:
            genotype = self._strategy.ask(number)
        except Infeasible as error:
            self._known += 1
            self._change(TrialInfeasible(number, {}, str(error)))
            return ""
        screened = self._screen.look(genotype)
        if screened.network in self._networks:
            self._known += 1
            self._change(Duplicate(number, genotype, self._networks[screened.network]))
            return ""
        if screened.reason or screened.resolved is None:
            self._change(TrialInfeasible(number, genotype, screened.reason, screened.network))
            return ""
        self._known = self._screen.fruitless = 0
        rung = self._scheduler.first_rung(number)
        trial = self._change(TrialStarted(number, rung, genotype, screened.network))
        self._submit(trial, screened.resolved)
        return ""

    def _used_up(self) -> str:
        size = self.experiment.size
        if size.exact and len(self._tried) >= size.number:
            return "every architecture of the space was tried"
        if self._known >= MAX_KNOWN:
            return f"the last {MAX_KNOWN:,} proposals were known networks or could not be drawn"
        if self._screen.fruitless < MAX_REFUSED:
            return ""
        why = self._screen.why_nothing()
        return f"nothing more can be found that may be trained: {why or 'nothing can be built'}"

    def _submit(self, trial: Trial, resolved: Resolved) -> None:
        rungs = self._rungs(resolved)
        before = trial.rungs[-1][0] if trial.rungs else None
        checkpoint = self._checkpoints.stored(trial.number) if before is not None else None
        estimate = self._screen.look(trial.genotype).estimate
        earlier = {name: trial.measurement[name] for name in MEASUREMENTS if name in trial.measurement}
        if estimate.latency_ms is not None and not earlier:
            earlier["latency_predicted"] = estimate.latency_ms
        last_rung = trial.rung == len(rungs) - 1
        self._executor.submit(
            Job(
                number=trial.number,
                rung=trial.rung,
                label=training(trial_candidate(trial.number)),
                architecture=to_yaml(resolved.model),
                train=resolved.train,
                # A deleted checkpoint costs time only: the same epochs give the same weights again.
                first_epoch=rungs[before] if before is not None and checkpoint else 0,
                last_epoch=rungs[trial.rung],
                total_epochs=rungs[-1],
                seed=trial_seed(self.experiment.spec.seed, trial.number),
                checkpoint_in=checkpoint,
                checkpoint_out=None if last_rung else self._checkpoints.place(trial.number),
                weights_out=None,
                costs={**estimate.counted, **earlier},
                measure=tuple(name for name in self.experiment.measured if name not in earlier),
                bounds=self.experiment.bounds,
                seconds=time_left(self.experiment, self._whole, self._seconds()),
                entries=estimate.missing,
                program=program_to_data(estimate.program) if estimate.program is not None else None,
            )
        )
        self._running += 1
        if self.experiment.spec.search.deterministic:
            self._submitted.append(trial.number)

    def _rungs(self, resolved: Resolved) -> tuple[int, ...]:
        """Epochs at the end of each rung. With a single rung, `train.epochs` may be a decision of the trial."""
        rungs = self._scheduler.rungs
        return rungs if len(rungs) > 1 else (int(resolved.train["epochs"]),)

    # Recording ------------------------------------------------------------------------------------------------------

    def _record(self, result: JobResult) -> None:
        self._running -= 1
        trial = self.history.trials[result.number]
        if result.note:
            self._observer.note(result.note)
        resolved = self._screen.resolved(trial.genotype)
        if self._whole and self._was_cut(trial, result, resolved):
            return  # the trial starts again if the search goes on later
        if not trial.rungs:  # later rungs repeat the first one's measurements
            self._learn(result, resolved)
        cut = self._was_cut(trial, result, resolved)
        last = cut or result.rung == len(self._rungs(resolved)) - 1
        self._change(outcome(trial, result, self.experiment.objective, last, cut))
        self._checkpoints.tidy(self.history, result.number)

    def _was_cut(self, trial: Trial, result: JobResult, resolved: Resolved) -> bool:
        wanted = self._rungs(resolved)[trial.rung]
        return result.status == "finished" and result.measurement.get("epochs", wanted) < wanted

    def _change(self, event: TrialEvent) -> Trial:
        trial = self._append(event)
        assert trial is not None
        return trial

    def _append(self, event: Event) -> Trial | None:
        written = self._journal.append(event)
        trial = self._tell(written)
        self._observer.event(written, trial)
        return trial

    def _tell(self, event: Event) -> Trial | None:
        if not isinstance(event, TrialEvent):
            return None
        trial = event.change(self.history.trials)
        self.history.tell(trial)
        if isinstance(event, TrialFinished):
            self.cut += event.cut
            self._whole = self._whole or not event.cut
        elif isinstance(event, TrialStarted | TrialInfeasible | Duplicate):
            self._remember(trial, event)
        if self.experiment.objective.several:
            self.front.tell(trial)
        self._strategy.tell(trial)
        return trial

    def _remember(self, trial: Trial, event: TrialStarted | TrialInfeasible | Duplicate) -> None:
        """Notes a genotype and its network as tried, whatever the outcome of the trial."""
        if not event.genotype or trial.rungs:  # noted at the first rung
            return
        self._tried.add(genotype_key(trial.genotype))
        if isinstance(event, Duplicate):
            return
        network = event.network
        if network is None:  # a run of an earlier version
            network = self._screen.look(trial.genotype).network
        if network:
            self._networks.setdefault(network, trial.number)
