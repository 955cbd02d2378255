"""The final phase: the best candidates and the baselines, trained from scratch under one protocol with several seeds.

selection.py decides which of them is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.model.ops import OPS
from nas_cli.model.transport import program_to_data
from nas_cli.record.candidates import baseline_candidate, training, trial_candidate
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import Event, FinalFailed, FinalFinished, FinalStarted, FinalTraining
from nas_cli.record.journal import Journal
from nas_cli.run.compose import Experiment
from nas_cli.run.estimate import Estimate
from nas_cli.run.observer import Observer
from nas_cli.run.outcome import rewards_of
from nas_cli.run.screen import Costs
from nas_cli.search.front import Front
from nas_cli.seeds import final_seed
from nas_cli.space.edit import replay
from nas_cli.space.nodes import to_yaml
from nas_cli.space.parse import parse_architecture
from nas_cli.space.space import Resolved
from nas_cli.trial import History, Trial, prospects


@dataclass(frozen=True)
class Candidate:
    """A network of the final phase: `trial-12` or `baseline-plain`, its architecture and recipe as plain data."""

    name: str
    architecture: Any
    train: Mapping[str, Any]


def finalists(experiment: Experiment, history: History, front: Front) -> list[Trial]:
    """The `final.top` trials with the best expected final reward. A trial stopped on a low rung gets the smallest gain
    that any other trial made on each higher rung. With several objectives: the knee of the front, or the whole front,
    as the spec says.
    """
    if front.knee is not None:
        return front.members if experiment.spec.final.front == "all" else [front.knee]
    trained = [t for t in history if t.rungs and t.status in ("paused", "finished")]
    expected = prospects(trained)
    trained.sort(key=lambda t: (t.feasible, expected[t.number], t.rungs[-1][0], -t.number), reverse=True)
    return trained[: experiment.spec.final.top]


def candidates(experiment: Experiment, history: History, front: Front, cut_short: bool = False) -> list[Candidate]:
    """The finalists and the baselines. A baseline is trained with the best trial's recipe.

    Where the search was `cut_short` before any training had ended, all of them train for as many epochs as the finalist
    with the most, unless `final.epochs` is given: more would take longer than the search was allowed to.
    """
    epochs = experiment.spec.final.epochs
    best = finalists(experiment, history, front)
    if cut_short and epochs is None:
        epochs = max(1, math.floor(max(trial.measurement["epochs"] for trial in best)))
    chosen = []
    for trial in best:
        resolved = replay(experiment.space, trial.genotype)
        train = {**resolved.train, "epochs": epochs or resolved.train["epochs"]}
        chosen.append(Candidate(trial_candidate(trial.number), to_yaml(resolved.model), train))
    for name, baseline in experiment.baselines.items():
        chosen.append(Candidate(baseline_candidate(name), to_yaml(baseline), chosen[0].train))
    return chosen


class Final:
    """Runs the trainings of the final phase that are not in the journal yet."""

    def __init__(
        self,
        experiment: Experiment,
        run: RunDirectory,
        journal: Journal,
        executor: Executor,
        observer: Observer,
        costs: Costs,
    ) -> None:
        """`costs` estimates the costs of an architecture."""
        self._experiment = experiment
        self._run = run
        self._journal = journal
        self._executor = executor
        self._observer = observer
        self._costs = costs

    def train(self, chosen: list[Candidate], known: Iterable[FinalTraining]) -> list[FinalTraining]:
        """Trains every candidate with every seed, without the trainings that are `known`, and returns all of them."""
        seeds = range(1, self._experiment.spec.final.seeds + 1)
        wanted = [(candidate, seed) for seed in seeds for candidate in chosen]
        before = {(final.candidate, final.seed): final for final in known}
        done = {}
        for candidate, seed in wanted:
            final = before.get((candidate.name, seed))
            if final is not None and final.epochs in (None, candidate.train["epochs"]):
                done[candidate.name, seed] = final
        self._train([each for each in wanted if (each[0].name, each[1]) not in done], done)
        names = [candidate.name for candidate in chosen]
        return sorted(done.values(), key=lambda r: (names.index(r.candidate), r.seed))

    def restore(self, chosen: list[Candidate], kept: Iterable[FinalFinished]) -> None:
        """Repeats the trainings in `kept` whose weights are gone: a finished run deletes the weights that it does not
        keep, and the user may have deleted others.
        """
        by_name = {candidate.name: candidate for candidate in chosen}
        lost = {(r.candidate, r.seed) for r in kept if not self._run.final_weights(r.candidate, r.seed).exists()}
        self._train([(by_name[name], seed) for name, seed in sorted(lost)], {})

    def _train(self, waiting: list[tuple[Candidate, int]], done: dict[tuple[str, int], FinalTraining]) -> None:
        """Trains the `waiting` candidates and adds the results to `done`."""
        running: dict[int, tuple[Candidate, int]] = {}
        for number, (candidate, seed) in enumerate(waiting):
            if len(running) == self._executor.slots:
                self._record(running, done)
            self._append(FinalStarted(candidate.name, seed))
            self._executor.submit(self._job(number, candidate, seed))
            running[number] = candidate, seed
        while running:
            self._record(running, done)

    def _job(self, number: int, candidate: Candidate, seed: int) -> Job:
        epochs = int(candidate.train["epochs"])
        estimate = self._estimate(candidate)
        return Job(
            number=number,
            rung=0,
            label=training(candidate.name, seed),
            architecture=candidate.architecture,
            train=dict(candidate.train),
            first_epoch=0,
            last_epoch=epochs,
            total_epochs=epochs,
            seed=final_seed(self._experiment.spec.seed, seed),
            checkpoint_in=None,
            checkpoint_out=None,
            weights_out=str(self._run.final_weights(candidate.name, seed)),
            costs=estimate.counted,
            measure=self._experiment.measured,
            program=program_to_data(estimate.program) if estimate.program is not None else None,
        )

    def _estimate(self, candidate: Candidate) -> Estimate:
        try:
            model = parse_architecture(candidate.architecture, OPS)
            return self._costs(Resolved(model, dict(candidate.train), {}))
        except Infeasible:
            return Estimate({})  # the baseline cannot be built: its training fails and says why

    def _record(self, running: dict[int, tuple[Candidate, int]], done: dict[tuple[str, int], FinalTraining]) -> None:
        result = self._executor.wait()
        assert result is not None
        candidate, seed = running.pop(result.number)
        final = self._outcome(candidate, seed, result)
        self._append(final)
        done[candidate.name, seed] = final

    def _outcome(self, candidate: Candidate, seed: int, result: JobResult) -> FinalTraining:
        name, epochs, objective = candidate.name, int(candidate.train["epochs"]), self._experiment.objective
        if result.status != "finished":
            return FinalFailed(name, seed, result.reason, epochs)
        measurement = {**result.measurement, "seconds": round(result.seconds, 3)}
        try:
            rewards = rewards_of(measurement, objective)
        except NasError as error:
            return FinalFailed(name, seed, str(error), epochs)
        several = rewards if objective.several else ()
        return FinalFinished(name, seed, measurement, rewards[0], not objective.broken(measurement), several, epochs)

    def _append(self, event: Event) -> None:
        self._observer.event(self._journal.append(event))
