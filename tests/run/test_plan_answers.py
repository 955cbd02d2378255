"""`nas plan` answers every spec: what cannot be timed or does not fit the search time is said, and nothing hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.describe import plan as plan_module
from nas_cli.describe import timing
from nas_cli.describe.plan import draw, plan
from nas_cli.describe.starter import survey
from nas_cli.describe.timing import time_candidates
from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.session import Session
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.search import open_session
from nas_cli.space.nodes import to_yaml
from nas_cli.spec.load import parse_document

SPEC = """
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3, 5, 8, 13]}}}, relu]
train: {epochs: 10, batch_size: 64}
search: {strategy: random, stop: {trials: 4}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first, device: cpu}
"""
HEAVY = SPEC.replace("channels: {choice: [2, 3, 5, 8, 13]}", "channels: 4096, kernel: 7").replace(
    "relu]", "{conv: {channels: {choice: [4096, 4095]}, kernel: 7}}]"
)


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Experiment, Session]]:
    experiment = compose(parse_document(SPEC, "s.yaml"))
    with open_session(experiment) as session:
        yield experiment, session


class Slow:
    """A machine on which an epoch of a candidate takes `by` seconds for each of its channels; what does not end in time
    is cut short, or does not end at all where its first step takes too long.
    """

    def __init__(self, by: float, slots: int = 1) -> None:
        self.slots, self.by, self.now, self.ended = slots, by, 100.0, 0
        self.waiting: list[Job] = []

    def clock(self) -> float:
        return self.now

    def submit(self, job: Job) -> None:
        self.waiting.append(job)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        job = self.waiting[0]
        if not job.train:
            self.waiting.pop(0)
            self.now += 1.0
            return JobResult(job.number, 0, "failed", {}, "no layers", 0.0)
        epoch = self.by * job.architecture[0]["conv"]["channels"]
        step = epoch / timing.TIMED_BATCHES
        steps = min(job.last_epoch * timing.TIMED_BATCHES, max(1, round((job.seconds or 1e9) / step)))
        assert timeout is not None
        if steps * step > timeout:
            self.now += timeout
            return None
        self.waiting.pop(0)
        self.now += steps * step
        self.ended += 1
        measured = {"epochs": steps / timing.TIMED_BATCHES}
        return JobResult(job.number, 0, "finished", measured, "", steps * step, steps * step)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def timed(opened: tuple[Experiment, Session], machine: Slow, monkeypatch: pytest.MonkeyPatch) -> Any:
    experiment, session = opened
    monkeypatch.setattr(timing.time, "monotonic", machine.clock)
    drawn = draw(experiment, session).feasible
    found, said = time_candidates(experiment, session, machine, drawn, machine.now)
    return found, said, [to_yaml(resolved.model) for resolved, _ in drawn]


@pytest.mark.parametrize("by", [1e-4, 0.03, 0.1], ids=["fast", "slower", "the dearest is cut short"])
def test_what_is_timed_comes_near_to_what_it_takes(
    opened: tuple[Experiment, Session], by: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Slow(by)
    found, said, models = timed(opened, machine, monkeypatch)
    assert machine.now <= 100 + 1 + timing.TIMING
    assert said == []
    session = opened[1]
    for model, seconds in zip(models, found.epochs, strict=True):
        channels = model[0]["conv"]["channels"]
        batches = session.train_size / (64 * timing.TIMED_BATCHES)
        assert seconds == pytest.approx(by * channels * batches, rel=0.35)


def test_the_first_step_of_the_dearest_takes_too_long(
    opened: tuple[Experiment, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Slow(1.0)  # a step takes a third of a second, or two
    found, said, _ = timed(opened, machine, monkeypatch)
    assert found is not None
    assert machine.now <= 100 + 1 + timing.TIMING
    assert "the largest candidates were not timed" in said[0]


def test_a_step_of_every_candidate_takes_too_long(
    opened: tuple[Experiment, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Slow(1e4)
    found, said, _ = timed(opened, machine, monkeypatch)
    assert found is None
    assert machine.now == 100 + 1 + timing.TIMING
    assert said == ["no candidate could be timed: a step of the smallest of them takes longer than the 2.5 s there are"]


def test_workers_that_do_not_come_are_not_waited_for(
    opened: tuple[Experiment, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Absent(Slow):
        def wait(self, timeout: float | None = None) -> JobResult | None:
            assert timeout is not None
            self.now += timeout
            return None

    machine = Absent(1.0)
    found, said, _ = timed(opened, machine, monkeypatch)
    assert found is None
    assert machine.now == 100 + timing.STARTING
    assert "the workers were not there after 30 s" in said[0]


def test_a_batch_of_minutes_is_not_begun_in_this_process(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAVY, encoding="utf-8")
    began = time.process_time()
    facts = plan(tmp_path / "s.yaml", ["search.limits.memory=1TB"])
    assert time.process_time() - began < 30
    assert facts["time"] == {"epoch": None, "search": None, "final": None}
    assert any("no candidate could be timed" in note for note in facts["notes"])


def test_a_search_time_that_is_too_short_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC.replace("epochs: 10", "epochs: 1000000"), encoding="utf-8")
    facts = plan(tmp_path / "s.yaml", ["search.stop={time: 2s}"])
    (said,) = [note for note in facts["notes"] if "cut short" in note]
    assert "the search has 2 s (search.stop.time)" in said
    assert "of 1000000 epochs" in said
    assert facts["time"]["search"] == 2
    assert facts["time"]["final"] < 600, "as many epochs as the search comes to, not a million"
    enough = plan(tmp_path / "s.yaml", ["search.stop={time: 2h}", "train.epochs=1"])
    assert not any("cut short" in note for note in enough["notes"])


def test_drawing_ends_after_some_seconds(opened: tuple[Experiment, Session], monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, session = opened
    ticks = iter(np.arange(0.0, 1e3, 0.5))
    monkeypatch.setattr(plan_module.time, "monotonic", lambda: float(next(ticks)))
    assert 1 <= draw(experiment, session).count < 10


def test_what_cannot_fit_into_the_memory_is_left_out(opened: tuple[Experiment, Session]) -> None:
    experiment, session = opened
    none = draw(experiment, session, memory=10)
    assert none.feasible == []
    assert "search.limits.memory" in none.reasons[0]
    heavy = compose(parse_document(HEAVY, "s.yaml"))
    assert "a training step on 64 examples would keep" in draw(replace(heavy), session, memory=10**9).reasons[0]


@pytest.mark.parametrize(("columns", "own"), [(20, False), (499, False), (500, True), (700, True)])
def test_a_wide_table_gets_a_space_that_it_can_be_searched_in(columns: int, own: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [",".join(map(str, rng.integers(0, 100, columns))) + f",{'ab'[k % 2]}" for k in range(40)]
    header = ",".join(f"g{k}" for k in range(columns)) + ",label"
    (tmp_path / "genes.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    text = survey("table-classification", tmp_path / "genes.csv").text
    assert max(map(len, text.splitlines())) < 500, "columns are counted, not listed, where there are hundreds"
    assert ("space: tabular" in text.split("\n")) is not own
    assert ("\nmodel:\n  - features: {units: 2}\n" in text) is own
    compose(parse_document(text, "genes.yaml"))
