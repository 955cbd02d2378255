"""`nas search` from start to end: a new or resumed run, the search, the final phase, the best network on disk."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

import nas_cli
from nas_cli.data import Cache
from nas_cli.errors import DataError, Infeasible, NasError, RunError, SpecError
from nas_cli.execute.session import Session
from nas_cli.figures import plural
from nas_cli.files import write_text
from nas_cli.model.program import Program
from nas_cli.record.directory import CACHE, RUNS, RunDirectory, create_run, open_run, require_root
from nas_cli.record.events import Resumed, RunFinished, RunStarted
from nas_cli.record.journal import Journal
from nas_cli.record.trust import digests_of, distrust, distrust_spec, trust
from nas_cli.run.compose import Experiment, compose, suited, written_out
from nas_cli.run.controller import Controller
from nas_cli.run.estimate import Estimator
from nas_cli.run.final.keep import Keeper, recover, what_is_kept, write_front
from nas_cli.run.final.selection import select, warned
from nas_cli.run.final.training import Candidate, Final, candidates
from nas_cli.run.hardware import environment, find_limits, open_executor
from nas_cli.run.more import asks_for_more, finished, more_search, spec_of
from nas_cli.run.observer import Observer, Silent
from nas_cli.run.preflight import require_weights, try_plugins
from nas_cli.run.screen import screen_baselines
from nas_cli.space.edit import replay, sample
from nas_cli.spec.load import Document, load_document, overridden
from nas_cli.task.problem import Problem
from nas_cli.train.checkpoint import DISK_FULL
from nas_cli.trial import History
from nas_cli.words import shell

RESUMABLE = ("search.stop.", "search.limits.", "search.failures.", "final.", "hardware.")
TIMED_DRAWS = 7
"""Candidates drawn where the precision is `auto`: the one of median cost is timed."""
OTHER_DATA = (
    "the data is not what this run was on before: its files were changed, or another version of a library reads them "
    "otherwise. Earlier trials were measured on other data; 'nas search' on the run's spec.yaml starts anew"
)


@dataclass(frozen=True)
class Outcome:
    """A run that ended: its directory and why its search stopped. `was_over`: it was over already, nothing was done."""

    run: RunDirectory
    stopped: str
    was_over: bool = False


def start_search(
    spec: Path | Document,
    out: Path = RUNS,
    overrides: Sequence[str] = (),
    observer: Observer | None = None,
    plugins: bool = False,
) -> Outcome:
    """Runs the search that `spec`, a file or the document read from one, describes, in a new directory under `out`.

    The plugins that a spec names are imported; for a spec in a run directory the rule of `resume_search` holds. Raises
    UserError where the spec, the data or `out` is wrong (nothing is written then), NasError where nothing trains.
    """
    observer = observer or Silent()
    if isinstance(spec, Document):
        document = overridden(spec, overrides)
        experiment = compose(document)
    else:
        document = load_document(spec, overrides)
        experiment = compose(document, None if plugins else distrust_spec(spec, document.data.get("plugins")))
    require_root(out)
    digests = digests_of(experiment.spec.plugins)
    with open_session(experiment, Cache(out / CACHE, observer.note)) as session:
        try_plugins(experiment, session)
        experiment = screen_baselines(document, suited(experiment, undefined_here(session)), session)
        files = {
            "spec.yaml": written_out(experiment, session.placement.chosen()),
            "environment.json": json.dumps(environment(experiment, session), indent=2) + "\n",
        }
        run = create_run(out, experiment.spec.name, files)
        with run.lock(), _pausing(run), Journal(run.journal) as journal:
            began = RunStarted(str(run.path), session.digest(), nas_cli.__version__)
            observer.event(replace(journal.append(began), run=str(run.path)))  # the path may be no UTF-8
            hindered = trust(run, digests)
            if hindered is not None:
                observer.note(hindered)
            return _search_and_train(experiment, session, run, journal, observer)


def resume_search(
    path: Path | None,
    overrides: Sequence[str] = (),
    observer: Observer | None = None,
    plugins: bool = False,
    root: Path = RUNS,
) -> Outcome:
    """Continues the run at `path` (None: the latest) where it stopped.

    `overrides` may change the stop conditions, the limits of a trial, the final phase and the hardware; for example,
    they may allow more trials. A finished run stays as it is, unless they ask for more. The run's plugins are imported
    where this user made the run with the same, unchanged files; others only if `plugins` is true. Raises RunError where
    the run is damaged or in use, SpecError where an override is not allowed.
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
    # A damaged journal is reported before the data is read.
    with run.lock(), Journal(run.journal) as journal:
        document = load_document(run.spec, overrides)
        experiment = compose(document, None if plugins else distrust(run, document.data.get("plugins")))
        observer = observer or Silent()
        more = more_search(journal.course, spec_of(run), experiment.spec)
        with open_session(experiment, Cache(run.path.parent / CACHE, observer.note)) as session, _pausing(run):
            try_plugins(experiment, session)
            experiment = suited(experiment, undefined_here(session))
            if overrides:
                write_text(run.spec, written_out(experiment, session.placement.chosen()))
            data = session.digest()
            if journal.course.data not in (None, data):
                observer.note(OTHER_DATA)
            again = Resumed(str(run.path), data, nas_cli.__version__, tuple(overrides), more)
            resumed = journal.append(again)
            journal.course.fold(resumed)
            observer.event(replace(resumed, run=str(run.path)))
            try:
                return _search_and_train(experiment, session, run, journal, observer)
            except SpecError as error:  # the spec is right: a trial's genotype is outside of its space
                raise RunError(f"{run.journal} does not fit {run.spec.name}: {error}") from None


