"""One worker process as its parent sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

import torch

from nas_cli.execute.executor import Job

CHUNK = 1 << 16
LIBRARIES = (sysconfig.get_path("stdlib"), os.path.dirname(torch.__file__))
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>\S+)')


class Process:
    """Started at once, in a session of its own, so that Ctrl-C reaches the parent alone.

    `inbox` is the descriptor to read from, `job` what it was given and has not ended, `started` when it took it up
    (seconds of the monotonic clock), `alive_at` when it last sent something.
    """

    def __init__(self, index: int, data: int) -> None:
        self.index = index
        self.job: Job | None = None
        self.started: float | None = None
        self.alive_at = time.monotonic()
        self.was_ready = False
        self._buffer = b""
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.inbox, theirs_out = os.pipe()
        theirs_in, self._outbox = os.pipe()
        try:
            self._process = subprocess.Popen(
                # -P: a file of the user's that is named like a module must not be imported for it.
                [sys.executable, "-P", "-m", "nas_cli.execute.serve", str(theirs_in), str(theirs_out), str(data)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs_in, theirs_out, data),
                start_new_session=True,
                env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    @property
    def id(self) -> int:
        return self._process.pid

    def give(self, job: Job) -> bool:
        """Hands it a job; False where it is dead."""
        self.alive_at = time.monotonic()
        if self.is_dead or not self.send("job", job=asdict(job)):
            return False
        self.job = job
        return True

    def send(self, kind: str, **fields: Any) -> bool:
        """False where it is dead."""
        line = memoryview(json.dumps({"kind": kind, **fields}).encode() + b"\n")
        try:
            while line:
                line = line[os.write(self._outbox, line) :]
        except BrokenPipeError:
            return False
        return True

    def read(self) -> tuple[list[dict[str, Any]], bool]:
        """The messages that have come, and whether it is dead."""
        chunk = os.read(self.inbox, CHUNK)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        messages = [json.loads(line) for line in lines]
        self.was_ready = self.was_ready or any(message["kind"] == "ready" for message in messages)
        return messages, not chunk

    def rest(self) -> None:
        """Its job is over."""
        self.job = self.started = None

    def seconds(self) -> float:
        """How long its job has been running."""
        return time.monotonic() - self.started if self.started is not None else 0.0

    def shift(self, seconds: float) -> None:
        """It stood still for so long: that does not count as its job's time."""
        self.alive_at += seconds
        if self.started is not None:
            self.started += seconds

    def signal(self, number: signal.Signals) -> None:
        """To the worker and whatever it started."""
        if not self.is_dead:
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """The worker, dead or alive, and whatever it started: that may outlive it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def is_dead(self) -> bool:
        """Its pipe alone does not tell: a process that the candidate started may hold it open."""
        return self._process.poll() is not None

    def epitaph(self) -> str:
        """Why it died, as a sentence. A kill does not change that of a process that was dying already."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed (SIGKILL), by the system for lack of memory or by hand"
        if code < 0:
            return f"its process crashed ({_signal_name(-code)}){self._place()}"
        return f"its process ended with exit code {code}{self._last_words()}"

    def close(self) -> None:
        """Ends it and waits until it is gone."""
        self.kill()
        self._process.wait()
        for descriptor in (self.inbox, self._outbox):
            os.close(descriptor)
        self._log.close()

    def _said(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - CHUNK))
        return self._log.read().decode(errors="replace")

    def _place(self) -> str:
        """Of the stack that the crash handler wrote down, the innermost frame of the candidate's own code."""
        _, _, stack = self._said().rpartition("Current thread")
        frames = list(FRAME.finditer(stack))
        own = [frame for frame in frames if not frame["file"].startswith(LIBRARIES)]
        if not frames:
            return ""
        frame = (own or frames)[0]
        return f" in {frame['function']}, {frame['file']}:{frame['line']}"

    def _last_words(self) -> str:
        lines = self._said().strip().splitlines()
        return f": {lines[-1].strip()[:200]}" if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
