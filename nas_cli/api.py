"""The commands of `nas` as Python functions: `search`, `evaluate`, `predict`, `export`, `load`, `trials`.

A `run` is a `Run`, the directory of one, or None for the latest under `runs/`. Plugins of your own runs are executed
while they are unchanged; those of somebody else's run only with `plugins=True`. Errors are those of `nas_cli.errors`: a
`UserError` for wrong input, another `NasError` where something fails later.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.deliver import evaluate as _evaluate
from nas_cli.deliver import load as _load
from nas_cli.deliver import predict as _predict
from nas_cli.deliver.export import exporting as _export
from nas_cli.deliver.load import Model
from nas_cli.errors import SpecError
from nas_cli.record.directory import open_run
from nas_cli.record.record import Record
from nas_cli.registry import show
from nas_cli.run.observer import Observer, Silent
from nas_cli.run.search import resume_search, start_search
from nas_cli.spec.load import parse_document
from nas_cli.trial import Trial
from nas_cli.yaml_text import dump_yaml

RunPath = str | os.PathLike[str]
RUNS = Path("runs")


@dataclass(frozen=True)
class Run(os.PathLike[str]):
    """A run that ended: its directory, why its search stopped, and the notes it made: guesses, skipped data, and the
    chosen precision and layout.
    """

    path: Path
    stopped: str
    notes: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return str(self.path)

    @cached_property
    def trials(self) -> list[dict[str, Any]]:
        """A flat record for each trial: `trials(self)`."""
        return trials(self)


class _Notes(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, text: str) -> None:
        self.heard.append(text)


def search(
    spec: RunPath | Mapping[str, Any],
    out: RunPath = RUNS,
    set: Sequence[str] = (),
    observer: Observer | None = None,
    plugins: bool = False,
) -> Run:
    """Runs the search of a spec, a file or a mapping with the same content, in a new directory under `out`.

    `set` replaces values of the spec, like --set: `["search.stop.trials=5"]`. Relative paths in a mapping start at the
    current directory. `plugins` matters where the file is the spec.yaml of somebody else's run. Raises UserError where
    the spec, its data or its plugins are wrong; then nothing is written.
    """
    written = parse_document(dump_yaml(_plain(spec)), "spec") if isinstance(spec, Mapping) else Path(spec)
    notes = _Notes()
    outcome = start_search(written, Path(out), set, observer or notes, plugins)
    return Run(outcome.run.path, outcome.stopped, tuple(notes.heard))


def resume(
    run: RunPath | None = None,
    set: Sequence[str] = (),
    plugins: bool = False,
    root: RunPath = RUNS,
    observer: Observer | None = None,
) -> Run:
    """Continues a run where it stopped; `set` may raise its limits (`["search.stop.trials=100"]`).

    Raises RunError, SpecError.
    """
    notes = _Notes()
    outcome = resume_search(_path(run), set, observer or notes, plugins, Path(root))
    return Run(outcome.run.path, outcome.stopped, tuple(notes.heard))


def trials(run: RunPath | None = None, root: RunPath = RUNS) -> list[dict[str, Any]]:
    """A flat record for each trial of a run, in the order of their numbers: `pandas.DataFrame` takes them as they are.

    Keys are `number`, `status` (finished, paused, failed, infeasible, duplicate or running), `reason`, `rung`,
    `reward`, `feasible` and `equals`, the number of the trial that a duplicate equals; the names of measurements
    (`accuracy`, `params`); and the paths of decisions (`model[1].choice`, `train.optimizer.sgd.lr`). A record has no
    key for values that its trial lacks. Raises RunError where the run's spec or journal is missing or damaged.
    """
    record = Record()
    record.open(open_run(_path(run), Path(root)).path)
    return [_flat(trial) for trial in sorted(record.history, key=lambda trial: trial.number)]


def _flat(trial: Trial) -> dict[str, Any]:
    known = {"reason": trial.reason or None, "reward": trial.reward, "equals": trial.equals}
    if len(trial.rewards) > 1:
        known |= {f"reward_{place}": reward for place, reward in enumerate(trial.rewards, 1)}
    return {
        **trial.genotype,
        **trial.measurement,
        "number": trial.number,
        "status": trial.status,
        "rung": trial.rung,
        "feasible": trial.feasible,
        **{name: value for name, value in known.items() if value is not None},
    }


def evaluate(
    run: RunPath | None = None,
    data: RunPath | None = None,
    member: str | None = None,
    plugins: bool = False,
    root: RunPath = RUNS,
) -> dict[str, Any]:
    """The report of the best network on the test part of the run's data, or on the labelled examples at `data`. On the
    run's own test part it is stored with the run. Raises RunError, DataError.
    """
    other = None if data is None else Path(data)
    return _evaluate.evaluate(_path(run), plugins, Path(root), member, other)


def predict(
    run: RunPath | None,
    inputs: Sequence[str | Path] | str | Path,
    top: int = 3,
    member: str | None = None,
    plugins: bool = False,
    root: RunPath = RUNS,
    pictures: RunPath | None = None,
) -> list[dict[str, Any]]:
    """The answers of the best network for `inputs` (files, folders or texts), a record each. Pictures that belong to
    answers, such as masks, are written to the folder `pictures`, where it is given. Raises RunError, DataError.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    return _predict.predict(_path(run), given, plugins, top, Path(root), member, pictures=_path(pictures))


def export(
    run: RunPath | None = None,
    format: str = "onnx",
    output: RunPath | None = None,
    member: str | None = None,
    plugins: bool = False,
    root: RunPath = RUNS,
    force: bool = False,
) -> dict[str, Any]:
    """Writes the best network as `onnx`, `torch` or `source`, and compares the export with it. Returns `path`,
    `largest_difference` and more. Raises ExportError, UserError.
    """
    place = None if output is None else Path(output)
    return _export.export(_path(run), format, place, plugins, Path(root), member, force)


def load(run: RunPath | None = None, plugins: bool = False, root: RunPath = RUNS, member: str | None = None) -> Model:
    """The best network of a run, ready to use. Raises RunError where the run is damaged or has none."""
    return _load.load(_path(run), plugins, Path(root), member)


def _path(run: RunPath | None) -> Path | None:
    return None if run is None else Path(run)


def _plain(value: Any) -> Any:
    """A spec's values as types of YAML: paths as texts, tuples as lists. Raises SpecError for any other type."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is not None and not isinstance(plain, str | bool | int | float):
        raise SpecError(f"a spec holds numbers, texts, lists and mappings; got {show(value)}, a {type(value).__name__}")
    return plain
