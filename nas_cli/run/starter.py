"""A commented spec for somebody's texts, sentences or tables: what lies at a path, and the text that fits it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nas_cli.data import TrainingData, load_training, parse_data
from nas_cli.errors import DataError, UserError, did_you_mean
from nas_cli.task import TASKS

SOURCES = {"table rows": "csv", "texts": "text", "sentences": "conll"}
TARGETS = ("target", "label", "class", "y", "classification", "outcome", "quality", "price")
"""Names of columns that are usually what is to be learned; else the last one is."""
MOST_NAMED = 20
"""Classes or tags that are listed."""

TEMPLATE = """\
# {what}
# Check it with 'nas plan {file}', run it with 'nas search {file}'. configs/README.md explains every key.
name: {name}
seed: 0
task: {task}

data:
{data}

# What is searched. 'nas show space {space}' prints this space, to be copied to 'model:' and changed;
# 'nas show space' lists the others, 'nas show ops' the layers that you can use.
space: {space}

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


@dataclass(frozen=True)
class Kind:
    """What a spec for one kind of inputs says."""

    space: str
    epochs: int
    least: int
    batch_size: int
    baseline: str
    more: str = ""
    settings: tuple[str, ...] = ()


KINDS = {
    "table rows": Kind(
        "tabular", 16, 4, 128, "  mlp: [features, {linear: {units: 128}}, relu, {linear: {units: 64}}, relu]"
    ),
    "texts": Kind(
        "text-cnn-rnn-attention",
        8,
        2,
        64,
        "  bag-of-words: [{embedding: {units: 100}}, {dropout: {rate: 0.5}}, {global_pool: avg}]",
        settings=(
            "# tokenizer: word                # word, character or bpe",
            "# max_length: 256                # in words",
        ),
    ),
    "sentences": Kind(
        "tagger",
        16,
        4,
        32,
        "  bilstm: [{embedding: {units: 100, unknown: 0.05}}, {dropout: {rate: 0.5}}, {lstm: {units: 200}}, crf]",
        more="\n  clip: 5.0",
        settings=("# characters: 16                 # of each word, for spaces that read them",),
    ),
}


def is_task(name: str) -> bool:
    return name in TASKS


def survey(task: str, path: Path, file: str = "spec.yaml") -> tuple[str, str, str]:
    """(name, what was found, the text of a spec that runs as it stands), by reading the data at `path`.

    Raises UserError where the task is not known, DataError where the data cannot be learned from.
    """
    if task not in TASKS:
        raise UserError(f"unknown task '{task}'{did_you_mean(task, TASKS)}")
    learned = TASKS[task]
    if learned.wanted.inputs not in KINDS:
        raise UserError(f"{task} is not of texts, sentences or tables")
    kind, section = KINDS[learned.wanted.inputs], _section(task, path)
    data = _load(task, section)
    assert data.encoder is not None
    found = f"{len(data.train) + len(data.validation):,} {learned.wanted.inputs} to learn from in {path}"
    if data.labels:
        names = ", ".join(data.labels[:MOST_NAMED])
        if len(data.labels) > MOST_NAMED:
            names += f" and {len(data.labels) - MOST_NAMED} more"
        found += f", {len(data.labels)} {'tags' if learned.wanted.target == 'tags' else 'classes'}: {names}"
    metric, towards = next(iter(learned.metrics.items()))
    lines = [f"{key}: {_scalar(value)}" for key, value in section.items()]
    lines += [f"# {note}" for note in data.encoder.notes if not note.startswith("target: ")]
    lines += [
        *kind.settings,
        "# A part that the data has of its own is used. Otherwise a fifth is held out, shuffled.",
        "# validation: 0.2                 # to choose the best by",
        "# test: 0.2                       # for 'nas evaluate' alone",
    ]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name.split(".")[0]).strip("-._")[:60] or "my-data"
    text = TEMPLATE.format(
        what=f"{found}.",
        file=file,
        name=stem,
        task=task,
        data="\n".join(f"  {line}" for line in lines),
        space=kind.space,
        epochs=kind.epochs,
        least=kind.least,
        batch_size=kind.batch_size,
        more=kind.more,
        metrics=", ".join(name for name in learned.metrics if name != metric),
        towards=towards,
        metric=metric,
        baseline=kind.baseline,
    )
    return stem, found, text


def _section(task: str, path: Path) -> dict[str, Any]:
    if not path.exists():
        raise DataError(f"there is nothing at {path}")
    section: dict[str, Any] = {"source": SOURCES[TASKS[task].wanted.inputs], "path": str(path)}
    if section["source"] == "csv":
        from nas_cli.data.csv_table import column_names

        names = column_names(path)
        section["target"] = next((n for word in TARGETS for n in names if n.lower() == word), names[-1])
    return section


def _load(task: str, section: dict[str, Any]) -> TrainingData:
    """Reads the data; texts that are no UTF-8 as Latin-1, which `section` then says."""
    try:
        return load_training(parse_data(section), 0, wanted=TASKS[task].wanted)
    except DataError as error:
        if "is no utf-8" not in str(error):
            raise
        section["encoding"] = "latin-1"
        return load_training(parse_data(section), 0, wanted=TASKS[task].wanted)


def _scalar(value: Any) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).removesuffix("...\n").strip()
    )
