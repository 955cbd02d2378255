"""The process between a search and its worker: it ends all processes that candidates started, once the worker ends.

Neither the worker nor the search can do that, since both may be killed. The keeper runs no code of a candidate: it
waits until the worker or the search has ended, kills all of its own descendants, and then ends as the worker did, with
the same exit code or signal.
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
"""Seconds to wait for killed processes to be gone: one may hang inside a system call."""


def keep_worker(inherited: Iterable[int]) -> int:
    """Forks: returns in the worker only, with its process id, while this process becomes the keeper.

    The worker leads a process group of its own; the keeper closes its copies of the files `inherited`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    search, keeper = os.getppid(), os.getpid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphaned descendants become children of the keeper
        _ask_at_end_of_parent(signal.SIGCONT, search)  # SIGCONT also reaches a keeper that is stopped
    worker = os.fork()
    if worker != 0:
        _keep(worker, search, inherited)
    os.setpgid(0, 0)
    if sys.platform == "linux":
        _ask_at_end_of_parent(signal.SIGKILL, keeper)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    return os.getpid()


def _ask_at_end_of_parent(number: signal.Signals, parent: int) -> None:
    """Has the system send signal `number` to this process once `parent` ends; exits now where it has ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(0)


def _keep(worker: int, search: int, inherited: Iterable[int]) -> NoReturn:
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nothing, file)
    for file in inherited:  # otherwise the worker's pipes would stay open after its end
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
    """Reaps every child that has ended. Returns the wait status of the worker where it was among them, else None.

    Raises ChildProcessError where no child is left and the worker was not among those reaped.
    """
    while True:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == worker:
            return status
        if process == 0:
            return None


def _kill_all(worker: int) -> int | None:
    """Kills the descendants of this process until none is left. Returns the worker's wait status if it is reaped here.

    Each round finds the processes whose parents died in the round before: they are children of this process by now.
    """
    status = None
    with suppress(ProcessLookupError, PermissionError):  # the group too, where there is no /proc to list descendants
        os.killpg(worker, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    with suppress(ChildProcessError):  # no child is left
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
    """The children of `process`, their children and so on, as far as /proc lists them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):  # this process has ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    family = list(children.get(process, ()))
    for parent in family:  # the list grows while it is walked
        family += children.get(parent, ())
    return family


def _end_as(status: int | None) -> NoReturn:
    if status is not None and os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the worker has dumped core already, where that is wanted
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else 0)
