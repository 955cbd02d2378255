"""One worker process as its parent sees it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import torch

from nas_cli.errors import NasError
from nas_cli.execute.channel import Inbox, Outbox, Printed
from nas_cli.execute.executor import Job
from nas_cli.execute.hardware import private_memory
from nas_cli.execute.messages import Message, read_message, write_message
from nas_cli.words import printable

LIBRARIES = (sysconfig.get_path("stdlib"), os.path.dirname(torch.__file__))
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>\S+)')
SHOWN = 200
"""Characters of the last printed line of a process that a reason quotes, where nothing else is known of its end."""
PATIENCE = 10.0
"""Seconds to wait for a killed process to be gone: its keeper takes at most half of them."""


class Process:
    """A worker process, started by the constructor in a session of its own, so that Ctrl-C reaches the parent alone.

    `job` is the job in hand; `started` is when the worker took it up, `alive_at` when the worker last sent or read
    something, `deaf_at` when it was found to have closed one of its pipes (seconds of the monotonic clock).
    `idle_memory` is its private memory in bytes before its first job.
    """

    def __init__(self, index: int, data: int) -> None:
        self.index = index
        self.job: Job | None = None
        self.started: float | None = None
        self.alive_at = time.monotonic()
        self.deaf_at: float | None = None
        self.was_ready = False
        self.idle_memory: int | None = None
        self._worker: int | None = None
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        ours_printed, theirs_printed = os.pipe()
        self.inbox, self.outbox, self.printed = Inbox(ours_in), Outbox(ours_out), Printed(ours_printed)
        try:
            self._process = subprocess.Popen(
                # -P: a file in the user's folder that has a module's name must not be imported instead of it.
                [sys.executable, "-P", "-m", "nas_cli.execute.serve", str(theirs_in), str(theirs_out), str(data)],
                stdin=subprocess.DEVNULL,
                stdout=theirs_printed,
                stderr=theirs_printed,
                pass_fds=(theirs_in, theirs_out, data),
                start_new_session=True,
                env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
            )
        except OSError as error:
            self._close_files()
            raise NasError(f"a worker process cannot be started: {error.strerror}") from error
        finally:
            for file in (theirs_in, theirs_out, theirs_printed):
                os.close(file)

    @property
    def id(self) -> int:
        """The id of the worker and of its process group; the keeper's until the worker has sent its own."""
        return self._process.pid if self._worker is None else self._worker

    @property
    def is_heard(self) -> bool:
        """The worker has closed none of its pipes."""
        return self.deaf_at is None

    def born(self, process: int) -> None:
        self._worker = process

    def ready(self) -> None:
        """The worker can take jobs; its memory, in which no candidate has left anything yet, is noted."""
        self.was_ready = True
        self.idle_memory = private_memory(self.id)

    def give(self, job: Job) -> bool:
        """Assigns `job` to the worker; False where it is dead or reads no messages any more."""
        self.alive_at = time.monotonic()
        self.job = job
        return not self.is_dead and self.send("job", job=asdict(job))

    def send(self, kind: str, **fields: Any) -> bool:
        """Sends a message without waiting for the worker. False where its pipe is closed."""
        if not self.is_heard:
            return False
        try:
            self.outbox.put(write_message(kind, **fields))
        except BrokenPipeError:
            self.deaf_at = time.monotonic()
        return self.is_heard

    def push(self) -> None:
        """Sends more of the waiting messages."""
        try:
            if self.outbox.flush():
                self.alive_at = time.monotonic()
        except BrokenPipeError:
            self.outbox.waiting.clear()
            self.deaf_at = time.monotonic()

    def read(self) -> Iterator[Message]:
        """The messages that have come. Raises ValueError, which quotes the line, where one is not valid."""
        lines, ended = self.inbox.read()
        if ended:
            self.deaf_at = self.deaf_at or time.monotonic()
        for line in lines:
            yield read_message(line)

    def rest(self) -> None:
        """The job is over."""
        self.job = self.started = None

    def seconds(self) -> float:
        """How long the job has been running."""
        return time.monotonic() - self.started if self.started is not None else 0.0

    def shift(self, seconds: float) -> None:
        """Leaves `seconds` in which the worker was stopped out of its job's time."""
        self.alive_at += seconds
        if self.started is not None:
            self.started += seconds

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the worker, to the processes of its group and to its keeper."""
        if self._worker is not None and not self.is_dead:
            self._process.send_signal(number)
            with suppress(ProcessLookupError):
                os.killpg(self._worker, number)

    def kill(self) -> None:
        """Kills the worker and, through its keeper, all processes that it started. Does not wait for their end."""
        if self._worker is not None and not self.is_dead:
            with suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGKILL)
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # a stopped keeper would not handle SIGTERM

    @property
    def is_dead(self) -> bool:
        """A closed pipe is no proof: a process that the candidate started may hold it open."""
        return self._process.poll() is not None

    def epitaph(self) -> str:
        """Why the worker died, as a sentence: its first cause, whether or not it was killed afterwards."""
        code = self._wait()
        if code == -signal.SIGKILL:
            return "its process was killed (SIGKILL), by the system for lack of memory or by hand"
        if code < 0:
            return f"its process crashed ({_signal_name(-code)}){self._place()}"
        return f"its process ended with exit code {code}{self._last_words()}"

    def close(self) -> None:
        """Kills the worker and waits until it is gone."""
        self.kill()
        self._wait()
        self._close_files()

    def _wait(self) -> int:
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the keeper, which may have been stopped by hand
            return self._process.wait()

    def _close_files(self) -> None:
        for file in (self.inbox.file, self.outbox.file, self.printed.file):
            os.close(file)

    def _place(self) -> str:
        """The innermost frame of the candidate's own code, from the stack that faulthandler printed."""
        _, _, stack = self.printed.text().rpartition("Current thread")
        frames = list(FRAME.finditer(stack))
        own = [frame for frame in frames if not frame["file"].startswith(LIBRARIES)]
        if not frames:
            return ""
        frame = (own or frames)[0]
        return printable(f" in {frame['function']}, {frame['file']}:{frame['line']}")

    def _last_words(self) -> str:
        lines = self.printed.text().strip().splitlines()
        return f": {printable(lines[-1].strip()[:SHOWN])}" if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
