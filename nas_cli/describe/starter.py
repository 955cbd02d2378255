"""Writes a commented starter spec for the data at a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.axes import Axes
from nas_cli.data import load_training, parse_data
from nas_cli.data.kind import TARGET_KINDS
from nas_cli.data.load import require_test
from nas_cli.data.sniffing import Found
from nas_cli.data.source import SOURCES, TARGETS, Array, Examples
from nas_cli.data.wanted import Wanted
from nas_cli.describe.finding import Lead, source_for, task_for
from nas_cli.describe.starter_text import Parts, write_spec
from nas_cli.errors import DataError, SpecError
from nas_cli.plugins import import_plugin
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document
from nas_cli.task import RECIPES, TASKS, Task, open_task
from nas_cli.words import LONGEST_NAME, printable, run_name

MOST_NAMED = 20
"""Most classes or tags that are listed."""


def is_task(name: str, plugins: Sequence[Path] = ()) -> bool:
    """Whether there is a task of that name, of nas or of a plugin."""
    for plugin in plugins:
        import_plugin(plugin)
    return name in TASKS


@dataclass(frozen=True)
class Survey:
    """The data at a path and its spec: the `name`, the `file` of the spec, a sentence on the data (`what`), notes on
    its columns or words, and the `text` of a spec that runs as it stands."""

    name: str
    file: Path
    what: str
    notes: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Seen:
    """What was read of the data: the axes of an example by field, the number of training examples, the `names` of
    classes, and the `targets` by which metrics are checked to be defined. `chosen_by` is the size of the validation
    part, where that was read; else `targets` are those of all examples."""

    inputs: Mapping[str, Axes]
    examples: int
    origin: str
    names: tuple[str, ...]
    notes: tuple[str, ...]
    learned: Array
    targets: Array
    chosen_by: int | None = None


def survey(
    task: str | None = None, path: Path | None = None, file: str | Path | None = None, plugins: Sequence[Path] = ()
) -> Survey:
    """Surveys the data at `path`, or data that needs no path. A `task` of None is guessed; `file` is the path of the
    spec, by default in the current folder, named like the data.
    Raises UserError where the task has no recipe or source, DataError where the data is unfit for training.
    """
    for plugin in plugins:
        import_plugin(plugin)
    if path is not None and not path.exists() and not path.is_symlink():
        raise DataError(f"there is nothing at {path}")
    name, lead, guessed = _lead(task, path)
    learned = open_task(name)
    found, section, seen = _look(lead, learned.wanted)
    what = found.what or _told(learned.wanted, seen, path)
    metric, undefined, about_metric = _objective(learned, seen)
    notes = (*guessed, *lead.guessed, *found.notes, *seen.notes, *about_metric)
    named = lead.source if path is None else path.resolve().name.split(".")[0]
    place = Path(f"{_file_name(named)}.yaml") if file is None else Path(file)
    parts = Parts(run_name(named), name, place, what, plugins, section, found, notes)
    recipe = RECIPES[learned.wanted].recipe(seen.inputs, seen.examples)
    text = write_spec(parts, recipe, learned.metrics, metric, undefined)
    _require_readable(text, learned.wanted, place)
    return Survey(parts.name, place, what, notes, text)


def _lead(task: str | None, path: Path | None) -> tuple[str, Lead, list[str]]:
    """The task's name, the source, and notes on what was guessed."""
    return task_for(path) if task is None else (task, source_for(task, path), [])


# Looking -------------------------------------------------------------------------------------------------------------


