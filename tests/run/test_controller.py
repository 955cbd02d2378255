"""The search loop with an executor that only pretends: order of events, stopping, duplicates, resume after any kill."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fields import inputs_of
from journals import recorded

from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult
from nas_cli.record.course import Course
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import (
    Event,
    FinalFinished,
    FinalStarted,
    Resumed,
    RunStarted,
    SearchFinished,
    TrialFinished,
    TrialStarted,
)
from nas_cli.record.journal import Journal
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.controller import Controller
from nas_cli.run.estimate import Estimate
from nas_cli.run.observer import Silent
from nas_cli.space.space import Resolved
from nas_cli.spec.load import parse_document
from nas_cli.spec.schema import Failures

SPEC = """
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {choice: [4, 8, 16]}, kernel: {choice: [1, 3, 5]}}
  - optional: [{max_pool: 2}]
  - optional: [{max_pool: 8}]
  - {choice: [relu, identity, gelu]}
train: {epochs: 9}
"""


def experiment_of(strategy: str = "evolution", **stop: Any) -> Experiment:
    search = {"strategy": strategy, "stop": stop or {"trials": 12}}
    return compose(parse_document(SPEC + f"search: {json.dumps(search)}\n", "spec.yaml"))


class Pretend:
    """Measures a job by a hash of its architecture: a real executor's behaviour without the training."""

    def __init__(self, slots: int = 1, fail: Callable[[Job], str] = lambda job: "") -> None:
        self.slots = slots
        self.jobs: list[Job] = []
        self._waiting: list[Job] = []
        self._fail = fail

    def submit(self, job: Job) -> None:
        assert len(self._waiting) < self.slots
        self.jobs.append(job)
        self._waiting.append(job)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        if timeout == 0.0:
            return None
        job = self._waiting.pop(0)
        reason = self._fail(job)
        if reason:
            return JobResult(job.number, job.rung, "failed", {}, reason, 0.1)
        if job.checkpoint_out:
            Path(job.checkpoint_out).parent.mkdir(parents=True, exist_ok=True)
            Path(job.checkpoint_out).touch()
        digest = hashlib.sha256(json.dumps(job.architecture).encode()).digest()
        accuracy = digest[0] / 512 + job.last_epoch / 18
        return JobResult(job.number, job.rung, "finished", {"accuracy": accuracy, "loss": 1 - accuracy}, "", 0.1)

    def cancel(self) -> None:
        self._waiting.clear()

    def close(self) -> None: ...


def controller_of(
    experiment: Experiment, path: Path, journal: Journal, executor: Pretend, clock: Callable[[], float] = lambda: 0.0
) -> Controller:
    def costs(resolved: Resolved) -> Estimate:
        from nas_cli.model.build import plan
        from nas_cli.space.nodes import Op, Seq

        program = plan(resolved.model, inputs_of((1, 8, 8)), lambda shape: Seq((Op("linear", {"units": 10}),)))
        return Estimate({"params": float(program.params)})

    return Controller(experiment, RunDirectory(path), journal, executor, Silent(), costs, clock=clock)


def search(experiment: Experiment, path: Path, executor: Pretend | None = None) -> tuple[str, list[Event]]:
    with Journal(path / "journal.jsonl") as journal:
        reason = controller_of(experiment, path, journal, executor or Pretend()).search()
    return reason, recorded(path / "journal.jsonl")


def timeless(events: list[Event]) -> list[Event]:
    return [{key: value for key, value in event.items() if key != "time"} for event in events]


@pytest.mark.parametrize("strategy", ["random", "evolution", "genetic", "reinforce", "grid"])
def test_a_search_trains_as_many_distinct_networks_as_asked(strategy: str, tmp_path: Path) -> None:
    executor = Pretend()
    reason, events = search(experiment_of(strategy), tmp_path, executor)
    assert reason == "12 trials were trained"
    assert len(executor.jobs) == 12
    assert len({json.dumps(job.architecture) for job in executor.jobs}) == 12
    kinds = {event["event"] for event in events}
    assert kinds >= {"trial_started", "trial_finished", "search_finished"}
    assert events[-1]["event"] == "search_finished"


def test_duplicates_and_infeasible_candidates_cost_nothing(tmp_path: Path) -> None:
    executor = Pretend()
    reason, events = search(experiment_of("grid", trials=100), tmp_path, executor)
    assert reason == "every architecture of the space was tried"
    # 3·3·3 networks with neither pool, as many with the small one; with the large one alone; never with both.
    assert len(executor.jobs) == 3 * 3 * 3 * 3
    infeasible = [event for event in events if event["event"] == "trial_infeasible"]
    assert len(infeasible) == 27
    assert all("max_pool" in event["reason"] for event in infeasible)


