"""The final phase: the best candidates and the baselines, trained from scratch under one protocol with several seeds.

What is kept is the best by validation. Whether it is better than the others beyond noise is said, not assumed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Executor, Job, JobResult
from nas_cli.model.ops import OPS
from nas_cli.model.transport import program_to_data
from nas_cli.run.compose import Experiment
from nas_cli.run.directory import RunDirectory
from nas_cli.run.estimate import Estimate
from nas_cli.run.journal import Event, Journal
from nas_cli.run.observer import Observer
from nas_cli.run.screen import Costs
from nas_cli.run.seeds import final_seed
from nas_cli.space.edit import replay
from nas_cli.space.nodes import to_yaml
from nas_cli.space.parse import parse_architecture
from nas_cli.space.space import Resolved
from nas_cli.trial import History, Measurement, rank


@dataclass(frozen=True)
class Candidate:
    """What is trained in the end: `trial-12` or `baseline-plain`, its architecture and recipe as plain data."""

    name: str
    architecture: Any
    train: Mapping[str, Any]


@dataclass(frozen=True)
class Repetition:
    """One final training of a candidate. `reward` is None where it failed."""

    candidate: str
    seed: int
    measurement: Measurement
    reward: float | None
    feasible: bool
    reason: str = ""


@dataclass(frozen=True)
class Standing:
    """A candidate over its seeds. `spread` is the sample standard deviation; 0 for one seed."""

    candidate: str
    rewards: tuple[float, ...]
    feasible: bool
    best_seed: int

    @property
    def mean(self) -> float:
        return statistics.fmean(self.rewards)

    @property
    def spread(self) -> float:
        return statistics.stdev(self.rewards) if len(self.rewards) > 1 else 0.0


@dataclass(frozen=True)
class Selection:
    """The outcome: standings best first, who is within noise of the winner, and the winner's best repetition."""

    standings: tuple[Standing, ...]
    within_noise: tuple[str, ...]
    verdict: str
    winner: Repetition

    def as_event(self) -> dict[str, Any]:
        """The fields of the journal's `final_selected`."""
        ranking = [
            {
                "candidate": s.candidate,
                "rewards": list(s.rewards),
                "mean": s.mean,
                "spread": s.spread,
                "feasible": s.feasible,
            }
            for s in self.standings
        ]
        return {
            "candidate": self.winner.candidate,
            "seed": self.winner.seed,
            "ranking": ranking,
            "within_noise": list(self.within_noise),
            "verdict": self.verdict,
        }


def candidates(experiment: Experiment, history: History) -> list[Candidate]:
    """The `final.top` best trials and the baselines. A baseline is trained by the best trial's recipe."""
    best = sorted((t for t in history if t.rungs and t.status in ("paused", "finished")), key=rank, reverse=True)
    epochs = experiment.spec.final.epochs
    chosen = []
    for trial in best[: experiment.spec.final.top]:
        resolved = replay(experiment.space, trial.genotype)
        train = {**resolved.train, "epochs": epochs or resolved.train["epochs"]}
        chosen.append(Candidate(f"trial-{trial.number}", to_yaml(resolved.model), train))
    for name, baseline in experiment.baselines.items():
        chosen.append(Candidate(f"baseline-{name}", to_yaml(baseline), chosen[0].train))
    return chosen


