"""The text of a starter spec: a commented template, and the pieces that data and recipe give it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_cli.data.sniffing import Found
from nas_cli.task import Recipe
from nas_cli.words import printable, sentence, shell
from nas_cli.yaml_text import comment, inline_yaml

WIDE_KEY = 34
"""Letters of a key with its value, before the comment behind it."""

TEMPLATE = """\
{what}
{check}
{search}
# configs/README.md explains every key.
name: {name}
seed: 0
task: {task}
{plugins}
data:
{data}

{model}

# How a candidate is trained. Any value may be a choice: {{choice: [a, b]}}, or {{float: [low, high], log: true}}.
train:
{train}

# What is best; other metrics: {metrics}. Constraints keep the network small or fast:
#   constraints: {{params: {{max: 200_000}}, latency_ms: {{max: 2.0}}}}
objective:
  {towards}: {metric}

search:
  strategy: evolution               # random, evolution, genetic, reinforce, grid
{schedule}  stop: {{trials: {trials}, time: 10m}}     # whichever comes first

# The best candidates and the baselines are trained again from scratch, each with several seeds.
final: {final}
"""
SPACE = """\
# What is searched. 'nas show space {space}' prints this space, to be copied to 'model:' and changed;
# 'nas show space' lists the others, 'nas show ops' the layers that you can use.
space: {space}"""
SCHEDULE = "  schedule: {{asha: {{min_epochs: {least}, reduction: 2}}}}      # weak candidates stop early\n"
SPLIT = (
    "# A part that the data has of its own is used. Otherwise a fifth is held out, shuffled.",
    "# validation: 0.2                 # to choose the best by",
    "# test: 0.2                       # for 'nas evaluate' alone",
)


@dataclass(frozen=True)
class Parts:
    """What a spec says of the data: its `name`, the `task`'s, the `file` that it is for, `what` lies there, the
    `plugins` that are needed, the `data:` section, and what was `found` and noted."""

    name: str
    task: str
    file: Path
    what: str
    plugins: Sequence[Path]
    section: Mapping[str, Any]
    found: Found
    notes: Sequence[str]


def write_spec(parts: Parts, recipe: Recipe, metrics: Mapping[str, str], chosen: str, left_out: Container[str]) -> str:
    """The text of the spec. The objective is `chosen` among the task's `metrics`, which map to their better direction;
    those in `left_out` are not offered."""
    others = [name for name in metrics if name != chosen and name not in left_out]
    plugins = inline_yaml([str(plugin) for plugin in parts.plugins])
    text = TEMPLATE.format(
        what=comment(sentence(parts.what)),
        check=comment(f"Check it with: {shell('nas', 'plan', parts.file)}"),
        search=comment(f"Run it with:   {shell('nas', 'search', parts.file)}"),
        name=inline_yaml(parts.name),
        task=parts.task,
        plugins=f"plugins: {plugins}\n" if parts.plugins else "",
        data="\n".join(f"  {line}" for line in _data_lines(parts)),
        metrics=", ".join(others) if others else "none",
        towards=metrics[chosen],
        metric=chosen,
        **_pieces(recipe),
    )
    return text + _baselines(recipe)


def _data_lines(parts: Parts) -> Iterator[str]:
    found = parts.found
    for key, value in parts.section.items():
        line = f"{key}: {inline_yaml(value)}"
        said = found.comments.get(key) if value == found.keys.get(key) else None
        yield line if said is None else f"{line:<{WIDE_KEY}}{comment(said)}"
    yield from (comment(note) for note in parts.notes if not note.startswith("target: "))
    yield from map(printable, found.lines)
    yield from SPLIT


def _pieces(recipe: Recipe) -> dict[str, Any]:
    """The pieces of the template that the recipe gives."""
    model = SPACE.format(space=recipe.space)
    if not recipe.space:
        about = "\n".join(comment(line) for line in recipe.about.splitlines())
        model = f"{about}\nmodel:{_behind(recipe.model)}"
    train = (
        f"epochs: {recipe.epochs}",
        f"batch_size: {recipe.batch_size}",
        f"optimizer: {recipe.optimizer}",
        *recipe.train,
    )
    return {
        "model": model,
        "train": "\n".join(f"  {line}" for line in train),
        "schedule": SCHEDULE.format(least=max(1, recipe.epochs // 4)) if recipe.rungs else "",
        "trials": recipe.trials,
        "final": recipe.final,
    }


def _behind(text: str) -> str:
    """The text behind a key: on the key's line, or on lines of its own."""
    return text.rstrip() if text.startswith("\n") else f" {text.strip()}"


def _baselines(recipe: Recipe) -> str:
    lines = "\n".join(f"  {line}" for line in recipe.baselines.splitlines())
    return f"baselines:\n{lines}\n" if lines else ""