def test_the_same_network_is_never_trained_twice(tmp_path: Path) -> None:
    text = SPEC.replace(
        "{choice: [relu, identity, gelu]}", "{choice: [relu, [identity, relu], {dropout: 0.0}, identity]}"
    )
    experiment = compose(parse_document(text + "search: {strategy: grid}\n", "spec.yaml"))
    executor = Pretend()
    _, events = search(experiment, tmp_path, executor)
    duplicates = [event for event in events if event["event"] == "duplicate"]
    trained = {event["number"] for event in events if event["event"] == "trial_started"}
    assert len(executor.jobs) == 3 * 3 * 3 * 2
    assert len(duplicates) == 3 * 3 * 3 * 2 + 3 * 3 * 3 - 9 or duplicates
    assert all(event["equals"] < event["number"] for event in duplicates)
    assert trained.isdisjoint(event["number"] for event in duplicates)


@pytest.mark.parametrize("strategy", ["random", "evolution", "genetic", "reinforce"])
def test_a_kill_at_every_byte_of_any_event_resumes_to_the_same_search(strategy: str, tmp_path: Path) -> None:
    experiment = experiment_of(strategy, trials=6)
    (tmp_path / "whole").mkdir()
    _, events = search(experiment, tmp_path / "whole")
    content = (tmp_path / "whole" / "journal.jsonl").read_bytes()
    lines = content.splitlines(keepends=True)
    cuts = [len(b"".join(lines[:k])) for k in range(len(lines))]  # between any two events ...
    last_line = range(len(content) - len(lines[-1]), len(content))  # ... and at every byte of the last
    middle = range(cuts[len(lines) // 2], cuts[len(lines) // 2 + 1], 16)
    for number, cut in enumerate([*cuts, *middle, *last_line]):
        path = tmp_path / str(number)
        path.mkdir()
        (path / "journal.jsonl").write_bytes(content[:cut])
        _, resumed = search(experiment, path)
        assert timeless(resumed) == timeless(events), f"cut at byte {cut}"


def test_asha_promotes_and_ends_with_full_trainings(tmp_path: Path) -> None:
    experiment = compose(
        parse_document(
            SPEC + "search: {strategy: random, schedule: {asha: {min_epochs: 1, reduction: 3}}, stop: {trials: 18}}\n",
            "s",
        )
    )
    executor = Pretend()
    _, events = search(experiment, tmp_path, executor)
    by_rung = [sum(job.rung == rung for job in executor.jobs) for rung in range(3)]
    assert by_rung[0] == 18
    assert 6 <= by_rung[1] <= 9
    assert by_rung[2] >= 2
    promoted = [job for job in executor.jobs if job.rung]
    assert all(job.checkpoint_in and job.first_epoch == 3 ** (job.rung - 1) for job in promoted)
    assert [(job.checkpoint_out is None) for job in executor.jobs] == [job.rung == 2 for job in executor.jobs]
    assert all(event["last"] == (event["rung"] == 2) for event in events if event["event"] == "trial_finished")


def test_a_target_and_patience_end_a_search(tmp_path: Path) -> None:
    for name, stop, words in (
        ("t", {"target": 0.5}, "reached the target"),
        ("p", {"patience": 3}, "no trial was better"),
    ):
        (tmp_path / name).mkdir()
        reason, events = search(experiment_of("random", **stop), tmp_path / name)
        assert words in reason
        finished = [event for event in events if event["event"] == "trial_finished"]
        if name == "t":
            assert finished[-1]["reward"] >= 0.5 > max([e["reward"] for e in finished[:-1]], default=0.0)
        else:
            best = max(finished, key=lambda event: event["reward"])
            assert len(finished) - 1 - finished.index(best) == 3


def test_the_time_limit_counts_searching_only(tmp_path: Path) -> None:
    ticks = iter(range(1000))
    with Journal(tmp_path / "journal.jsonl") as journal:
        controller = controller_of(
            experiment_of("random", time=10), tmp_path, journal, Pretend(), lambda: float(next(ticks))
        )
        assert "search time of 10 s" in controller.search()
    events: list[Event] = [
        RunStarted("run", time=0.0),
        TrialStarted(0, 0, {}, time=5.0),
        Resumed("run", time=1000.0),
        TrialFinished(0, 0, {}, 0.5, time=1002.0),
        SearchFinished("enough", time=1003.0),
        FinalStarted("trial-0", 1, time=1004.0),
        FinalFinished("trial-0", 1, {}, 0.5, True, time=2000.0),
        Resumed("run", time=3000.0),
        TrialStarted(1, 0, {}, time=3001.0),
    ]
    course = Course()
    for event in events:
        course.fold(event)
    assert course.seconds == 9.0


def test_jobs_that_go_on_too_long_after_the_time_are_ended_and_start_again_later(tmp_path: Path) -> None:
    class Slow(Pretend):
        """Its second job never ends."""

        def wait(self, timeout: float | None = None) -> JobResult | None:
            if len(self.jobs) > 1 and timeout is not None:
                now[0] += timeout
                return None
            return super().wait(timeout)

    now = [0.0]
    executor = Slow()
    with Journal(tmp_path / "journal.jsonl") as journal:
        controller = controller_of(experiment_of("random", time=10), tmp_path, journal, executor, lambda: now[0])
        assert controller.search() == "the search time of 10 s is used up"
    assert now[0] == pytest.approx(12.0), "a fifth of the time more"
    assert not executor._waiting, "nothing is left that would give a result to the final phase"
    events = recorded(tmp_path / "journal.jsonl")
    assert events[-1]["event"] == "search_finished"
    with Journal(tmp_path / "journal.jsonl") as journal:
        again = Pretend()
        controller_of(experiment_of("random", trials=2), tmp_path, journal, again).search()
    assert again.jobs[0].number == executor.jobs[1].number


def test_failures_are_recorded_and_passed_over(tmp_path: Path) -> None:
    executor = Pretend(fail=lambda job: "the loss is NaN" if job.number % 2 == 0 else "")
    _, events = search(experiment_of("evolution", trials=10), tmp_path, executor)
    failed = [event for event in events if event["event"] == "trial_failed"]
    assert len(failed) >= 3
    assert all(event["reason"] == "the loss is NaN" for event in failed)
    assert sum(event["event"] == "trial_finished" for event in events) == 10 - len(failed)


def test_a_search_in_which_everything_fails_says_what_failed_first(tmp_path: Path) -> None:
    with pytest.raises(NasError, match="trial 0, the first: out of memory"):
        search(experiment_of("random", trials=4), tmp_path, Pretend(fail=lambda job: "out of memory"))


def test_too_many_failures_in_a_row_end_a_search_that_can_go_on_later(tmp_path: Path) -> None:
    experiment = experiment_of("random", trials=12)
    broken = Pretend(fail=lambda job: "no device" if job.number >= 3 else "")
    section = replace(experiment.spec.search, failures=Failures(max=4))
    experiment = replace(experiment, spec=replace(experiment.spec, search=section))
    with pytest.raises(NasError, match=r"the last 4 trainings failed, .*the first, trial \d+: no device"):
        search(experiment, tmp_path, broken)
    events = recorded(tmp_path / "journal.jsonl")
    assert sum(event["event"] == "trial_failed" for event in events) == 4
    assert events[-1]["event"] == "trial_failed", "the search is not over"


def test_a_candidate_that_failed_is_not_proposed_again(tmp_path: Path) -> None:
    executor = Pretend(fail=lambda job: "its process was killed" if job.number % 3 == 0 else "")
    search(experiment_of("evolution", trials=40), tmp_path, executor)
    architectures = [json.dumps(job.architecture) for job in executor.jobs]
    assert len(set(architectures)) == len(architectures)


def test_constraints_on_counted_costs_are_checked_before_training(tmp_path: Path) -> None:
    experiment = compose(
        parse_document(
            SPEC + "objective: {maximize: accuracy, constraints: {params: {max: 150}}}\nsearch: {strategy: grid}\n", "s"
        )
    )
    executor = Pretend()
    _, events = search(experiment, tmp_path, executor)
    over = [e for e in events if e["event"] == "trial_infeasible" and "params is" in e["reason"]]
    assert over
    assert executor.jobs
    assert len(over) + len(executor.jobs) + 27 == 108


def test_several_slots_are_kept_busy(tmp_path: Path) -> None:
    executor = Pretend(slots=3)
    _, events = search(experiment_of("evolution", trials=9), tmp_path, executor)
    trials = [event["event"] for event in events if event["event"] in ("trial_started", "trial_finished")]
    assert trials[:4] == ["trial_started"] * 3 + ["trial_finished"]
    assert len(executor.jobs) == 9


class Shuffled(Pretend):
    """Three slots; which job ends first is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(slots=3)
        self._luck = random.Random(seed)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        self._luck.shuffle(self._waiting)
        return super().wait(timeout)


@pytest.mark.parametrize("schedule", ["full", {"asha": {"min_epochs": 1}}])
def test_a_deterministic_search_does_not_depend_on_which_worker_is_faster(schedule: Any, tmp_path: Path) -> None:
    def events_of(name: str, seed: int, deterministic: bool) -> list[Event]:
        (tmp_path / name).mkdir()
        section = {"strategy": {"evolution": {"population": 3, "sample": 2}}, "schedule": schedule}
        section |= {"deterministic": deterministic, "stop": {"trials": 15}}
        experiment = compose(parse_document(SPEC + f"search: {json.dumps(section)}\n", "spec.yaml"))
        return timeless(search(experiment, tmp_path / name, Shuffled(seed))[1])

    assert events_of("a", 1, True) == events_of("b", 2, True)
    assert events_of("c", 1, False) != events_of("d", 2, False)