def _look(lead: Lead, wanted: Wanted) -> tuple[Found, dict[str, Any], Seen]:
    """What the source found, the data section that fits, and what was read by it. The lead learns what differs from
    the defaults: an encoding, a size, a test part that cannot be used."""
    side = RECIPES[wanted].side
    takes_size = any(param.name == "size" for param in SOURCES.params(lead.source))
    while True:
        found = lead.ask() or Found()
        section = lead.section(found)
        try:
            seen = _read(section, wanted, found)
        except DataError as error:
            lead.learn(error)
            continue
        shape = next(iter(seen.inputs.values())).shape
        if side is None or not takes_size or max(shape[1:]) <= side:
            return found, section, seen
        height, width = shape[1:]
        size = [max(1, round(each * side / max(height, width))) for each in (height, width)]
        lead.settings["size"] = size
        lead.guessed.append(
            f"pictures are made {size[0]}x{size[1]}, since {height}x{width} take long to learn from: size says "
            "otherwise"
        )


def _read(section: Mapping[str, Any], wanted: Wanted, found: Found) -> Seen:
    """All of the data where inputs are fitted to it; else the targets, and one example at most: pictures are many, and
    a search decodes them anyway. Raises DataError."""
    settings = parse_data(section)
    dataset = settings.open()
    if dataset.fit is not None or dataset.inputs != wanted.inputs:
        data = load_training(settings, 0, wanted=wanted)
        origin = str(section.get("path", section["source"]))
        learned, targets = data.train.targets, data.validation.targets
        return Seen(
            data.inputs, len(data.train), origin, data.labels, data.notes, learned, targets, len(data.validation)
        )
    about_test = require_test(settings, dataset)
    kind = TARGETS[wanted.target](dataset, None, None)
    targets = kind.encode(dataset.train)
    shape = found.shape or _first(dataset.train).shape[1:]
    notes = (*about_test, *dataset.notes(), *kind.notes)
    (field,) = wanted.fields
    inputs = {field: Axes("uint8", tuple(shape))}
    return Seen(inputs, len(targets), dataset.train.origin, kind.names, notes, targets, targets)


def _first(examples: Examples) -> Array:
    """The first inputs of a part (n, …)."""
    if examples.stream is not None:
        return next(iter(examples.stream.chunks()))
    first: Array = examples.read(np.zeros(1, np.int64))
    return first


def _told(wanted: Wanted, seen: Seen, path: Path | None) -> str:
    """A sentence with the number of examples and the classes."""
    called = TARGET_KINDS[wanted.target].called
    names = ", ".join(seen.names[:MOST_NAMED])
    if len(seen.names) > MOST_NAMED:
        names += f" and {len(seen.names) - MOST_NAMED} more"
    count = f"{seen.examples:,} {wanted.called}"
    if seen.chosen_by is None:
        kinds = f" of {len(seen.names)} {called}" if seen.names else ""
        return f"{count}{kinds} in {seen.origin}" + (f": {names}" if names else "")
    found = f"{count} to learn from and {seen.chosen_by:,} to choose by in {path or seen.origin}"
    return f"{found}, {len(seen.names)} {called}: {names}" if seen.names else found


def _objective(task: Task, seen: Seen) -> tuple[str, Mapping[str, str], list[str]]:
    """The objective, a metric that is defined on the data; the undefined metrics with reasons; and notes."""
    undefined = task.undefined(seen.targets, seen.names)
    wished = [task.objective(seen.learned), *task.metrics]
    metric = next((name for name in wished if name not in undefined), wished[0])
    first = wished[1]
    if metric == first or first not in undefined:
        return metric, undefined, []
    return metric, undefined, [f"the objective is {metric}, since {first} has no value here: {undefined[first]}"]


# The file ------------------------------------------------------------------------------------------------------------


def _file_name(stem: str) -> str:
    """The name of the spec's file: that of the data, where it is easily typed."""
    typed = stem == printable(stem) and stem[:1] not in ("", "-", "~") and len(stem) <= LONGEST_NAME
    return stem if typed else run_name(stem)


def _require_readable(text: str, wanted: Wanted, file: Path) -> None:
    """Raises PluginError where a plugin's recipe makes an invalid spec."""
    origin = RECIPES[wanted].origin
    if origin is None:
        return
    try:
        compose(parse_document(text, str(file)))
    except SpecError as error:
        raise origin.wrong(f"makes a spec that cannot be used: {error}") from None
