"""Processes that are forked off one that has imported torch already: each is a process of its own, and starts in 20 ms
of CPU instead of two seconds.

The keeper, the pipes, the limits and the signals of a worker are the real ones; only `exec` and imports are spared. How
nas itself starts workers is shown by every test that runs the command, and by those in tests/execute that ask for
`interpreters`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from multiprocessing import reduction
from types import SimpleNamespace
from typing import Any

import pytest

from nas_cli.execute import process
from nas_cli.execute.serve import main as serve

FORKS = sys.platform == "linux"
"""Elsewhere a process that has loaded torch cannot be forked safely."""
SERVER: Any = multiprocessing.get_context("forkserver" if FORKS else "spawn")
"""The server is a process of one thread that runs nothing of a test, and no CUDA."""
SHAPES = "torch.fx.experimental.symbolic_shapes"
"""What torch imports where it first infers a shape."""
if FORKS:
    SERVER.set_forkserver_preload(["nas_cli.execute.serve", "nas_cli.execute.worker", "nas_cli.run.search", SHAPES])


class File:
    """An open file that goes over to the new process."""

    def __init__(self, file: int) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return File._there, (reduction.DupFd(self.file),)

    @staticmethod
    def _there(handed: Any) -> File:
        return File(handed.detach())


class Forked:
    """What a worker's parent needs of `subprocess.Popen`; a child of the server."""

    context: Any = SERVER

    def __init__(
        self, command: Sequence[str], *, stdout: int, pass_fds: Sequence[int], env: dict[str, str], **_: Any
    ) -> None:
        assert command[1:4] == ["-P", "-m", "nas_cli.execute.serve"]
        arguments = ([File(file) for file in pass_fds], File(stdout), env, os.getcwd())
        self._process = self.context.Process(target=_serve, args=arguments)
        self._process.start()
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a worker", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedHere(Forked):
    """Forked off this process, which has one thread: a child of its own."""

    context = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True, scope="module")
def forked_workers() -> Iterator[None]:
    """For a conftest: the workers of searches in this process are forked."""
    with pytest.MonkeyPatch.context() as patch:
        if FORKS:
            patch.setattr(process, "subprocess", workers(Forked))
        yield


def workers(how: type[Forked]) -> SimpleNamespace:
    """What stands for `subprocess` where nas starts its workers."""
    names = {name: getattr(subprocess, name) for name in ("DEVNULL", "TimeoutExpired")}
    return SimpleNamespace(Popen=how, **names)


def fork_workers_here() -> None:
    """For a process of `start`, which has one thread: the workers of its searches are its own children."""
    if FORKS:
        process.subprocess = workers(ForkedHere)  # type: ignore[assignment]


def _serve(files: list[File], printed: File, env: dict[str, str], folder: str) -> None:
    numbers = [each.file for each in files]
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, printed.file), (2, printed.file)):
        os.dup2(file, number)
    _close_all_but(numbers)
    sys.argv = ["serve", *map(str, numbers)]
    serve()


def _close_all_but(files: list[int]) -> None:
    kept = [2, *sorted(files), os.sysconf("SC_OPEN_MAX")]
    for before, after in pairwise(kept):
        os.closerange(before + 1, after)


def start(target: Callable[..., None], *arguments: Any, printed: os.PathLike[str] | str = os.devnull) -> Any:
    """A process (of multiprocessing) that calls `target`, which a module must have; what it prints goes to a file."""
    started = SERVER.Process(target=_call, args=(target, arguments, os.fspath(printed), dict(os.environ)))
    started.start()
    return started


def _call(target: Callable[..., None], arguments: tuple[Any, ...], printed: str, env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    file = os.open(printed, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a suite that runs in the background
    target(*arguments)
