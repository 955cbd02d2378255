"""Jobs in local worker processes, which are started once and kept. Whatever a candidate does ends its job only."""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from nas_cli.errors import NasError
from nas_cli.execute.executor import Job, JobResult, Limits
from nas_cli.execute.hardware import private_memory, worker_device
from nas_cli.execute.process import Process
from nas_cli.execute.session import Session
from nas_cli.execute.worker import Progress

TICK = 0.1
"""Seconds between looks at the limits."""
STARTS = 3
"""Workers in a row that may die before they are ready."""


class Processes:
    """`workers` processes that share the data of `session`; each trains on `session.threads` threads.

    A worker that dies, or that is stopped since its job is over a limit, gives a failed result and is replaced. While
    one measures, the others stand still. Raises NasError where workers cannot start at all.
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
        """Who measures, and who waits for that."""
        self._stopped_at = 0.0
        self._failed_starts = 0
        self._selector = selectors.DefaultSelector()
        self._workers = [self._start(index) for index in range(workers)]

    def submit(self, job: Job) -> None:
        worker = next(w for w in self._workers if w.job is None)
        if not worker.give(job):  # it died while it had nothing to do
            worker = self._replace(worker)
            worker.give(job)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        until = None if timeout is None else time.monotonic() + timeout
        while not self._results:
            if until is not None and time.monotonic() >= until:
                return None
            self._listen(TICK if until is None else min(TICK, max(0.0, until - time.monotonic())))
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
            worker: Process = key.data
            messages, ended = worker.read()
            for message in messages:
                self._handle(worker, message)
            if ended:
                self._died(worker)

    def _handle(self, worker: Process, message: Mapping[str, Any]) -> None:
        worker.alive_at = time.monotonic()
        match message["kind"]:
            case "ready":
                self._failed_starts = 0
            case "started":
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
                self._results.append(JobResult(**message["result"]))
                worker.rest()
            case "disk_full":
                worker.rest()
                raise OSError(message["errno"], message["reason"])
            case "broken":
                raise NasError(f"a worker process cannot start: {message['reason']}")

    # Measuring, with nobody else at work ----------------------------------------------------------------------------

    def _let_measure(self) -> None:
        self._stopped_at = time.monotonic()
        for other in self._workers:
            if other is not self._measuring[0]:
                other.signal(signal.SIGSTOP)
        self._measuring[0].send("go")

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
            reason = self._over_limit(worker, now)
            if reason or worker.is_dead:
                self._died(worker, reason)

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
            return f"stopped: it took {_size(used)} of memory, and a trial may take {_size(limits.memory)}"
        return ""

    def _died(self, worker: Process, reason: str = "") -> None:
        """The worker is dead or dying: its job has failed, and another worker takes its place."""
        job, seconds = worker.job, worker.seconds()
        worker.kill()
        reason = reason or worker.epitaph()
        if not worker.was_ready:
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
            new.give(again)
        return new

    def _start(self, index: int) -> Process:
        assert self._session.shared is not None
        worker = Process(index, self._session.shared.file)
        worker.send(
            "open",
            session=self._session.description(),
            device=str(worker_device(self._session.device, index)),
            plugins=self._plugins,
        )
        self._selector.register(worker.inbox, selectors.EVENT_READ, worker)
        return worker

    def _let_go(self, worker: Process) -> None:
        self._selector.unregister(worker.inbox)
        worker.close()


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
