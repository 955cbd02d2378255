"""Every executor keeps the protocol, and worker processes contain whatever a candidate does."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nursery
import pytest

from nas_cli.data import parse_data
from nas_cli.errors import NasError
from nas_cli.execute.executor import Executor, Job, JobResult, Limits
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.model.ops import OPS
from nas_cli.plugins import import_plugin
from nas_cli.space.parse import parse_space
from nas_cli.train.settings import TRAIN

PLUGIN = Path(__file__).with_name("misbehaving.py")
TRAINING = parse_space(["relu"], {"epochs": 2}, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
GOOD: list[Any] = [{"conv": 4}, "relu", {"max_pool": {"size": 2}}]


def job(number: int = 0, how: str = "fine", epochs: int = 1, **more: Any) -> Job:
    model = [*GOOD, {"misbehaving": {"how": how}}]
    base = Job(number, 0, f"trial {number}", model, TRAINING, 0, epochs, epochs, 5, None, None, None)
    return replace(base, **more)


@pytest.fixture(scope="module", autouse=True)
def misbehaving() -> None:
    if "misbehaving" not in OPS:
        spec = importlib.util.spec_from_file_location("misbehaving", PLUGIN)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32")
    yield session
    session.close()


LIMITS = Limits(time=120.0, stall=60.0, memory=900_000_000)


@pytest.fixture(scope="module")
def processes(session: Session) -> Iterator[Processes]:
    executor = Processes(session, 2, LIMITS, [str(PLUGIN)])
    yield executor
    executor.close()


@pytest.fixture(params=["in-process", "processes"])
def executor(request: pytest.FixtureRequest, session: Session) -> Executor:
    return InProcess(session) if request.param == "in-process" else request.getfixturevalue("processes")


def run(executor: Executor, *jobs: Job) -> list[JobResult]:
    """As a controller does: never more than `slots` at once."""
    results: list[JobResult] = []
    waiting, running = list(jobs), 0
    while waiting or running:
        while waiting and running < executor.slots:
            executor.submit(waiting.pop(0))
            running += 1
        result = executor.wait()
        assert result is not None
        results.append(result)
        running -= 1
    return sorted(results, key=lambda r: r.number)


# What all executors do ------------------------------------------------------------------------------------------------


def test_a_job_gives_metrics_and_the_costs_that_it_came_with(executor: Executor) -> None:
    (result,) = run(executor, job(7, costs={"params": 42.0}))
    assert (result.number, result.rung, result.status, result.reason) == (7, 0, "finished", "")
    assert 0 <= result.measurement["accuracy"] <= 1
    assert result.measurement["params"] == 42.0
    assert result.measurement["epochs"] == 1.0
    assert result.seconds > 0


def test_an_exception_is_a_failed_result(executor: Executor) -> None:
    results = run(executor, job(0, "error"), job(1))
    assert [r.status for r in results] == ["failed", "finished"]
    assert results[0].reason == "ZeroDivisionError: division by zero"


def test_a_layer_that_has_no_kernel_that_repeats_exactly_is_trained(executor: Executor) -> None:
    (result,) = run(executor, job(0, "unrepeatable"))
    assert result.status == "finished", result.reason


def test_a_full_disk_is_raised_and_the_executor_goes_on(executor: Executor) -> None:
    executor.submit(job(0, "disk"))
    with pytest.raises(OSError, match="No space left"):
        executor.wait()
    (result,) = run(executor, job(1))
    assert result.status == "finished"


def test_a_candidate_over_a_measured_bound_is_not_trained(executor: Executor) -> None:
    over, within = run(
        executor,
        job(0, "error", measure=("latency_ms",), bounds=(("latency_ms", 0.0, 1e-9),)),
        job(1, measure=("latency_ms",), bounds=(("latency_ms", 0.0, 1e9),)),
    )
    assert over.status == "infeasible"
    assert over.measurement["latency_ms"] > 1e-9
    assert "accuracy" not in over.measurement
    assert within.status == "finished"
    assert within.measurement["latency_ms"] > 0


def test_every_executor_gives_the_same_figures(session: Session, processes: Processes) -> None:
    jobs = [job(n, epochs=2, seed=n) for n in range(3)]
    here, there = run(InProcess(session.here()), *jobs), run(processes, *jobs)
    assert [r.measurement for r in here] == [r.measurement for r in there]


def test_progress_is_told(session: Session) -> None:
    told: list[Any] = []
    run(InProcess(session, lambda *said: told.append(said)), job(3, epochs=2))
    executor = Processes(session, 1, LIMITS, [str(PLUGIN)], lambda *said: told.append(said))
    try:
        run(executor, job(3, epochs=2))
    finally:
        executor.close()
    assert [t[:3] for t in told] == [("trial 3", 1, 2), ("trial 3", 2, 2)] * 2
    assert told[:2] == told[2:]


# Containment ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("segfault", "its process crashed (SIGSEGV) in segfault, "),
        ("abort", "its process crashed (SIGABRT) in abort, "),
        ("killed", "its process was killed (SIGKILL), by the system for lack of memory or by hand"),
        ("leave", "its process ended with exit code 7"),
        ("greedy", "stopped: it took "),
    ],
)
def test_a_worker_that_dies_fails_one_job_and_the_others_end_well(processes: Processes, how: str, reason: str) -> None:
    results = run(processes, job(0), job(1, how), job(2), job(3))
    assert [r.status for r in results] == ["finished", "failed", "finished", "finished"]
    assert results[1].reason.startswith(reason)


@dataclass
class Clock:
    """The clock of the limits, which can skip time."""

    skipped: float = 0.0

    def __post_init__(self) -> None:
        self._real = time.monotonic

    def now(self) -> float:
        return self._real() + self.skipped


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.now)
    return clock


def begin(executor: Processes, job: Job) -> None:
    executor.submit(job)
    while executor._workers[0].started is None:
        assert executor.wait(0.01) is None


def test_a_job_that_makes_no_progress_is_stopped(session: Session, clock: Clock) -> None:
    executor = Processes(session, 1, Limits(stall=60.0), [str(PLUGIN)])
    try:
        begin(executor, job(0, "sleep"))
        clock.skipped += 59.0 - (clock.now() - executor._workers[0].alive_at)
        executor._enforce()
        assert executor._workers[0].job is not None
        clock.skipped += 2.0
        result = executor.wait()
    finally:
        executor.close()
    assert result is not None
    assert result.reason == "stopped: no training step ended for 60 s (search.limits.stall)"


def test_the_time_limit_counts_from_the_start_of_the_job(session: Session, clock: Clock) -> None:
    executor = Processes(session, 1, Limits(time=50.0), [str(PLUGIN)])
    try:
        begin(executor, job(0, "slow", epochs=500))
        clock.skipped += 51.0
        over = executor.wait()
        executor.submit(job(1))
        clock.skipped += 51.0  # while the new worker starts
        within = executor.wait()
    finally:
        executor.close()
    assert over is not None
    assert over.reason.startswith("stopped after 51 s: search.limits.time is 50 s")
    assert within is not None
    assert within.status == "finished"


def test_wait_gives_up_after_its_timeout(processes: Processes) -> None:
    processes.submit(job(0, "slow", epochs=3))
    assert processes.wait(0.2) is None
    result = processes.wait()
    assert result is not None
    assert result.status == "finished"


def test_what_is_cancelled_gives_no_result_and_other_jobs_follow(processes: Processes) -> None:
    processes.submit(job(0, "slow", epochs=1000))
    processes.submit(job(1, "slow", epochs=1000))
    assert until(lambda: processes.wait(0.05) is None and all(w.started is not None for w in processes._workers))
    groups = [worker.id for worker in processes._workers]
    processes.cancel()
    assert until(lambda: not any(map(alive, groups)))
    assert [r.number for r in run(processes, job(2), job(3))] == [2, 3]


def test_a_worker_that_died_is_noticed_though_its_child_holds_the_pipe(processes: Processes) -> None:
    processes.submit(job(0, "orphan"))
    group = next(worker.id for worker in processes._workers if worker.job is not None)
    result = processes.wait(30)
    assert result is not None
    assert result.reason.startswith("its process crashed (SIGSEGV)")
    assert until(lambda: not alive(group))


def test_workers_that_cannot_start_end_the_search(session: Session, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise ValueError('nothing works')\n", encoding="utf-8")
    executor = Processes(session, 1, LIMITS, [str(broken)])
    try:
        executor.submit(job(0))
        with pytest.raises(NasError, match=r"a worker process cannot start: .*nothing works"):
            executor.wait()
    finally:
        executor.close()


# What is left behind --------------------------------------------------------------------------------------------------


def alive(group: int) -> bool:
    """Is any process of the group there, zombies aside?"""
    listing = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return any(int(row[0]) == group and not row[1].startswith("Z") for row in rows)


def until(holds: Callable[[], bool], seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def test_closing_leaves_no_process_not_even_those_that_a_candidate_started(
    session: Session, tmp_path: Path, interpreters: None
) -> None:
    executor = Processes(session, 2, LIMITS, [str(PLUGIN)])
    groups = [worker.id for worker in executor._workers]
    mark = tmp_path / "forked"
    model = [*GOOD, {"misbehaving": {"how": "child", "path": str(mark)}}]
    executor.submit(replace(job(0), architecture=model))
    assert until(lambda: bool(executor.wait(0.05)) or mark.exists())
    executor.close()
    assert until(lambda: not any(map(alive, groups)))


def search_for_ever(said: nursery.File) -> None:
    """Two workers at work; writes down who they are."""
    nursery.fork_workers_here()
    import_plugin(PLUGIN, ())
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, "cpu", "float32")
    executor = Processes(session, 2, LIMITS, [str(PLUGIN)])
    try:
        executor.submit(job(0, "slow", epochs=1000))
        executor.submit(job(1, "slow", epochs=1000))
        while not all(worker.started is not None for worker in executor._workers):
            executor.wait(0.01)
        os.write(said.file, json.dumps([worker.id for worker in executor._workers]).encode() + b"\n")
        while True:
            executor.wait(0.1)
    finally:
        executor.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["ctrl-c", "term", "kill"])
def test_no_worker_outlives_its_parent(number: signal.Signals) -> None:
    read, write = os.pipe()
    parent = nursery.start(search_for_ever, nursery.File(write))
    os.close(write)
    try:
        with open(read, encoding="ascii") as said:
            groups = json.loads(said.readline())
        assert all(map(alive, groups))
        os.kill(parent.pid, number)
        parent.join()
        assert until(lambda: not any(map(alive, groups)))
    finally:
        parent.kill()
        parent.join()


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_while_one_measures_the_others_stand_still(session: Session) -> None:
    executor = Processes(session, 2, LIMITS, [str(PLUGIN)])
    try:
        executor.submit(job(0, "slow", epochs=4))
        executor.submit(job(1, "slow", epochs=1, measure=("latency_ms",)))
        while not executor._measuring:
            assert executor.wait(0.01) is None
        measuring = executor._measuring[0]
        (other,) = [worker for worker in executor._workers if worker is not measuring]
        assert until(lambda: state(other.id) == "T", 60.0)
        assert state(measuring.id) != "T"
        while executor._measuring:
            assert executor.wait(0.01) is None
        assert until(lambda: state(other.id) != "T", 60.0)
        results = [executor.wait(), executor.wait()]
        assert [r.status for r in results if r is not None] == ["finished", "finished"]
    finally:
        executor.close()
