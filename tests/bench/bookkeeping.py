"""What the search itself costs beside the training: a trial's bookkeeping, a long journal, the memory of it.

The reference is a plain file: what it takes at least to write two lines a trial and fsync them.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from journals import made

from nas_cli.cli.console import view
from nas_cli.errors import Infeasible
from nas_cli.execute.executor import Job, JobResult
from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import TrialFinished
from nas_cli.record.journal import Journal
from nas_cli.record.watch import Watch
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.controller import Controller
from nas_cli.run.estimate import Estimate
from nas_cli.run.observer import Observer, Silent
from nas_cli.search import STRATEGIES
from nas_cli.space.edit import sample
from nas_cli.spec.load import parse_document
from nas_cli.trial import Trial

LONG = 100_000
SHORT, AROUND = 10_000, 100
SPEC: dict[str, Any] = {
    "name": "long",
    "task": "image-classification",
    "data": {"source": "digits"},
    "space": "cnn",
    "train": {"epochs": 1, "optimizer": {"sgd": {"lr": {"float": [0.01, 0.3], "log": True}}}},
    "hardware": {"workers": 1, "precision": "float32", "layout": "channels-first"},
}


class Instant:
    """Trains nothing: a job's result is there at once, an accuracy drawn from its number."""

    slots = 1

    def __init__(self) -> None:
        self._job: Job | None = None

    def submit(self, job: Job) -> None:
        self._job = job

    def wait(self, timeout: float | None = None) -> JobResult | None:
        job, self._job = self._job, None
        assert job is not None
        accuracy = float(np.random.default_rng(job.number).random())
        return JobResult(job.number, job.rung, "finished", {**job.costs, **measured(accuracy)}, "", 0.0)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def measured(accuracy: float) -> dict[str, float]:
    return {"loss": 1 - accuracy, "accuracy": accuracy, "macro_f1": accuracy, "top5_accuracy": accuracy, "epochs": 1.0}


def costs(_: object) -> Estimate:
    return Estimate({"params": 12345.0, "macs": 2345678.0, "activation_mb": 0.5})


def experiment_of(strategy: str, trials: int) -> Experiment:
    search = {"strategy": strategy, "stop": {"trials": trials}}
    return compose(parse_document(yaml.safe_dump({**SPEC, "search": search}), "long.yaml"))


def controller(
    folder: Path, journal: Journal, strategy: str, trials: int, observer: Observer | None = None
) -> Controller:
    observer = observer or Silent()
    return Controller(experiment_of(strategy, trials), RunDirectory(folder), journal, Instant(), observer, costs)


def milliseconds_a_trial(strategy: str) -> dict[int, float]:
    """What a trial takes on average, asked, screened, journaled and told, around the 1,000th and the 10,000th."""
    with tempfile.TemporaryDirectory(dir=".") as name, Journal(Path(name) / "journal.jsonl") as journal:
        search = controller(Path(name), journal, strategy, SHORT + AROUND)
        search.search()
        events = [event for event in journal.replay() if isinstance(event, TrialFinished)]
    times = [event.time for event in events]
    found = {}
    for at in (SHORT // 10, SHORT):
        near = times[at - AROUND : at + AROUND]
        found[at] = 1e3 * (near[-1] - near[0]) / (len(near) - 1)
    return found


def fsync_milliseconds(writes: int = 2) -> float:
    """What a trial's two lines take at least: each written and fsynced to the same disk."""
    line = b"x" * 600 + b"\n"
    seconds = []
    with tempfile.TemporaryFile(dir=".", buffering=0) as file:
        for _ in range(200):
            began = time.perf_counter()
            for _ in range(writes):
                file.write(line)
                os.fsync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return 1e3 * statistics.median(seconds)


def write_long_journal(folder: Path, trials: int) -> None:
    """The run directory of a search of so many trials, as `nas` writes it but for fsync."""
    experiment = experiment_of("evolution", trials + 1)
    (folder / "spec.yaml").write_text(yaml.safe_dump({**SPEC, "search": {"stop": {"trials": trials + 1}}}))
    rng = np.random.default_rng(0)
    numbers = itertools.count()
    began = time.time() - trials

    def line(event: str, seconds: int, **fields: Any) -> str:
        record = {"event": event, "time": round(began + seconds, 3), "sequence": next(numbers), **fields}
        return json.dumps(record, separators=(",", ":")) + "\n"

    with (folder / "journal.jsonl").open("w") as file:
        file.write(line("run_started", 0, version="0", run=str(folder)))
        number = 0
        while number < trials:
            try:
                genotype = sample(experiment.space, rng)
            except Infeasible:
                continue
            accuracy = round(float(rng.random()), 6)
            measurement = {**costs(None).counted, **measured(accuracy), "seconds": 1.0, "training_seconds": 0.9}
            proposal = {"number": number, "genotype": dict(genotype), "network": f"{number:024x}", "rung": 0}
            result = {"measurement": measurement, "reward": accuracy, "last": True, "feasible": True}
            file.write(line("trial_started", number, **proposal))
            file.write(line("trial_finished", number, number=number, rung=0, **result))
            number += 1


def resume(folder: str) -> None:
    """In a process of its own, its events shown as `nas search` does: prints the seconds until one more trial was
    trained, and the peak memory in MB."""
    began = time.perf_counter()
    with (
        Journal(Path(folder) / "journal.jsonl") as journal,
        view(Watch(), stderr=True) as observer,
    ):
        observer.event(journal.append(made("resumed", version="0", run=folder)))
        search = controller(Path(folder), journal, "evolution", LONG + 1, observer)
        search.search()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([time.perf_counter() - began, peak]))


