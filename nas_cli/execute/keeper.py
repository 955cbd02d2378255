"""The process between a search and its worker: whatever the candidates started goes with the worker.

A worker alone cannot see to that, since it may be killed, and neither can the search. The keeper runs no code of a
candidate: it waits until the worker has ended, or the search has, then kills all that descends from it, and ends as the
worker did.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD, signal.SIGCONT}
PATIENCE = 5.0
"""Seconds that killed processes have to be gone: one may hang in the system itself."""


def keep_worker(inherited: Iterable[int]) -> int:
    """Splits the process in two and comes back in the worker, with its process id; the keeper never comes back.

    The worker leads a process group of its own and has the files `inherited` for itself.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    search, keeper = os.getppid(), os.getpid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes a child of the keeper
        _ask_at_end_of_parent(signal.SIGCONT, search)  # which reaches a keeper that stands still, too
    worker = os.fork()
    if worker != 0:
        _keep(worker, search, inherited)
    os.setpgid(0, 0)
    if sys.platform == "linux":
        _ask_at_end_of_parent(signal.SIGKILL, keeper)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    return os.getpid()


def _ask_at_end_of_parent(number: signal.Signals, parent: int) -> None:
    """Has the system send signal `number` once process `parent` is gone; ends now where it is gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(0)


def _keep(worker: int, search: int, inherited: Iterable[int]) -> NoReturn:
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nothing, file)
    for file in inherited:  # open here, the worker's pipes would stay open when it has ended
        os.close(file)
    status = None
    while status is None:
        number = signal.sigwait(WATCHED)
        if number == signal.SIGCHLD:
            status = _reap(worker)
        elif number != signal.SIGCONT or os.getppid() != search:
            break
    ended = _kill_all(worker)
    _end_as(ended if status is None else status)


def _reap(worker: int) -> int | None:
    """Takes note of every child that has ended; the wait status of the worker, where it is among them.

    Raises ChildProcessError where no child is left and the worker was not among them.
    """
    while True:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == worker:
            return status
        if process == 0:
            return None


def _kill_all(worker: int) -> int | None:
    """Kills what descends from this process until nothing does; the wait status of the worker where it ended only now.

    Each round finds those whose parents died in the one before: they are children of this process by now.
    """
    status = None
    with suppress(ProcessLookupError, PermissionError):  # where /proc does not show them
        os.killpg(worker, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    with suppress(ChildProcessError):  # nothing is left
        while time.monotonic() < until:
            ended = _reap(worker)
            status = ended if ended is not None else status
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            for process in descendants(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.002)
    return status


def descendants(process: int) -> list[int]:
    """The processes that `process` started, and those that these started, as far as /proc shows them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):  # it has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = list(children.get(process, ()))
    for parent in found:  # which grows as it is walked through
        found += children.get(parent, ())
    return found


def _end_as(status: int | None) -> NoReturn:
    if status is not None and os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker has dumped its own, where that is wanted
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else 0)