class Final:
    """Runs what of the final phase is not in the journal yet."""

    def __init__(
        self,
        experiment: Experiment,
        run: RunDirectory,
        journal: Journal,
        executor: Executor,
        observer: Observer,
        costs: Costs,
    ) -> None:
        """`costs` says what an architecture costs."""
        self._experiment = experiment
        self._run = run
        self._journal = journal
        self._executor = executor
        self._observer = observer
        self._costs = costs

    def train(self, chosen: list[Candidate], events: Iterable[Event]) -> list[Repetition]:
        """Trains every candidate with every seed; those that `events` show as done, with their weights, are kept."""
        done = {(r.candidate, r.seed): r for r in repetitions(events) if self._usable(r)}
        waiting: list[tuple[Candidate, int]] = [
            (candidate, seed)
            for seed in range(1, self._experiment.spec.final.seeds + 1)
            for candidate in chosen
            if (candidate.name, seed) not in done
        ]
        running: dict[int, tuple[Candidate, int]] = {}
        for number, (candidate, seed) in enumerate(waiting):
            if len(running) == self._executor.slots:
                self._record(running, done)
            self._append("final_started", candidate=candidate.name, seed=seed)
            self._executor.submit(self._job(number, candidate, seed))
            running[number] = candidate, seed
        while running:
            self._record(running, done)
        names = [candidate.name for candidate in chosen]
        return sorted(done.values(), key=lambda r: (names.index(r.candidate), r.seed))

    def _usable(self, repetition: Repetition) -> bool:
        if repetition.reward is None:
            return True
        return self._run.final_weights(repetition.candidate, repetition.seed).exists()

    def _job(self, number: int, candidate: Candidate, seed: int) -> Job:
        epochs = int(candidate.train["epochs"])
        estimate = self._estimate(candidate)
        return Job(
            number=number,
            rung=0,
            label=f"{candidate.name.replace('-', ' ', 1)}, seed {seed}",
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
            return Estimate({})  # a baseline that cannot be built: its training fails and says why

    def _record(self, running: dict[int, tuple[Candidate, int]], done: dict[tuple[str, int], Repetition]) -> None:
        result = self._executor.wait()
        assert result is not None
        candidate, seed = running.pop(result.number)
        event = self._append(*self._outcome(candidate, seed, result))
        done[candidate.name, seed] = next(iter(repetitions([event])))

    def _outcome(self, candidate: Candidate, seed: int, result: JobResult) -> tuple[str, dict[str, Any]]:
        who = {"candidate": candidate.name, "seed": seed}
        if result.status != "finished":
            return "final_failed", {**who, "reason": result.reason}
        measurement = {**result.measurement, "seconds": round(result.seconds, 3)}
        try:
            reward = self._experiment.objective.reward(measurement)
        except NasError as error:
            return "final_failed", {**who, "reason": str(error)}
        feasible = not self._experiment.objective.broken(measurement)
        return "final_finished", {**who, "measurement": measurement, "reward": reward, "feasible": feasible}

    def _append(self, event: str, fields: dict[str, Any] | None = None, **more: Any) -> Event:
        record = self._journal.append(event, **(fields or {}), **more)
        self._observer.event(record)
        return record


def repetitions(events: Iterable[Event]) -> list[Repetition]:
    """The final trainings that ended, from the journal."""
    found = []
    for event in events:
        if event["event"] == "final_finished":
            found.append(
                Repetition(event["candidate"], event["seed"], event["measurement"], event["reward"], event["feasible"])
            )
        elif event["event"] == "final_failed":
            found.append(Repetition(event["candidate"], event["seed"], {}, None, False, event["reason"]))
    return found


def select(done: list[Repetition], metric: str | None, samples: int, shown: Any = float) -> Selection:
    """The best candidate by its mean reward over seeds, and its best repetition.

    `metric` names the reward where it is a proportion of `samples` validation examples (an accuracy), so that the
    chance of the draw counts as noise too; None where it is something else. `shown` turns a reward into what a person
    reads. Raises NasError where every final training failed.
    """
    by_name: dict[str, list[Repetition]] = {}
    for repetition in done:
        if repetition.reward is not None:
            by_name.setdefault(repetition.candidate, []).append(repetition)
    if not by_name:
        raise NasError(f"every final training failed; the first: {done[0].reason}")
    standings = sorted((_standing(name, group) for name, group in by_name.items()), key=_order, reverse=True)
    first = standings[0]
    noisy = tuple(
        s.candidate for s in standings[1:] if first.mean - s.mean <= noise(first, s, standings, metric, samples)
    )
    winner = max(by_name[first.candidate], key=lambda r: (r.feasible, r.reward, -r.seed))
    return Selection(tuple(standings), noisy, _verdict(standings, noisy, shown), winner)


def _standing(name: str, group: list[Repetition]) -> Standing:
    rewards = tuple(r.reward for r in group if r.reward is not None)
    best = max(group, key=lambda r: (r.reward, -r.seed))
    return Standing(name, rewards, all(r.feasible for r in group), best.seed)


def _order(standing: Standing) -> tuple[bool, float]:
    return standing.feasible, standing.mean


def noise(a: Standing, b: Standing, group: Iterable[Standing], metric: str | None, samples: int) -> float:
    """Two standard errors of the difference between the means of `a` and `b`.

    The variance between seeds is pooled over the whole group, since two or three seeds alone say little. Where the
    reward is an accuracy p on n examples, p(1 - p)/n is added for each side, as if the two errors were independent:
    they are not, so this errs on the side of saying "within noise".
    """
    pooled = [(len(s.rewards) - 1, s.spread**2) for s in group if len(s.rewards) > 1]
    freedom = sum(weight for weight, _ in pooled)
    variance = sum(weight * value for weight, value in pooled) / freedom if freedom else 0.0
    error = variance / len(a.rewards) + variance / len(b.rewards)
    if metric is not None and samples > 0:
        error += sum(max(0.0, s.mean * (1 - s.mean)) / samples for s in (a, b))
    return 2 * math.sqrt(error)


def _verdict(standings: list[Standing], within_noise: tuple[str, ...], shown: Any) -> str:
    """One honest sentence."""
    first = standings[0]
    name = first.candidate.replace("-", " ", 1)
    text = f"{name} is the best by validation ({_figure(shown(first.mean))} on average over {_seeds(first)})"
    if len(standings) == 1:
        return text + "; nothing else was trained to compare it with"
    if within_noise:
        others = ", ".join(other.replace("-", " ", 1) for other in within_noise)
        return text + f", but within noise of {others}: the difference may be chance"
    second, behind = standings[1].candidate.replace("-", " ", 1), _figure(shown(standings[1].mean))
    return text + f", ahead of {second} ({behind}) by more than noise"


def _figure(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.5g}"


def _seeds(standing: Standing) -> str:
    return f"{len(standing.rewards)} seed{'s' if len(standing.rewards) > 1 else ''}"