def growth(trials: int = 2000) -> list[float]:
    """Memory of the main process in MB, after a tenth, a half and all of a search of so many trials, costs counted."""
    from nas_cli.run.estimate import Estimator
    from nas_cli.run.search import open_session

    experiment = experiment_of("evolution", trials)
    sizes = []
    with (
        tempfile.TemporaryDirectory() as name,
        Journal(Path(name) / "journal.jsonl") as journal,
        open_session(experiment) as session,
    ):

        class Watched(Instant):
            def submit(self, job: Job) -> None:
                super().submit(job)
                if job.number in (trials // 10, trials // 2):
                    sizes.append(resident_mb())

        estimator = Estimator(experiment, session, journal)
        folder = RunDirectory(Path(name))
        Controller(experiment, folder, journal, Watched(), Silent(), estimator, estimator.learn).search()
        sizes.append(resident_mb())
    return sizes


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def strategy_milliseconds(name: str, after: int) -> float:
    """What one ask and one tell of a strategy take together when it was told of so many trials: median of 40."""
    space = experiment_of("random", 1).space
    strategy = STRATEGIES[name](space, 0, **STRATEGIES.parse(name)[1])
    rng = np.random.default_rng(0)
    times = []
    for number in range(after + 40):
        began = time.perf_counter()
        genotype = strategy.ask(number)
        reward = float(rng.random())
        strategy.tell(Trial(number, genotype, "finished", reward=reward, rungs=((0, {}, reward),)))
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times[after:])


def rows() -> Iterator[tuple[str, str, str]]:
    slow = {"reinforce": 500, "optuna": 200}  # they fit a model to all that they were told
    for name in STRATEGIES:
        if name != "grid":  # it enumerates a space, which must be small
            after = slow.get(name, SHORT)
            early, late = strategy_milliseconds(name, after // 10), strategy_milliseconds(name, after)
            yield f"ask and tell, {name}", f"{early:.2f} ms at trial {after // 10:,}, {late:.2f} at {after:,}", "flat"
    floor = fsync_milliseconds()
    for strategy in ("random", "evolution"):
        found = milliseconds_a_trial(strategy)
        text = ", ".join(f"{ms:.2f} ms at trial {at:,}" for at, ms in found.items())
        yield f"ask, screen, tell and journal, {strategy}", f"{text} (two fsyncs alone: {floor:.2f} ms)", "2 ms, flat"
    sizes = ", ".join(f"{size:.0f}" for size in growth())
    yield "memory of the main process over 2,000 trials", f"{sizes} MB after 200, 1,000 and 2,000", "flat"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "long-20260101-000000"
        folder.mkdir()
        write_long_journal(folder, LONG)
        shown = [_show(folder) for _ in range(5)]
        code = f"from bench.bookkeeping import resume; resume({str(folder)!r})"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        seconds, memory = json.loads(done.stdout)
    yield f"resume of {LONG:,} trials", f"{seconds:.1f} s, {memory:.0f} MB at most, torch included", "10 s, 500 MB"
    yield f"`nas show run` of {LONG:,} trials", f"{statistics.median(shown):.1f} s", "3 s"


def _show(folder: Path) -> float:
    code = "from nas_cli.cli.app import main; main()"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, "show", "run", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
