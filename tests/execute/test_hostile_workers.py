"""What a candidate sends, prints, closes, stops and starts is its own failure at most, and nothing waits for ever."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from execute.test_executors import GOOD, LIMITS, PLUGIN, Clock, alive, clock, job, misbehaving, run, state, until

from nas_cli.data import parse_data
from nas_cli.execute import processes as module
from nas_cli.execute.executor import Job, Limits
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session

__all__ = ["clock", "misbehaving"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PIPES = (
    "import os; pipes = [int(f) for f in os.listdir('/proc/self/fd') if int(f) > 2 "
    "and os.path.exists(f'/proc/self/fd/{f}') and 'pipe' in os.readlink(f'/proc/self/fd/{f}')]\n"
)
WRITE = PIPES + "def write(content):\n  for f in pipes:\n    try: os.write(f, content)\n    except OSError: pass\n"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32")
    yield session
    session.close()


@pytest.fixture(scope="module")
def processes(session: Session) -> Iterator[Processes]:
    executor = Processes(session, 2, LIMITS, [str(PLUGIN)])
    yield executor
    executor.close()


def coded(number: int, code: str, **more: object) -> Job:
    model = [*GOOD, {"misbehaving": {"how": "code", "path": code}}]
    return replace(job(number), architecture=model, **more)  # type: ignore[arg-type]


MEDDLING = {
    WRITE + "write(b'\\xff\\xfe\\n')": "stopped: its process wrote '\\xff\\xfe' into the pipe",
    WRITE + "write(b'half a line, ')": "stopped: its process wrote 'half a line, ",
    WRITE + "[write(b'x' * 65536) for _ in range(300)]": "stopped: its process wrote a line without end into the pipe",
    "import os; os._exit(0)": "its process ended with exit code 0",
}


def test_only_those_jobs_fail_whose_candidates_meddle_with_their_process(processes: Processes) -> None:
    meddling = [coded(number, code) for number, code in enumerate(MEDDLING)]
    results = run(processes, job(10), *meddling, job(11), job(12))
    assert [r.status for r in results] == ["failed"] * len(meddling) + ["finished"] * 3
    for result, reason in zip(results, MEDDLING.values(), strict=False):
        assert result.reason.startswith(reason)
        assert result.reason.isprintable()


def test_a_worker_that_closes_its_pipes_is_replaced(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEAF_FOR", 0.0)
    closing, after = run(processes, coded(0, PIPES + "[os.close(f) for f in pipes]"), job(1))
    assert (closing.status, after.status) == ("failed", "finished")


def test_a_large_job_waits_for_a_worker_that_stands_still(processes: Processes) -> None:
    measured = job(0, measure=("latency_ms",))
    large = replace(job(1), architecture=[*GOOD, *["nn.Identity"] * 4_900])
    processes.submit(measured)
    while not processes._measuring:
        assert processes.wait(0.01) is None
    (other,) = [worker for worker in processes._workers if worker is not processes._measuring[0]]
    assert until(lambda: state(other.id) == "T")
    processes.submit(large)
    assert other.outbox.waiting  # the job is larger than what a pipe holds
    results = [processes.wait(), processes.wait()]
    assert sorted((r.number, r.status) for r in results if r is not None) == [(0, "finished"), (1, "finished")]


def test_what_a_candidate_prints_is_read_and_let_go_of(processes: Processes) -> None:
    code = "import os; os.write(2, b'x' * 30_000_000); os.write(2, b'\\nthe \\x1b[31mlast\\n'); os._exit(3)"
    (result,) = run(processes, coded(0, code))
    assert result.reason == "its process ended with exit code 3: the \\x1b[31mlast"


def test_a_worker_that_stops_itself_is_noticed(session: Session, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock skips time while a worker is stopped, and only then: no time limit here depends on the machine."""
    later = (
        "import os, signal, threading\nthreading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGSTOP)).start()"
    )
    executor = Processes(session, 1, Limits(stall=90.0), [str(PLUGIN)])
    enforce = executor._enforce

    def hurried() -> None:
        if any(not worker.is_dead and state(worker.id) == "T" for worker in executor._workers):
            clock.skipped += 91.0
        enforce()

    monkeypatch.setattr(executor, "_enforce", hurried)
    try:
        run(executor, job(0))
        (worker,) = executor._workers
        os.kill(worker.id, signal.SIGSTOP)  # as by a thread that the last candidate left
        assert until(lambda: state(worker.id) == "T")
        assert [r.status for r in run(executor, job(1))] == ["finished"]  # another worker took it
        (result,) = run(executor, coded(2, later))
    finally:
        executor.close()
    assert result.reason == "stopped: no training step ended for 90 s (search.limits.stall)"


def test_time_in_which_the_search_stood_still_counts_against_no_job(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after Ctrl-Z: the clock has gone on by an hour between two looks, and the candidate is at work."""
    clock, gate, skipped = time.monotonic, tmp_path / "gate", 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock() + skipped)
    processes.submit(coded(0, f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"))
    while all(worker.started is None for worker in processes._workers):
        assert processes.wait(0.01) is None
    listen = processes._listen

    def slept(timeout: float) -> None:
        nonlocal skipped
        skipped = 3600.0
        listen(timeout)
        gate.touch()

    monkeypatch.setattr(processes, "_listen", slept)
    result = processes.wait()
    assert result is not None
    assert result.status == "finished", result.reason


def test_a_job_that_no_worker_takes_ends_the_search(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_WITHIN", 0.0)
    executor = Processes(session, 1, LIMITS, [str(PLUGIN)])
    try:
        executor.submit(job(0))
        with pytest.raises(module.NasError, match="worker processes cannot start: a worker process was not ready"):
            executor.wait()
    finally:
        executor.close()


GRANDCHILD = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        open({mark!r}, "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
{after}
"""


def test_a_grandchild_in_a_session_of_its_own_goes_with_the_worker(processes: Processes, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    after = f"while not os.path.exists({str(mark)!r}): pass\nos.abort()"
    (result,) = run(processes, coded(0, GRANDCHILD.format(mark=str(mark), after=after)))
    assert result.reason.startswith("its process crashed (SIGABRT)")
    assert until(lambda: not os.path.exists(f"/proc/{mark.read_text(encoding='ascii')}"))


def test_a_fork_that_goes_on_as_the_worker_sends_nothing(processes: Processes) -> None:
    results = run(processes, coded(0, "import os\nif not hasattr(os, 'once'): os.once = True; os.fork()"), job(1))
    assert [r.status for r in results] == ["finished", "finished"]
    assert all(alive(worker.id) for worker in processes._workers)


def test_nobody_changes_the_data_that_all_share(session: Session, processes: Processes) -> None:
    code = "import os\nfor f in range(3, 64):\n  try: os.pwrite(f, b'x' * 4096, 0)\n  except OSError: pass\n"
    before = session.digest()
    run(processes, coded(0, code))
    assert session.shared is not None
    with pytest.raises(PermissionError):
        os.pwrite(session.shared.file, b"x", 0)
    assert session.digest() == before
