"""A commented spec for somebody's texts, sentences or tables: what lies at a path, and the text that fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.axes import only
from nas_cli.data import TrainingData, load_training, parse_data
from nas_cli.data.formats.csv_file import ENDINGS, first_rows
from nas_cli.data.formats.csv_parts import find_tables
from nas_cli.data.kinds.classes import is_lopsided
from nas_cli.data.source import Wanted
from nas_cli.describe.columns import table_columns, text_columns
from nas_cli.describe.starter_kinds import KINDS, NAMED, Kind
from nas_cli.errors import DataError, UserError, did_you_mean
from nas_cli.task import TASKS, open_task
from nas_cli.task.base import Task
from nas_cli.words import run_name, shell
from nas_cli.yaml_text import comment, inline_yaml

MOST_NAMED = 20
"""Classes or tags that are listed."""

TEMPLATE = """\
{what}
{check}
{search}
# configs/README.md explains every key.
name: {name}
seed: 0
task: {task}

data:
{data}

{model}

# How a candidate is trained. Any value may be a choice: {{choice: [a, b]}}, or {{float: [low, high], log: true}}.
train:
  epochs: {epochs}
  batch_size: {batch_size}
  optimizer: {{adamw: {{lr: {{float: [1.0e-3, 6.0e-3], log: true}}, weight_decay: 0.01}}}}{more}

# What is best; other metrics: {metrics}. Constraints keep the network small or fast:
#   constraints: {{params: {{max: 200_000}}, latency_ms: {{max: 2.0}}}}
objective:
  {towards}: {metric}

search:
  strategy: evolution               # random, evolution, genetic, reinforce, grid
  schedule: {{asha: {{min_epochs: {least}, reduction: 2}}}}      # weak candidates stop early
  stop: {{trials: 24, time: 10m}}     # whichever comes first

# The best candidates and the baselines are trained again from scratch, each with several seeds.
final: {{top: 2, seeds: 2}}
baselines:
{baseline}
"""


SPACE = """\
# What is searched. 'nas show space {space}' prints this space, to be copied to 'model:' and changed;
# 'nas show space' lists the others, 'nas show ops' the layers that you can use.
space: {space}"""
WIDE = 500
"""Columns from which on a table gets a space of its own: attention over columns grows with the square of them, and bins
make each as wide as there are bins."""
WIDE_MODEL = """\
# What is searched: small networks on the columns as they are. With so many columns, attention over them and numbers in
# bins, which 'space: tabular' has, would take hours and gigabytes. 'nas show ops' lists the layers that you can use.
model:
  - features: {units: 2}
  - dropout: {rate: {choice: [0.0, 0.2, 0.5]}}
  - repeat:
      times: {int: [1, 3]}
      body:
        - linear: {units: {choice: [16, 32, 64, 128]}}
        - choice: [[], batch_norm]
        - choice: [relu, gelu]
        - dropout: {rate: {choice: [0.1, 0.3, 0.5]}}"""
LARGEST_SIDE = 64
"""Pixels that the longer side of pictures gets in a spec to begin with."""


def is_task(name: str) -> bool:
    return name in TASKS


@dataclass(frozen=True)
class Survey:
    """What lies at a path: its name, a sentence about it, notes on its columns or words, a spec that runs as it
    stands."""

    name: str
    what: str
    notes: tuple[str, ...]
    text: str


def survey(task: str, path: Path, file: str = "spec.yaml") -> Survey:
    """By reading the data at `path`; `file` is where the spec will lie.

    Raises UserError where the task is not known, DataError where the data cannot be learned from.
    """
    if task not in TASKS:
        raise UserError(f"unknown task '{task}'{did_you_mean(task, TASKS)}")
    learned = open_task(task)
    if learned.wanted not in KINDS:
        known = ", ".join(name for name in TASKS if open_task(name).wanted in KINDS)
        raise UserError(f"init writes no spec for {task}; it does for image-classification, {known}")
    kind = KINDS[learned.wanted]
    section, data, guessed = _look(kind, learned.wanted, path)
    notes = (*guessed, *data.notes)
    found = _found(learned, data, path)
    first = next(iter(learned.metrics))
    undefined = learned.undefined(data.validation.targets, data.labels)
    metric = _objective(learned, data, undefined)
    if metric != first and first in undefined:
        notes += (f"the objective is {metric}, since {first} has no value here: {undefined[first]}",)
    epochs = _epochs(kind, len(data.train))
    wide = learned.wanted.inputs == "table rows" and only(data.inputs).shape[0] >= WIDE
    lines = [f"{key}: {inline_yaml(value)}" for key, value in section.items()]
    lines += [comment(note) for note in notes if not note.startswith("target: ")]
    lines += [
        *kind.settings,
        "# A part that the data has of its own is used. Otherwise a fifth is held out, shuffled.",
        "# validation: 0.2                 # to choose the best by",
        "# test: 0.2                       # for 'nas evaluate' alone",
    ]
    stem = run_name(path.resolve().name.split(".")[0])
    text = TEMPLATE.format(
        what=comment(f"{found}."),
        check=comment(f"Check it with: {shell('nas', 'plan', file)}"),
        search=comment(f"Run it with:   {shell('nas', 'search', file)}"),
        name=inline_yaml(stem),
        task=task,
        data="\n".join(f"  {line}" for line in lines),
        model=WIDE_MODEL if wide else SPACE.format(space=kind.space),
        epochs=epochs,
        least=epochs // 4,
        batch_size=kind.batch_size,
        more=kind.more,
        metrics=", ".join(name for name in learned.metrics if name not in {metric, *undefined}),
        towards=learned.metrics[metric],
        metric=metric,
        baseline=kind.baseline,
    )
    return Survey(stem, found, notes, text)


def _epochs(kind: Kind, examples: int) -> int:
    return kind.epochs if kind.examples is None else min(100, max(kind.epochs, kind.examples // examples))


def _found(task: Task, data: TrainingData, path: Path) -> str:
    """How many examples there are at `path`, and of which classes."""
    parts = f"{len(data.train):,} {task.wanted.inputs} to learn from and {len(data.validation):,} to choose by"
    found = f"{parts} in {path}"
    if not data.labels:
        return found
    names = ", ".join(data.labels[:MOST_NAMED])
    if len(data.labels) > MOST_NAMED:
        names += f" and {len(data.labels) - MOST_NAMED} more"
    return f"{found}, {len(data.labels)} {NAMED[task.wanted.target]}: {names}"


def _objective(task: Task, data: TrainingData, undefined: Mapping[str, str]) -> str:
    """The task's first metric that has a value here; macro F1 where classes are of very different sizes."""
    if task.wanted.target == "class" and is_lopsided(data.train.targets):
        return "macro_f1"
    return next((name for name in task.metrics if name not in undefined), next(iter(task.metrics)))


