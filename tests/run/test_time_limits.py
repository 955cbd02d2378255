"""A search whose time is over before its first training is: cut short, told, counted; how long it may overrun."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journals import recorded
from run.test_controller import Pretend, controller_of, experiment_of, search

from nas_cli.data import parse_data
from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.session import Session
from nas_cli.execute.worker import run_job
from nas_cli.record.directory import RunDirectory
from nas_cli.record.journal import Journal
from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search, start_search
from nas_cli.run.stopping import GRACE, MEASURING
from nas_cli.space.edit import replay, sample

SPEC = """
name: short
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3]}, stride: 4}}, relu]
train: {epochs: 100000, batch_size: 1000}
search: {strategy: random, stop: {time: 0.2s}}
final: {top: 1, seeds: 1}
baselines: {plain: [{conv: {channels: 1, stride: 4}}]}
hardware: {workers: 0, precision: float32, layout: channels-first, device: cpu}
"""


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


class Timed(Pretend):
    """A training takes `epoch` seconds an epoch, of a clock of its own, and is cut short where that is asked for."""

    def __init__(self, epoch: float, step: float = 0.1, slots: int = 1) -> None:
        super().__init__(slots)
        self.now = 0.0
        self._epoch, self._step = epoch, step

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> JobResult | None:
        job = self._waiting[0]
        whole = (job.last_epoch - job.first_epoch) * self._epoch
        wanted = whole if job.seconds is None else min(whole, max(self._step, job.seconds))
        if timeout is not None and wanted > timeout:
            self.now += timeout
            return None
        self.now += wanted
        result = super().wait()
        assert result is not None
        epochs = job.first_epoch + wanted / self._epoch
        return replace(result, measurement={**result.measurement, "epochs": epochs})


def timed_search(folder: Path, executor: Timed, strategy: str = "random", **stop: Any) -> str:
    experiment = experiment_of(strategy, **stop)
    with Journal(folder / "journal.jsonl") as journal:
        return controller_of(experiment, folder, journal, executor, executor.clock).search()


def test_the_first_training_is_cut_short_when_the_time_is_over_and_counts(tmp_path: Path) -> None:
    executor = Timed(epoch=10.0)  # nine epochs take 90 s
    assert timed_search(tmp_path, executor, time=25) == "the search time of 25 s is used up"
    assert executor.now == 25.0
    events = recorded(tmp_path / "journal.jsonl")
    (ended,) = [event for event in events if event["event"] == "trial_finished"]
    assert (ended["cut"], ended["last"], ended["measurement"]["epochs"]) == (True, True, 2.5)


def test_after_a_whole_training_what_overruns_is_dropped_and_starts_again_with_more_time(tmp_path: Path) -> None:
    executor = Timed(epoch=2.0)  # 18 s each
    timed_search(tmp_path, executor, time=20)
    assert executor.now == pytest.approx(20 * (1 + GRACE))
    events = recorded(tmp_path / "journal.jsonl")
    assert [event["event"] for event in events] == [
        "trial_started",
        "trial_finished",
        "trial_started",
        "search_finished",
    ]
    assert not any(event.get("cut") for event in events)
    with Journal(tmp_path / "journal.jsonl") as journal:
        again = Pretend()
        controller_of(experiment_of("random", trials=2), tmp_path, journal, again).search()
    assert [job.number for job in again.jobs] == [1]


def test_without_a_limit_nothing_is_cut(tmp_path: Path) -> None:
    executor = Timed(epoch=1e6)
    timed_search(tmp_path, executor, trials=2)
    assert [job.seconds for job in executor.jobs] == [None, None]
    assert not any(event.get("cut") for event in recorded(tmp_path / "journal.jsonl"))


def test_a_step_that_does_not_end_ends_the_search_with_a_sentence_and_it_can_go_on(tmp_path: Path) -> None:
    executor = Timed(epoch=1e6, step=1e5)
    with pytest.raises(
        NasError, match=r"before any candidate was trained: the search time of 10 s is used up\. Give it"
    ):
        timed_search(tmp_path, executor, time=10)
    assert executor.now == 10 + MEASURING
    assert recorded(tmp_path / "journal.jsonl")[-1]["event"] == "trial_started"
    assert search(experiment_of("random", trials=1), tmp_path)[0] == "1 trials were trained"


def test_a_long_limit_gives_as_long_again_to_end_a_step(tmp_path: Path) -> None:
    executor = Timed(epoch=1e9, step=1e8)
    with pytest.raises(NasError, match="Give it more time"):
        timed_search(tmp_path, executor, time=3600)
    assert executor.now == 2 * 3600


def test_a_halving_schedule_whose_first_rung_does_not_fit(tmp_path: Path) -> None:
    executor = Timed(epoch=10.0)
    experiment = experiment_of("random", time=4)
    section = replace(experiment.spec.search, schedule={"asha": {"min_epochs": 1}})
    experiment = replace(experiment, spec=replace(experiment.spec, search=section))
    with Journal(tmp_path / "journal.jsonl") as journal:
        controller = controller_of(experiment, tmp_path, journal, executor, executor.clock)
        controller.search()
        assert controller.cut_short
    with Journal(tmp_path / "journal.jsonl") as journal:
        assert controller_of(experiment, tmp_path, journal, Pretend()).cut_short, "a resumed run knows it too"


def test_a_real_search_gives_its_first_candidate_less_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SPEC, encoding="utf-8")
    notes = Notes()
    run = start_search(tmp_path / "short.yaml", tmp_path / "runs", observer=notes).run
    said = next(note for note in notes.said if "cut short" in note)
    events = recorded(run.journal)
    (trial,) = [event for event in events if event["event"] == "trial_finished"]
    came = trial["measurement"]["epochs"]
    assert trial["cut"]
    assert 0 < came < 100000
    finals = {event["measurement"]["epochs"] for event in events if event["event"] == "final_finished"}
    assert finals == {max(1, int(came))}
    assert f"Final trainings take {max(1, int(came))} epoch" in said
    assert resume_search(run.path).was_over
    resume_search(run.path, ["search.stop.time=0.21s"], notes)
    assert "trials that were cut short when the search time was over before stay as they are: 1" in notes.said


def test_final_epochs_that_are_given_are_taken(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SPEC, encoding="utf-8")
    run = start_search(tmp_path / "short.yaml", tmp_path / "runs", ["final.epochs=2"]).run
    finals = {event["measurement"]["epochs"] for event in recorded(run.journal) if event["event"] == "final_finished"}
    assert finals == {2}
    assert RunDirectory(run.path).best.weights.exists()


def test_a_training_that_is_cut_short_leaves_no_checkpoint(tmp_path: Path) -> None:
    session = Session.open(
        "image-classification", parse_data({"source": "digits"}), 0, "cpu", "float32", "channels-first"
    )
    space = experiment_of("random").space
    resolved = replay(space, sample(space, np.random.default_rng(0)))
    settings = {**resolved.train, "epochs": 3, "batch_size": 500}
    place = tmp_path / "checkpoint.safetensors"
    job = Job(0, 0, "trial 0", [{"conv": {"channels": 2, "stride": 4}}], settings, 0, 3, 3, 0, None, str(place), None)
    cut = run_job(replace(job, seconds=0.0), session.here())
    assert cut.status == "finished"
    assert cut.measurement["epochs"] == pytest.approx(1 / 3)  # the first of three steps of the first epoch
    assert not place.exists()
    assert run_job(job, session.here()).measurement["epochs"] == 3
    assert place.exists()
    session.close()
