"""`nas search` from start to end: a new run or one that goes on, the search, the final phase, the best on disk."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nas_cli
from nas_cli.errors import NasError, RunError, SpecError
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.session import Session
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.controller import SEARCHING, Controller
from nas_cli.run.directory import RunDirectory, create_run, dump_yaml, open_run, read_json, write_json, write_text
from nas_cli.run.final import Candidate, Final, Selection, candidates, select
from nas_cli.run.journal import Event, Journal, read_journal
from nas_cli.run.observer import Observer, Silent
from nas_cli.spec.load import load_document
from nas_cli.train.checkpoint import DISK_FULL
from nas_cli.train.precision import Precision

RESUMABLE = ("search.stop.", "final.")


@dataclass(frozen=True)
class Outcome:
    """A run that ended: its directory, why its search stopped, and the selection."""

    run: RunDirectory
    stopped: str
    selection: Selection


def start_search(
    spec: Path, out: Path = Path("runs"), overrides: Sequence[str] = (), observer: Observer | None = None
) -> Outcome:
    """Runs the search that the file `spec` describes, in a new directory under `out`.

    Raises UserError where the spec or the data is wrong (nothing is written then), NasError where nothing trains.
    """
    experiment = compose(load_document(spec, overrides))
    session = open_session(experiment)
    files = {
        "spec.yaml": experiment.text,
        "environment.json": json.dumps(environment(experiment, session), indent=2) + "\n",
    }
    run = create_run(out, experiment.spec.name, files)
    observer = observer or Silent()
    with run.lock(), Journal(run.journal) as journal:
        observer.event(journal.append("run_started", version=nas_cli.__version__, run=str(run.path)))
        return _go(experiment, session, run, journal, observer)


def resume_search(
    path: Path | None,
    overrides: Sequence[str] = (),
    observer: Observer | None = None,
    plugins: bool = False,
    root: Path = Path("runs"),
) -> Outcome:
    """Goes on where the run at `path` (None: the latest) stopped.

    `overrides` may change `search.stop` and `final`: more trials for a search that is over, say. Raises RunError where
    the run is damaged or in use, SpecError where an override is not allowed.
    """
    run = open_run(path, root)
    for override in overrides:
        if not override.startswith(RESUMABLE):
            raise SpecError(
                f"--set {override}: a run that has begun keeps its spec; only search.stop and final may change"
            )
    with run.lock():
        read_journal(run.journal)  # a damaged journal is answered before the data is read
        experiment = compose(load_document(run.spec, overrides), plugins)
        session = open_session(experiment, _chosen_before(run))
        observer = observer or Silent()
        with Journal(run.journal) as journal:
            if overrides:
                write_text(run.spec, experiment.text)
            resumed = journal.append("resumed", version=nas_cli.__version__, run=str(run.path), set=list(overrides))
            journal.events.append(resumed)
            observer.event(resumed)
            return _go(experiment, session, run, journal, observer)


def open_session(experiment: Experiment, chosen: tuple[Precision, int] | None = None) -> Session:
    """The data and the device, ready to train; `chosen` is what an earlier start of the run found fastest.

    Raises DataError.
    """
    hardware = experiment.spec.hardware
    return Session.open(
        task=experiment.spec.task,
        data=experiment.data,
        seed=experiment.spec.seed,
        device=hardware.device,
        precision=chosen[0] if chosen else hardware.precision,
        threads=chosen[1] if chosen else hardware.threads,
        latency=(hardware.latency.batch_size, hardware.latency.threads),
    )


def _chosen_before(run: RunDirectory) -> tuple[Precision, int]:
    """Precision and threads that the run began with.

    A choice by timing may come out otherwise today, and then the same trials would not follow.
    """
    try:
        stored = read_json(run.environment)
        precision = stored["precision"]
        return Precision(precision["format"], bool(precision["channels_last"])), int(stored["threads"])
    except (KeyError, TypeError):
        raise RunError(f"{run.environment} is damaged: it does not say which precision the run began with") from None


def _go(experiment: Experiment, session: Session, run: RunDirectory, journal: Journal, observer: Observer) -> Outcome:
    try:
        return _search_and_train(experiment, session, run, journal, observer)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise NasError(
            f"the disk is full: {run.path} cannot be written. Nothing that was recorded is lost: "
            f"free some space, then go on with 'nas search --resume {run.path}'"
        ) from error


def _search_and_train(
    experiment: Experiment, session: Session, run: RunDirectory, journal: Journal, observer: Observer
) -> Outcome:
    for note in experiment.notes:
        observer.note(note)
    executor = InProcess(session, observer.progress)
    try:
        controller = Controller(experiment, run, journal, executor, observer, session.costs)
        stopped, final_events = _after_search(journal.events)
        if not stopped:
            stopped = controller.search()
        chosen = candidates(experiment, controller.history)
        done = Final(experiment, run, journal, executor, observer).train(chosen, final_events)
    finally:
        executor.close()
    metric, samples = _proportion(experiment, session)
    selection = select(done, metric, samples, experiment.objective.shown)
    keep_best(experiment, session, run, chosen, selection)
    observer.event(journal.append("final_selected", **selection.as_event()))
    for folder in ("trials", "final"):
        shutil.rmtree(run.path / folder, ignore_errors=True)
    observer.event(journal.append("run_finished"))
    return Outcome(run, stopped, selection)


def _after_search(events: Sequence[Event]) -> tuple[str, list[Event]]:
    """Why the search stopped and the events since; ("", []) where it is not over, or was given more since."""
    last = max((i for i, event in enumerate(events) if event["event"] == "search_finished"), default=None)
    if last is None:
        return "", []
    after = list(events[last + 1 :])
    given_more = any(key.startswith("search.stop") for event in after for key in event.get("set", ()))
    if given_more or any(event["event"] in SEARCHING for event in after):
        return "", []
    return str(events[last]["reason"]), after


def _proportion(experiment: Experiment, session: Session) -> tuple[str | None, int]:
    """The metric that the reward is, where it is a proportion of the validation examples, and how many there are."""
    objective = experiment.objective
    name = objective.expression.text.strip()
    is_proportion = objective.goal == "maximize" and name in experiment.task.proportions
    return (name if is_proportion else None), session.validation_size


def keep_best(
    experiment: Experiment, session: Session, run: RunDirectory, chosen: list[Candidate], selection: Selection
) -> None:
    """Writes best/: the architecture, the weights and the validation measurement of the winner. Whole or not at all."""
    winner = selection.winner
    candidate = next(c for c in chosen if c.name == winner.candidate)
    weights = run.final_weights(winner.candidate, winner.seed)
    if not weights.exists():
        raise RunError(
            f"{weights} is missing: the winner's weights were deleted; 'nas search --resume' trains it again"
        )
    building = run.path / ".best.tmp"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    new = RunDirectory(run.path)
    content = {
        "format": 1,
        "name": experiment.spec.name,
        "task": experiment.spec.task,
        "labels": list(session.labels),
        "input": {"shape": list(session.input_shape), "dtype": "uint8"},
        "model": candidate.architecture,
        "train": dict(candidate.train),
    }
    write_text(building / new.architecture.name, dump_yaml(content))
    metrics = {name: winner.measurement[name] for name in experiment.task.metrics if name in winner.measurement}
    others = {name: value for name, value in winner.measurement.items() if name not in metrics}
    summary = {
        "candidate": winner.candidate,
        "seed": winner.seed,
        "reward": winner.reward,
        "objective": experiment.objective.describe(),
        "validation": metrics,
        **others,
        "verdict": selection.verdict,
    }
    write_json(building / new.metrics.name, summary)
    shutil.copyfile(weights, building / new.weights.name)
    shutil.rmtree(run.best, ignore_errors=True)
    building.rename(run.best)


def environment(experiment: Experiment, session: Session) -> dict[str, Any]:
    """Where and with what a run ran, for its report and for whoever repeats it."""
    packages = {}
    for package in ("torch", "numpy", "scikit-learn", "onnx", "onnxruntime"):
        packages[package] = metadata.version(package)
    return {
        "nas": nas_cli.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": packages,
        "seed": experiment.spec.seed,
        **session.describe(),
    }