def _look(kind: Kind, wanted: Wanted, path: Path) -> tuple[dict[str, Any], TrainingData, list[str]]:
    """The data section that fits what lies at `path`, the data, and why keys were added.

    It says what differs from the defaults: texts that are no UTF-8 are read as Latin-1, and numbers with commas, where
    they can be no thousands, as decimals; large pictures are made smaller.
    """
    if not path.exists():
        raise DataError(f"there is nothing at {path}")
    settings: dict[str, Any] = {}
    guessed: list[str] = []
    while True:
        try:
            section = {**_section(kind.source, path, settings.get("encoding", "utf-8")), **settings}
            if kind.source == "image-table":
                section, about_size = _smaller(section)
                guessed += about_size
            if section.get("header") is False:
                guessed.append("no header, since the first row looks like the others: columns are called 1, 2, …")
            return section, load_training(parse_data(section), 0, wanted=wanted), guessed
        except DataError as error:
            if not error.remedy.keys() - settings.keys():
                raise
            settings.update(error.remedy)
            added = ", ".join(f"{key}: {inline_yaml(value)}" for key, value in error.remedy.items())
            guessed.append(f"{added} is written into data, since {error}")


def _smaller(section: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """With a size of LARGEST_SIDE at most, and a note where pictures are larger. One is opened. Raises DataError."""
    height, width = parse_data(section).open().train.read(np.zeros(1, np.int64)).shape[2:]
    if max(height, width) <= LARGEST_SIDE:
        return section, []
    size = [max(1, round(side * LARGEST_SIDE / max(height, width))) for side in (height, width)]
    note = f"pictures are made {size[0]}x{size[1]}, since {height}x{width} take long to learn from: size says otherwise"
    return {**section, "size": size}, [note]


def _section(source: str, path: Path, encoding: str) -> dict[str, Any]:
    section: dict[str, Any] = {"source": source, "path": str(path)}
    if section["source"] == "csv":
        return {**section, **table_columns(first_rows(find_tables(path)["train"], encoding)[1])}
    if section["source"] == "text" and path.is_file() and path.name.lower().endswith(ENDINGS):
        return {**section, **text_columns(first_rows(path, encoding)[1])}
    return section
