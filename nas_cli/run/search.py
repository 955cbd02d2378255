"""`nas search` from start to end: a new run or one that goes on, the search, the final phase, the best on disk."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import nas_cli
from nas_cli.data import Cache
from nas_cli.errors import DataError, NasError, RunError, SpecError
from nas_cli.execute.executor import Executor, Limits
from nas_cli.execute.hardware import available_memory, count_workers
from nas_cli.execute.inprocess import InProcess
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.files import write_text
from nas_cli.model.latency import device_name
from nas_cli.record.directory import CACHE, RunDirectory, create_run, open_run
from nas_cli.record.journal import Journal
from nas_cli.record.trust import digests_of, distrust, trust
from nas_cli.run.compose import Experiment, compose, suited, written_out
from nas_cli.run.controller import Controller
from nas_cli.run.estimate import Estimator
from nas_cli.run.final import Candidate, Final, candidates
from nas_cli.run.keep import Keeper, what_is_kept, write_front
from nas_cli.run.more import asks_for_more, finished, more_search, spec_of
from nas_cli.run.observer import Observer, Silent
from nas_cli.run.preflight import try_plugins
from nas_cli.run.screen import screen_baselines
from nas_cli.run.selection import select, warned
from nas_cli.spec.load import Document, load_document, overridden
from nas_cli.train.checkpoint import DISK_FULL
from nas_cli.words import shell

RESUMABLE = ("search.stop.", "search.limits.", "search.failures.", "final.", "hardware.")
OTHER_DATA = (
    "the data is not what this run was on before: its files were changed, or another version of a library reads them "
    "otherwise. Earlier trials were measured on other data; 'nas search' on the run's spec.yaml starts anew"
)
MEMORY_SHARE = 0.9
"""Of the memory that is free at the start, what all trials together may take."""


@dataclass(frozen=True)
class Outcome:
    """A run that ended: its directory, why its search stopped, and whether it was over already, so that nothing was
    done.
    """

    run: RunDirectory
    stopped: str
    was_over: bool = False


def start_search(
    spec: Path | Document, out: Path = Path("runs"), overrides: Sequence[str] = (), observer: Observer | None = None
) -> Outcome:
    """Runs the search that `spec` describes, a file or what was read of one, in a new directory under `out`.

    Raises UserError where the spec or the data is wrong (nothing is written then), NasError where nothing trains.
    """
    observer = observer or Silent()
    document = overridden(spec, overrides) if isinstance(spec, Document) else load_document(spec, overrides)
    experiment = compose(document)
    plugins = digests_of(experiment.spec.plugins)
    with open_session(experiment, Cache(out / CACHE, observer.note)) as session:
        try_plugins(experiment, session)
        experiment = screen_baselines(document, suited(experiment, undefined_here(session)), session)
        files = {
            "spec.yaml": written_out(experiment, chosen_hardware(experiment, session)),
            "environment.json": json.dumps(environment(experiment, session), indent=2) + "\n",
        }
        run = create_run(out, experiment.spec.name, files)
        with run.lock(), _pausing(run), Journal(run.journal) as journal:
            began = {"version": nas_cli.__version__, "run": str(run.path), "data": session.digest()}
            observer.event(journal.append("run_started", **began))
            hindered = trust(run, plugins)
            if hindered is not None:
                observer.note(hindered)
            return _search_and_train(experiment, session, run, journal, observer)


def resume_search(
    path: Path | None,
    overrides: Sequence[str] = (),
    observer: Observer | None = None,
    plugins: bool = False,
    root: Path = Path("runs"),
) -> Outcome:
    """Goes on where the run at `path` (None: the latest) stopped.

    `overrides` may change when the search stops, what a trial may take, the final phase and the hardware: more trials
    for a search that is over, say. A run that is finished stays as it is, unless they ask for more. Raises RunError
    where the run is damaged or in use, SpecError where an override is not allowed.
    """
    run = open_run(path, root)
    for override in overrides:
        if not override.startswith(RESUMABLE):
            raise SpecError(
                f"--set {override}: a run that has begun keeps its spec; only {', '.join(RESUMABLE)} may change"
            )
    over = finished(run)
    if over is not None and not asks_for_more(run, over, overrides):
        if any(folder.exists() for folder in _passing(run)):
            with run.lock():
                _clear(run)
        return Outcome(run, over.stopped, was_over=True)
    # A damaged journal is answered before the data is read.
    with run.lock(), _pausing(run), Journal(run.journal) as journal:
        document = load_document(run.spec, overrides)
        experiment = compose(document, None if plugins else distrust(run, document.data.get("plugins")))
        observer = observer or Silent()
        more = more_search(journal.recorded, spec_of(run), experiment.spec)
        with open_session(experiment, Cache(run.path.parent / CACHE, observer.note)) as session:
            try_plugins(experiment, session)
            experiment = suited(experiment, undefined_here(session))
            if overrides:
                write_text(run.spec, written_out(experiment, chosen_hardware(experiment, session)))
            data = session.digest()
            if journal.recorded.data not in (None, data):
                observer.note(OTHER_DATA)
            again = {"version": nas_cli.__version__, "run": str(run.path), "data": data}
            resumed = journal.append("resumed", **again, set=list(overrides), more=more)
            journal.recorded.fold(resumed)
            observer.event(resumed)
            try:
                return _search_and_train(experiment, session, run, journal, observer)
            except SpecError as error:  # the spec itself was right: a trial takes what its space does not have
                raise RunError(f"{run.journal} does not fit {run.spec.name}: {error}") from None


def _passing(run: RunDirectory) -> tuple[Path, ...]:
    """What a run that is over has no use for. A kill may have come before it was removed."""
    return run.path / "trials", run.path / "final"


def _clear(run: RunDirectory) -> None:
    for folder in _passing(run):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_session(experiment: Experiment, cache: Cache | None = None) -> Iterator[Session]:
    """The data and the device, ready to train.

    Raises DataError, also where the validation part cannot say how good a network is by the objective.
    """
    hardware = experiment.spec.hardware
    session = Session.open(
        task=experiment.spec.task,
        data=experiment.data,
        seed=experiment.spec.seed,
        device=hardware.device,
        precision=hardware.precision,
        layout=hardware.layout,
        threads=hardware.threads,
        latency=(hardware.latency.batch_size, hardware.latency.threads),
        cache=cache,
    )
    try:
        _require_defined(experiment, session)
        yield session
    finally:
        session.close()


def _require_defined(experiment: Experiment, session: Session) -> None:
    """Without this every trial would train, and fail for want of its score."""
    undefined = undefined_here(session)
    for name in sorted(suited(experiment, undefined).objective.names & set(undefined)):
        raise DataError(
            f"the objective {name} has no value on the validation part: {undefined[name]}. Another metric takes its "
            "place, or other validation data (data.validation: 0.2, say)"
        )


def undefined_here(session: Session) -> Mapping[str, str]:
    """The metrics that the validation part gives no value, and why."""
    return session.task.undefined(session.data.validation_targets, session.labels)


def chosen_hardware(experiment: Experiment, session: Session) -> dict[str, Any]:
    """What `auto` came to here. It stays with the run, since other choices may give other results."""
    return {
        "device": session.device.type,
        "workers": count_workers(experiment.spec.hardware.workers, session.device),
        "precision": session.precision.format,
        "layout": "channels-last" if session.precision.channels_last else "channels-first",
    }


def hardware_sentence(experiment: Experiment, session: Session) -> str:
    """Where a search trains and how, and whether that was found by timing."""
    workers = count_workers(experiment.spec.hardware.workers, session.device)
    who = "this process trains" if workers == 0 else f"{workers} worker{'s' if workers > 1 else ''}"
    threads = (
        f", {session.threads} thread{'s' if session.threads > 1 else ''} each" if session.device.type == "cpu" else ""
    )
    timed = ", the fastest here by timing" if session.reasons.get("chosen_by") == "timing" else ""
    return f"{who} on {device_name(session.device)}{threads}; {session.precision}{timed}"


@contextmanager
def open_executor(
    experiment: Experiment, session: Session, observer: Observer, limits: Limits | None = None
) -> Iterator[Executor]:
    """Where candidates are trained; nothing of it is left afterwards, however the search ends."""
    workers = count_workers(experiment.spec.hardware.workers, session.device)
    executor: Executor
    if workers == 0:
        executor = InProcess(session.here(), observer.progress)
    else:
        executor = Processes(session, workers, limits, experiment.spec.plugins, observer.progress)
    try:
        yield executor
    finally:
        executor.close()


def find_limits(experiment: Experiment, session: Session) -> Limits:
    """What a trial may take; `memory: auto` is a worker's share of what is free now."""
    wanted = experiment.spec.search.limits
    workers = max(1, count_workers(experiment.spec.hardware.workers, session.device))
    memory = wanted.memory
    if memory == "auto":
        free = available_memory()
        return Limits(wanted.time, wanted.stall, int(MEMORY_SHARE * free / workers) if free else None)
    return Limits(wanted.time, wanted.stall, memory)