def _passing(run: RunDirectory) -> tuple[Path, ...]:
    """Folders that a finished run does not need. A kill may have prevented their removal."""
    return run.path / "trials", run.path / "final"


def _clear(run: RunDirectory) -> None:
    for folder in _passing(run):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_session(experiment: Experiment, cache: Cache | None = None) -> Iterator[Session]:
    """The session of a run: its data and device, ready to train.

    Raises DataError, also where the validation split gives the objective no value.
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
        workers=hardware.workers,
        latency=(hardware.latency.batch_size, hardware.latency.threads),
        cache=cache,
        drawn=functools.partial(draw_programs, experiment),
    )
    try:
        _require_defined(experiment, session)
        require_weights(experiment, session)
        yield session
    finally:
        session.close()


def draw_programs(experiment: Experiment, problem: Problem) -> list[Program]:
    """A few random candidates that can be built, as examples of what is trained."""
    rng = np.random.default_rng([experiment.spec.seed, 6])
    programs = []
    for _ in range(TIMED_DRAWS):
        with suppress(Infeasible):
            programs.append(problem.plan(replay(experiment.space, sample(experiment.space, rng)).model))
    return programs


def _require_defined(experiment: Experiment, session: Session) -> None:
    """Raises DataError where the objective has no value on the validation split: every trial would train, then fail."""
    undefined = undefined_here(session)
    for name in sorted(suited(experiment, undefined).objective.names & set(undefined)):
        raise DataError(
            f"the objective {name} has no value on the validation part: {undefined[name]}. Another metric takes its "
            "place, or other validation data (data.validation: 0.2, say)"
        )


def undefined_here(session: Session) -> Mapping[str, str]:
    """The metrics without a value on the validation split, and why."""
    return session.problem.task.undefined(session.data.validation.targets, session.problem.labels)


@contextmanager
def _pausing(run: RunDirectory) -> Iterator[None]:
    """Turns an OSError into a NasError that says how to go on: all events recorded so far stay valid."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # the reader of our output has gone: no fault of the run's files
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
    for note in (*experiment.notes, *session.notes, str(session.placement)):
        observer.note(note)
    limits = find_limits(experiment, session)
    with open_executor(experiment, session, observer, limits) as executor:
        estimator = Estimator(experiment, session, journal, limits.memory if session.placement.on_cpu else None)
        controller = Controller(experiment, run, journal, executor, observer, estimator, estimator.learn)
        ended = _ended(controller.history)
        if ended:
            observer.note(f"the search goes on: {plural(ended, 'trial')} known")
        course = journal.course
        stopped, known, before = course.stopped, course.finals, course.selected
        if not stopped and controller.cut:
            observer.note(
                f"trials that were cut short when the search time was over before stay as they are: {controller.cut}"
            )
        if not stopped:
            stopped, known, before = controller.search(), [], None
        if experiment.objective.several:
            write_front(experiment, run, controller.front)
        chosen = candidates(experiment, controller.history, controller.front, controller.cut_short)
        if controller.cut_short:
            observer.note(_cut_short(experiment, chosen))
        final = Final(experiment, run, journal, executor, observer, estimator)
        done = final.train(chosen, known)
        selection = select(done, experiment.objective.goals, experiment.proportion, session.validation_size)
        selection = warned(selection, experiment.objective)
        kept = what_is_kept(selection, done)
        recover(run, kept.values())
        final.restore(chosen, kept.values())
    by_name = {candidate.name: candidate for candidate in chosen}
    Keeper(experiment, session, run, by_name, observer).keep(kept, selection.verdict)
    if experiment.objective.several:
        write_front(experiment, run, controller.front, selection)
    selected = selection.as_event()
    if selected != before:
        observer.event(journal.append(selected))
    # The weights of final trainings are deleted last: a kill before this point costs no training.
    observer.event(journal.append(RunFinished(asdict(experiment.spec.final))))
    _clear(run)
    return Outcome(run, stopped)


def _ended(history: History) -> int:
    return sum(1 for trial in history.trained() if trial.rungs or trial.status == "failed")


def _cut_short(experiment: Experiment, chosen: Sequence[Candidate]) -> str:
    epochs = chosen[0].train["epochs"]
    final = "final.epochs as given" if experiment.spec.final.epochs else "as far as the best of them came"
    return (
        "no training had ended when the search time was over: those under way were cut short, and count as they were. "
        f"Final trainings take {epochs} epoch{'s' if epochs > 1 else ''}, {final}. More time (search.stop.time), fewer "
        "epochs (train.epochs) or a schedule that stops weak candidates early (search.schedule: asha) serves better"
    )
