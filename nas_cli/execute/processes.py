"""Jobs in local worker processes, which are started once and kept. A misbehaving candidate ends its own job only."""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Sequence

from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult, Limits
from nas_cli.execute.hardware import private_memory, worker_device
from nas_cli.execute.messages import Message, read_result
from nas_cli.execute.process import Process
from nas_cli.execute.session import Session
from nas_cli.execute.worker import Progress
from nas_cli.figures import in_bytes

TICK = 0.1
"""Seconds between checks of the limits."""
STOOD_STILL = 5.0
"""A longer wait than this, in seconds, means that this process was stopped (Ctrl-Z, a closed laptop): that time counts
against no job.
"""
STARTS = 3
"""After so many workers in a row that died before they took up a job, the executor gives up."""
READY_WITHIN, TAKEN_WITHIN, DEAF_FOR = 300.0, 60.0, 5.0
"""Seconds that a worker may take to be ready, to take up a job, and to exit once its pipe is closed."""


class Processes:
    """`workers` processes that share the data of `session`; each trains on `session.placement.threads` threads.

    A worker that dies, or is killed since its job exceeds a limit, gives a failed result and is replaced. While one
    worker measures latency, the others are stopped. Raises NasError where workers cannot start at all.
    """

    def __init__(
        self,
        session: Session,
        workers: int,
        limits: Limits | None = None,
        plugins: Sequence[str] = (),
        progress: Progress = lambda *_: None,
    ) -> None:
        assert workers > 0
        self.slots = workers
        self._session = session
        self._limits = limits or Limits()
        self._plugins = list(plugins)
        self._progress = progress
        self._results: deque[JobResult] = deque()
        self._measuring: deque[Process] = deque()
        """The worker that measures, and those that wait for their turn."""
        self._stopped_at = 0.0
        self._failed_starts = 0
        self._selector = selectors.DefaultSelector()
        self._workers: list[Process] = []
        try:
            for index in range(workers):
                self._workers.append(self._start(index))
        except NasError:
            self.close()
            raise

    def submit(self, job: Job) -> None:
        worker = next(w for w in self._workers if w.job is None)
        if not self._give(worker, job):  # the worker died while it was idle
            self._replace(worker, again=job)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        until = None if timeout is None else time.monotonic() + timeout
        while not self._results:
            before = time.monotonic()
            if until is not None and before >= until:
                return None
            self._listen(TICK if until is None else min(TICK, until - before))
            passed = time.monotonic() - before
            if passed > STOOD_STILL:
                for worker in self._workers:
                    worker.shift(passed)
            self._enforce()
        return self._results.popleft()

    def cancel(self) -> None:
        """Kills the workers that have a job and starts others in their place."""
        for worker in [w for w in self._workers if w.job is not None]:
            worker.kill()
            if worker in self._measuring:
                self._end_measuring(worker)
            self._replace(worker)
        self._results.clear()

    def close(self) -> None:
        """Kills every worker; none is left when it returns."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            self._let_go(worker)
        self._workers.clear()
        self._selector.close()

    # Messages -------------------------------------------------------------------------------------------------------

    def _listen(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            worker, act = key.data
            if worker in self._workers:  # an earlier event of this round may have replaced it
                act(worker)

    def _read(self, worker: Process) -> None:
        try:
            for message in worker.read():
                self._handle(worker, message)
                if worker not in self._workers:  # this message was its last
                    return
        except ValueError as error:
            self._died(worker, f"stopped: its process wrote {error} into the pipe through which it reports to nas")
            return
        if not worker.is_heard:
            self._ignore(worker.inbox.file)

    def _read_printed(self, worker: Process) -> None:
        if not worker.printed.read():
            self._ignore(worker.printed.file)

    def _push(self, worker: Process) -> None:
        worker.push()
        if not worker.outbox.waiting:
            self._ignore(worker.outbox.file)

    def _send(self, worker: Process, kind: str, **fields: object) -> bool:
        """Sends without waiting: bytes that the worker does not read now are sent while `wait` listens."""
        heard = worker.send(kind, **fields)
        self._push_later(worker)
        return heard

    def _push_later(self, worker: Process) -> None:
        if worker.outbox.waiting and worker.outbox.file not in self._selector.get_map():
            self._selector.register(worker.outbox.file, selectors.EVENT_WRITE, (worker, self._push))

    def _ignore(self, file: int) -> None:
        if file in self._selector.get_map():
            self._selector.unregister(file)

    def _handle(self, worker: Process, message: Message) -> None:
        """Raises ValueError where a message comes out of order, which only a candidate can have sent."""
        worker.alive_at = time.monotonic()
        kind = message["kind"]
        if kind not in self._expected(worker):
            raise ValueError(f"'{kind}' out of its order")
        match kind:
            case "born":
                worker.born(message["process"])
                if self._measuring:
                    worker.signal(signal.SIGSTOP)
            case "ready":
                worker.ready()
            case "started":
                self._failed_starts = 0
                worker.started = worker.alive_at
            case "progress":
                self._progress(message["label"], message["epoch"], message["epochs"], message["metrics"])
            case "measure":
                self._measuring.append(worker)
                if len(self._measuring) == 1:
                    self._let_measure()
            case "measured":
                self._end_measuring(worker)
            case "result":
                self._take_result(worker, read_result(message["result"]), message["worn"])
            case "disk":
                worker.rest()
                raise OSError(message["errno"], message["reason"], message["file"])
            case "broken":
                raise NasError(f"a worker process cannot start: {message['reason']}")

    def _expected(self, worker: Process) -> tuple[str, ...]:
        """The messages that a worker may send now."""
        if not worker.was_ready:
            return ("born", "ready", "broken")
        if worker.job is None:
            return ()
        if worker.started is None:
            return ("started",)
        if worker not in self._measuring:
            return ("beat", "progress", "measure", "result", "disk")
        return ("measured",) if worker is self._measuring[0] else ()

    def _take_result(self, worker: Process, result: JobResult, worn: bool) -> None:
        """Raises ValueError where the result belongs to another job."""
        assert worker.job is not None
        if (result.number, result.rung) != (worker.job.number, worker.job.rung):
            raise ValueError(f"a result of job {result.number}")
        self._results.append(result)
        worker.rest()
        if worn or self._is_full(worker):
            self._replace(worker)

    def _is_full(self, worker: Process) -> bool:
        """Earlier jobs left more than half of a job's memory limit occupied, so that the next might exceed it."""
        limit, idle = self._limits.memory, worker.idle_memory
        used = private_memory(worker.id) if limit is not None else None
        if limit is None or idle is None or used is None:
            return False
        return used - idle > (limit - idle) / 2

    # Measuring, while all other workers are stopped -----------------------------------------------------------------

    def _let_measure(self) -> None:
        self._stopped_at = time.monotonic()
        for other in self._workers:
            if other is not self._measuring[0]:
                other.signal(signal.SIGSTOP)
        self._send(self._measuring[0], "go")

    def _end_measuring(self, worker: Process) -> None:
        first = self._measuring[0] is worker
        self._measuring.remove(worker)
        if not first:
            return
        stood_still = time.monotonic() - self._stopped_at
        for other in self._workers:
            if other is not worker:
                other.shift(stood_still)
                other.signal(signal.SIGCONT)
        if self._measuring:
            self._let_measure()

    # Limits and deaths ----------------------------------------------------------------------------------------------

    def _enforce(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            reason = self._over_limit(worker, now) or self._does_not_answer(worker, now)
            if reason or worker.is_dead:
                self._died(worker, reason)

    def _does_not_answer(self, worker: Process, now: float) -> str:
        """A sentence where the worker has not answered in time, else an empty string."""
        if worker.is_dead or (self._measuring and worker is not self._measuring[0]):
            return ""
        if worker.deaf_at is not None and now - worker.deaf_at > DEAF_FOR:
            return "stopped: its process closed the pipe through which it reports to nas"
        if not worker.was_ready and now - worker.alive_at > READY_WITHIN:
            return f"a worker process was not ready after {READY_WITHIN:g} s"
        waits = worker.was_ready and worker.job is not None and worker.started is None
        return f"it took up no job for {TAKEN_WITHIN:g} s" if waits and now - worker.alive_at > TAKEN_WITHIN else ""

    def _over_limit(self, worker: Process, now: float) -> str:
        limits = self._limits
        if worker.job is None or worker.started is None or (self._measuring and worker is not self._measuring[0]):
            return ""
        if limits.time is not None and now - worker.started > limits.time:
            return f"stopped after {now - worker.started:.0f} s: search.limits.time is {limits.time:g} s"
        if limits.stall is not None and now - worker.alive_at > limits.stall:
            return f"stopped: no training step ended for {limits.stall:g} s (search.limits.stall)"
        used = private_memory(worker.id) if limits.memory is not None else None
        if used is not None and limits.memory is not None and used > limits.memory:
            return f"stopped: it took {in_bytes(used)} of memory, and a trial may take {in_bytes(limits.memory)}"
        return ""

    def _died(self, worker: Process, reason: str = "") -> None:
        """The worker is dead or dying: its job has failed, and another worker takes its place."""
        job, seconds = worker.job, worker.seconds()
        worker.kill()
        reason = reason or worker.epitaph()
        if not worker.was_ready or (job is not None and worker.started is None):
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise NasError(f"worker processes cannot start: {reason}")
        if worker in self._measuring:
            self._end_measuring(worker)
        self._replace(worker, again=None if worker.started is not None else job)
        if job is not None and worker.started is not None:
            self._results.append(JobResult(job.number, job.rung, "failed", {}, reason, seconds))

    def _replace(self, worker: Process, again: Job | None = None) -> Process:
        self._let_go(worker)
        new = self._workers[self._workers.index(worker)] = self._start(worker.index)
        if again is not None:
            self._give(new, again)
        return new

    def _give(self, worker: Process, job: Job) -> bool:
        accepted = worker.give(job)
        self._push_later(worker)
        return accepted

    def _start(self, index: int) -> Process:
        assert self._session.shared is not None
        worker = Process(index, self._session.shared.file)
        self._selector.register(worker.inbox.file, selectors.EVENT_READ, (worker, self._read))
        self._selector.register(worker.printed.file, selectors.EVENT_READ, (worker, self._read_printed))
        self._send(
            worker,
            "open",
            session=self._session.description(),
            device=str(worker_device(self._session.placement.device, index)),
            plugins=self._plugins,
        )
        return worker

    def _let_go(self, worker: Process) -> None:
        for file in (worker.inbox.file, worker.outbox.file, worker.printed.file):
            self._ignore(file)
        worker.close()
