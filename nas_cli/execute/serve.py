"""What runs in a worker process: `python -m nas_cli.execute.serve IN OUT DATA`, three inherited descriptors.

Messages are JSON, one a line. From the parent come `open` (once), `job` and `go`; to it go `ready`, `started`, `beat`,
`progress`, `measure`, `measured`, `result`, `disk_full` and `broken`. A parent that is gone ends the worker.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

BEAT_SECONDS = 1.0
PR_SET_PDEATHSIG = 1
MOST_KILLABLE = "1000"


class Pipe:
    """The worker's end: messages out, and those that come in as a queue that a thread fills."""

    def __init__(self, read: int, write: int) -> None:
        self._in = os.fdopen(read, "rb")
        self._out = write
        self._lock = threading.Lock()
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, kind: str, **fields: Any) -> None:
        line = memoryview(json.dumps({"kind": kind, **fields}).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(self._out, line) :]

    def _listen(self) -> None:
        for line in self._in:
            self.messages.put(json.loads(line))
        os._exit(0)  # the parent is gone: whatever is trained here, nobody waits for it


class Reporter:
    """Tells the parent how a job goes on."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._said = time.monotonic()

    def progress(self, label: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self._pipe.send("progress", label=label, epoch=epoch, epochs=epochs, metrics=dict(metrics))

    def beat(self) -> None:
        now = time.monotonic()
        if now - self._said >= BEAT_SECONDS:
            self._said = now
            self._pipe.send("beat")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The parent stops the other workers before it says go, and lets them go on afterwards."""
        self._pipe.send("measure")
        message = self._pipe.messages.get()
        assert message["kind"] == "go", message
        try:
            yield
        finally:
            self._pipe.send("measured")


def main() -> None:
    read, write, data = map(int, sys.argv[1:4])
    _be_a_good_child()
    pipe = Pipe(read, write)
    opened = pipe.messages.get()
    try:
        session = _open(opened, data)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it and ends the search
        pipe.send("broken", reason=f"{type(error).__name__}: {error}")
        return
    pipe.send("ready")
    _work(pipe, session)


def _open(message: Mapping[str, Any], data: int) -> Any:
    import torch

    from nas_cli.execute.session import Session
    from nas_cli.plugins import import_plugin

    torch.set_num_interop_threads(1)
    for plugin in message["plugins"]:
        import_plugin(Path(plugin), ())
    importlib.import_module("nas_cli.execute.worker")  # what a job needs: no trial's time
    return Session.attach(message["session"], data, torch.device(message["device"]))


def _work(pipe: Pipe, session: Any) -> None:
    import torch

    from nas_cli.execute.executor import Job
    from nas_cli.execute.worker import run_job

    reporter = Reporter(pipe)
    while True:
        job = Job(**pipe.messages.get()["job"])
        pipe.send("started")
        try:
            result = run_job(job, session, reporter)
        except OSError as error:
            pipe.send("disk_full", errno=error.errno, reason=error.strerror or str(error))
            continue
        finally:
            _give_back(torch)
        pipe.send("result", result=asdict(result))


def _be_a_good_child() -> None:
    """Ctrl-C is the parent's to handle; a worker ends with its parent, and before it where memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)
        with suppress(OSError):  # a container may forbid it: it is a precaution only
            Path("/proc/self/oom_score_adj").write_text(MOST_KILLABLE, encoding="ascii")


def _give_back(torch: Any) -> None:
    """A GPU's memory that a candidate let go of goes back, so that other workers on it may have it."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
