"""Jobs in this very process, one after another: crashes are not contained, and a debugger can step in."""

from __future__ import annotations

from collections import deque

from nas_cli.execute.executor import Job, JobResult
from nas_cli.execute.session import Session
from nas_cli.execute.state import ProcessState
from nas_cli.execute.worker import OnlyJob, Progress, run_job


class InProcess:
    """Runs a job when it is waited for. Exceptions of the candidate become results, and process-wide settings that it
    changed are restored; a crash of the process is not contained.
    """

    slots = 1

    def __init__(self, session: Session, progress: Progress = lambda *_: None) -> None:
        self._session = session
        self._watcher = OnlyJob(progress)
        self._waiting: deque[Job] = deque()

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def wait(self, timeout: float | None = None) -> JobResult | None:
        state = ProcessState.take()
        try:
            return run_job(self._waiting.popleft(), self._session, self._watcher)
        finally:
            state.put_back()  # settings that cannot be restored stay changed: there is no other process to go on in
            state.close()

    def cancel(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._waiting.clear()
