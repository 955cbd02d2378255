"""The worker process: `python -m nas_cli.execute.serve IN OUT DATA`, with three inherited file descriptors.

Messages are JSON, one a line. The parent sends `open` (once), `job` and `go`; the worker sends the messages listed in
`messages.py`. The worker exits when its parent is gone.
"""

from __future__ import annotations

import faulthandler
import gc
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

from nas_cli.execute.keeper import keep_worker

BEAT_SECONDS = 1.0
MOST_KILLABLE = "1000"


class Pipe:
    """The worker's ends of its two pipes. A thread puts the messages that come in into a queue.

    A process that a candidate forks off gets neither pipe, and exits where it tries to send as if it were the worker.
    """

    def __init__(self, read: int, write: int) -> None:
        self._in = read
        self._out = write
        self._ends = _identities(read, write)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        for file in (read, write):
            os.set_inheritable(file, False)
        os.register_at_fork(after_in_child=self._let_go)
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, kind: str, **fields: Any) -> None:
        if os.getpid() != self._process:
            os._exit(1)
        line = memoryview(json.dumps({"kind": kind, **fields}).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(self._out, line) :]

    @property
    def is_whole(self) -> bool:
        """Both descriptors still are the pipes: a candidate may have closed them, or opened another file instead."""
        return _identities(self._in, self._out) == self._ends

    def _let_go(self) -> None:
        for file in (self._in, self._out):
            with suppress(OSError):
                os.close(file)

    def _listen(self) -> None:
        with suppress(OSError), os.fdopen(self._in, "rb", closefd=False) as lines:
            for line in lines:
                self.messages.put(json.loads(line))
        os._exit(0)  # the parent is gone: nobody waits for this training


def _identities(*files: int) -> list[tuple[int, int]] | None:
    try:
        states = [os.fstat(file) for file in files]
    except OSError:
        return None
    return [(state.st_dev, state.st_ino) for state in states]


class Reporter:
    """Sends the progress of a job to the parent."""

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
        """Within it the other workers are stopped: from the parent's answer `go` until it reads `measured`."""
        self._pipe.send("measure")
        message = self._pipe.messages.get()
        assert message["kind"] == "go", message
        try:
            yield
        finally:
            self._pipe.send("measured")


def main() -> None:
    read, write, data = map(int, sys.argv[1:4])
    process = keep_worker([read, write, data])
    _be_a_good_child()
    pipe = Pipe(read, write)
    pipe.send("born", process=process)
    opened = pipe.messages.get()
    try:
        session = _open(opened, data)
    except Exception as error:  # noqa: BLE001 - the parent reports any error and ends the search
        pipe.send("broken", reason=f"{type(error).__name__}: {error}")
        return
    os.close(data)  # the mapping stays
    pipe.send("ready")
    _work(pipe, session)


def _open(message: Mapping[str, Any], data: int) -> Any:
    gc.disable()  # modules are never garbage, and collecting while they are imported takes a sixth longer
    try:
        return _attach(message, data)
    finally:
        gc.freeze()
        gc.enable()


def _attach(message: Mapping[str, Any], data: int) -> Any:
    import torch

    from nas_cli.execute.session import Session
    from nas_cli.plugins import import_plugin

    torch.set_num_interop_threads(1)
    for plugin in message["plugins"]:
        import_plugin(Path(plugin), ())
    importlib.import_module("nas_cli.execute.worker")  # now, so that no trial's time includes it
    return Session.attach(message["session"], data, torch.device(message["device"]))


def _work(pipe: Pipe, session: Any) -> None:
    """Runs job after job. `worn` in a result: the job changed the process for good, so the parent replaces it."""
    import torch

    from nas_cli.execute.executor import Job, JobResult
    from nas_cli.execute.state import ProcessState
    from nas_cli.execute.worker import run_job, why

    reporter = Reporter(pipe)
    state = ProcessState.take()
    while True:
        job = Job(**pipe.messages.get()["job"])
        pipe.send("started")
        fault = None
        try:
            result = run_job(job, session, reporter)
        except OSError as error:
            fault = error
            result = JobResult(job.number, job.rung, "failed", {}, why(error), 0.0)
        limited = state.limits_changed()  # a candidate that lowered RLIMIT_FSIZE caused the error itself
        worn = bool(state.put_back()) or not pipe.is_whole
        _give_back(torch)
        if fault is not None and not limited:
            pipe.send("disk", errno=fault.errno, reason=fault.strerror or str(fault), file=_name(fault))
        else:
            pipe.send("result", result=asdict(result), worn=worn)


def _name(error: OSError) -> str | None:
    return None if error.filename is None else os.fsdecode(error.filename)


def _be_a_good_child() -> None:
    """Leaves Ctrl-C to the parent, and has the system kill this worker before its parent where memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    if sys.platform == "linux":
        with suppress(OSError):  # only a precaution, which a container may forbid
            Path("/proc/self/oom_score_adj").write_text(MOST_KILLABLE, encoding="ascii")


def _give_back(torch: Any) -> None:
    """Returns cached GPU memory to the device, so that other workers may use it."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