@contextmanager
def _pausing(run: RunDirectory) -> Iterator[None]:
    """What cannot be written ends the search with a sentence, and what is written stays good."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # who reads our output has gone: no fault of the run's files
        full = error.errno in DISK_FULL
        what = "the disk is full" if full else f"{error.strerror or error}"
        where = f" ({error.filename})" if error.filename and not full else ""
        command = shell("nas", "search", "--resume", run.path)
        raise NasError(
            f"{what}{where}: {run.path} cannot be written. Nothing that was recorded is lost: "
            f"{'free some space' if full else 'mend that'}, then go on with: {command}"
        ) from error


def _search_and_train(
    experiment: Experiment, session: Session, run: RunDirectory, journal: Journal, observer: Observer
) -> Outcome:
    for note in (*experiment.notes, *session.notes, hardware_sentence(experiment, session)):
        observer.note(note)
    limits = find_limits(experiment, session)
    with open_executor(experiment, session, observer, limits) as executor:
        estimator = Estimator(experiment, session, journal, limits.memory if session.device.type == "cpu" else None)
        controller = Controller(experiment, run, journal, executor, observer, estimator, estimator.learn)
        ended = sum(1 for trial in controller.history.trained() if trial.rungs or trial.status == "failed")
        if ended:
            observer.note(f"the search goes on: {ended:,} trial{'s' if ended > 1 else ''} known")
        stopped, final_events = journal.recorded.stopped, journal.recorded.after
        if not stopped:
            stopped, final_events = controller.search(), []
        if experiment.objective.several:
            write_front(experiment, run, controller.front)
        chosen = candidates(experiment, controller.history, controller.front, controller.cut_short)
        if controller.cut_short:
            observer.note(_cut_short(experiment, chosen))
        final = Final(experiment, run, journal, executor, observer, estimator)
        done = final.train(chosen, final_events)
        selection = select(done, experiment.objective.goals, experiment.proportion, session.validation_size)
        selection = warned(selection, experiment.objective)
        kept = what_is_kept(selection, done)
        final.restore(chosen, kept.values())
    Keeper(experiment, session, run, {candidate.name: candidate for candidate in chosen}).keep(kept, selection.verdict)
    if experiment.objective.several:
        write_front(experiment, run, controller.front, selection)
    selected = selection.as_event()
    if not any(event["event"] == "final_selected" and event.items() >= selected.items() for event in final_events):
        observer.event(journal.append("final_selected", **selected))
    # The weights of final trainings go last: until the run is over, whatever happens, none is trained again.
    observer.event(journal.append("run_finished", final=experiment.spec.final.model_dump()))
    _clear(run)
    return Outcome(run, stopped)


def _cut_short(experiment: Experiment, chosen: Sequence[Candidate]) -> str:
    epochs = chosen[0].train["epochs"]
    final = "final.epochs as given" if experiment.spec.final.epochs else "as far as the best of them came"
    return (
        "no training had ended when the search time was over: those under way were cut short, and count as they were. "
        f"Final trainings take {epochs} epoch{'s' if epochs > 1 else ''}, {final}. More time (search.stop.time), fewer "
        "epochs (train.epochs) or a schedule that stops weak candidates early (search.schedule: asha) serves better"
    )


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
        "notes": list(session.notes),
    }
