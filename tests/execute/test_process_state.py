"""What one candidate sets for its process does not reach the next job; what cannot be put back ends the process."""

from __future__ import annotations

import gc
import locale
import os
import random
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from execute.test_executors import GOOD, LIMITS, PLUGIN, job, misbehaving, run

from nas_cli.data import parse_data
from nas_cli.execute.executor import Job
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.execute.state import ProcessState, _umask
from nas_cli.train.checkpoint import load_tensors

__all__ = ["misbehaving"]


def ignore(*_: object) -> None: ...


SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "determinism": (
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(not torch.are_deterministic_algorithms_enabled()),
    ),
    "autocast": (lambda: torch.is_autocast_enabled("cpu"), lambda: torch.set_autocast_enabled("cpu", True)),
    "mkldnn": (lambda: torch.backends.mkldnn.enabled, lambda: setattr(torch.backends.mkldnn, "enabled", False)),
    "products": (torch.get_float32_matmul_precision, lambda: torch.set_float32_matmul_precision("medium")),
    "denormals": (lambda: float(torch.tensor([1e-40]) * 1.0) == 0.0, lambda: torch.set_flush_denormal(True)),
    "hooks": (
        lambda: len(torch.nn.modules.module._global_forward_hooks),
        lambda: torch.nn.modules.module.register_module_forward_hook(ignore),
    ),
    "folder": (os.getcwd, lambda: os.chdir("/")),
    "environment": (lambda: dict(os.environ), lambda: os.environ.update(HOME="/nowhere", NEW="1")),
    "removed variables": (lambda: dict(os.environ), os.environ.clear),
    "file mode": (_umask, lambda: os.umask(0o777)),
    "handlers": (
        lambda: signal.getsignal(signal.SIGTERM),
        lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    ),
    "blocked signals": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}),
    ),
    "alarm": (lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0, lambda: signal.alarm(3000)),
    "open files": (
        lambda: resource.getrlimit(resource.RLIMIT_NOFILE),
        lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    ),
    "sizes of files": (
        lambda: resource.getrlimit(resource.RLIMIT_FSIZE),
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1])),
    ),
    "recursion": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 100)),
    "path": (lambda: list(sys.path), lambda: sys.path.insert(0, "/nowhere")),
    "warnings": (lambda: list(warnings.filters), lambda: warnings.simplefilter("error")),
    "collector": (gc.isenabled, lambda: gc.disable() if gc.isenabled() else gc.enable()),
    "floating point": (np.geterr, lambda: np.seterr(all="raise")),
    "stdout": (lambda: sys.stdout, lambda: setattr(sys, "stdout", None)),
}
if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
    SETTINGS["cores"] = (
        lambda: os.sched_getaffinity(0),
        lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_set_is_put_back(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read, change = SETTINGS[name]
    state, before = ProcessState.take(), read()
    try:
        change()
        assert read() != before
    finally:
        left = state.put_back()
        state.close()
    assert read() == before
    assert left == []


def test_a_closed_standard_file_is_opened_again(tmp_path: Path) -> None:
    state, before = ProcessState.take(), os.fstat(1)
    os.close(1)
    taken = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    assert state.put_back() == []
    state.close()
    assert os.path.samestat(os.fstat(1), before)
    if taken != 1:
        os.close(taken)


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    state = ProcessState.take()
    os.chdir("/")
    assert state.put_back() == []
    state.close()


def test_a_mode_that_is_entered_for_good_is_told() -> None:
    state, mode = ProcessState.take(), torch.inference_mode()
    mode.__enter__()
    try:
        assert state.put_back() == ["a mode of torch"]
    finally:
        mode.__exit__(None, None, None)
    assert state.put_back() == []
    state.close()


def test_many_files_that_stay_open_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    state = ProcessState.take()
    monkeypatch.setattr("nas_cli.execute.state.FILES_SHARE", 0.0)
    assert state.put_back() == ["open files"]
    state.close()


def test_other_threads_may_ask_too() -> None:
    """Only the main thread can set handlers of signals."""
    found: list[list[str]] = []

    def ask() -> None:
        state = ProcessState.take()
        found.append(state.put_back())
        state.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [[]]


# The executors --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session.open("image-classification", parse_data({"source": "digits"}), 0, precision="float32")
    yield session
    session.close()


def coded(number: int, code: str, **more: Any) -> Job:
    model = [*GOOD, {"misbehaving": {"how": "code", "path": code}}]
    return replace(job(number), architecture=model, **more)


MEDDLING = (
    "import torch; torch.set_default_dtype(torch.float64)",
    "import torch; torch.set_default_device('meta'); torch.set_grad_enabled(False)",
    "import os; os.chdir('/'); os.umask(0o777); os.environ.clear()",
    "import signal; signal.alarm(1000); import sys; sys.stdout = sys.stderr = None",
)


def test_later_jobs_are_trained_as_if_nothing_had_been(session: Session) -> None:
    executor = InProcess(session.here())
    (alone,) = run(executor, job(9))
    results = run(executor, *(coded(number, code) for number, code in enumerate(MEDDLING)), job(9))
    assert results[-1].measurement == alone.measurement


def test_a_worker_goes_on_or_is_renewed(session: Session, tmp_path: Path) -> None:
    executor = Processes(session, 1, LIMITS, [str(PLUGIN)])
    weights = str(tmp_path / "weights.safetensors")
    hold = "import torch, sys; sys.held = torch.inference_mode(); sys.held.__enter__()"
    try:
        (alone,) = run(executor, job(9))
        before = executor._workers[0].id
        *_, after = run(executor, *(coded(number, code) for number, code in enumerate(MEDDLING)), job(9))
        assert after.measurement == alone.measurement
        assert executor._workers[0].id == before
        *_, after = run(executor, coded(0, hold), job(9, weights_out=weights))
        assert after.measurement == alone.measurement
        assert executor._workers[0].id != before
    finally:
        executor.close()
    assert load_tensors(Path(weights))[0]


def test_a_limit_that_a_candidate_sets_is_no_fault_of_the_disk(session: Session, tmp_path: Path) -> None:
    executor = Processes(session, 1, LIMITS, [str(PLUGIN)])
    code = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (10, r.getrlimit(r.RLIMIT_FSIZE)[1]))"
    try:
        limited, after = run(
            executor,
            coded(0, code, weights_out=str(tmp_path / "a.safetensors")),
            job(1, weights_out=str(tmp_path / "b.safetensors")),
        )
    finally:
        executor.close()
    assert limited.status == "failed"
    assert "File too large" in limited.reason
    assert after.status == "finished"


DRAWING = (
    "import random, numpy, torch\n"
    "open({path!r}, 'a').write(f'{{random.random()}} {{numpy.random.rand()}} {{float(torch.rand(1))}}\\n')"
)


def test_what_a_candidate_draws_does_not_hang_on_what_ran_before(session: Session, tmp_path: Path) -> None:
    executor, path = InProcess(session.here()), tmp_path / "drawn"
    drawing = coded(0, DRAWING.format(path=str(path)))
    run(executor, drawing)
    first = path.read_text(encoding="ascii")
    path.unlink()
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    run(executor, job(1), drawing)
    assert path.read_text(encoding="ascii") == first


def test_locale_and_profile_are_put_back() -> None:
    state, before = ProcessState.take(), locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "C")
    sys.setprofile(ignore)
    assert state.put_back() == []
    state.close()
    assert locale.setlocale(locale.LC_ALL) == before
    assert sys.getprofile() is None
