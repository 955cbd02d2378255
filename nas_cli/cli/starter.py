"""The text of a starter spec, and the look at somebody's data that fills it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nas_cli.errors import DataError
from nas_cli.words import run_name, shell
from nas_cli.yaml_text import comment, inline_yaml

SIDES = (16, 24, 32, 48, 64)

TEMPLATE = """\
{what}
{check}
{search}
# configs/README.md explains every key.
name: {name}
seed: 0
task: image-classification

data:
{data}

# What is searched. 'nas show space {space}' prints this space, to be copied to 'model:' and changed;
# 'nas show space' lists the others, 'nas show ops' the layers that you can use.
space: {space}

# How a candidate is trained. Any value may be a choice: {{choice: [a, b]}}, or {{float: [low, high], log: true}}.
train:
  epochs: {epochs}
  batch_size: 64
  optimizer: {{adamw: {{lr: {{float: [5.0e-4, 1.0e-2], log: true}}}}}}
  augment: [{{crop: {{padding: {padding}}}}}]      # add flip where left and right do not matter

# What is best. Constraints keep the network small or fast:
#   constraints: {{params: {{max: 200_000}}, latency_ms: {{max: 2.0}}}}
objective:
  maximize: accuracy

search:
  strategy: evolution               # random, evolution, genetic, reinforce, grid
  stop: {{trials: 30, time: 10m}}     # whichever comes first

# The best candidates and the baselines are trained again from scratch, each with several seeds.
final: {{epochs: {final_epochs}, top: 3, seeds: 2}}
baselines:
  plain:
    - conv: {{channels: 16, kernel: 3}}
    - relu
    - max_pool: {{size: 2}}
    - conv: {{channels: 32, kernel: 3}}
    - relu
    - global_pool: avg
"""


@dataclass(frozen=True)
class Found:
    """What lies at a path: a sentence about it, the lines of the data section, the side of the images, and notes."""

    name: str
    what: str
    lines: tuple[str, ...]
    side: int
    notes: tuple[str, ...] = ()


KINDS = "a folder with a folder of images a class, a folder with idx files, or an .npz file is expected"
SPLIT = (
    "# A part that the data has of its own is used. Otherwise a fifth is held out: shuffled, every class in it.",
    "# validation: 0.2                 # to choose the best by",
    "# test: 0.2                       # for 'nas evaluate' alone",
)

DIGITS = Found(
    "digits",
    "The digits that come with scikit-learn: 1,797 grey images of 8×8 pixels. Put your own data in their place.",
    (
        "source: digits",
        "# your own:  {source: image-folder, path: my-images, size: [32, 32]}   one folder a class",
        "#            {source: idx, path: my-folder}                            the files of MNIST and its kind",
        "#            {source: npz, path: my-data.npz}                          NumPy arrays",
        *SPLIT,
    ),
    8,
)


def look_at(path: Path | None) -> Found:
    """What data lies at `path`; the embedded digits for None. Raises DataError where it is none that can be read."""
    if path is None:
        return DIGITS
    if not path.exists():
        raise DataError(f"there is nothing at {path}")
    if not path.is_dir():
        if path.suffix.lower() == ".npz" and path.is_file():
            return _npz(path)
        raise DataError(f"{path} is no data that can be read: {KINDS}")
    if any(re.search(r"images[-._]idx\d[-._]ubyte(\.gz)?$", file.name, re.IGNORECASE) for file in path.iterdir()):
        return Found(_name(path), f"The idx files in {path}.", (*_source("idx", path), *SPLIT), 28)
    arrays = sorted(file for file in path.iterdir() if file.suffix.lower() == ".npz")
    if len(arrays) == 1:
        return _npz(arrays[0])
    return _folder(path)


def _npz(path: Path) -> Found:
    return Found(_name(path), f"The arrays in {path}.", (*_source("npz", path), *SPLIT), 28)


def _folder(path: Path) -> Found:
    from nas_cli.describe.look import look_at_pictures

    looked = look_at_pictures(path)
    height, width = looked.size
    side = max([s for s in SIDES if s <= min(height, width)], default=SIDES[0])
    names = ", ".join(looked.classes[:5]) + (", …" if len(looked.classes) > 5 else "")
    lines = (
        *_source("image-folder", path),
        f"size: [{side}, {side}]                    # what every image is resized to; most here are {height}×{width}",
        *(f"{key}: {inline_yaml(value)}" for key, value in looked.settings.items()),
        *map(comment, looked.notes),
        *SPLIT,
    )
    what = f"{looked.count:,} images of {len(looked.classes)} classes in {looked.where}: {names}."
    return Found(_name(path), what, lines, side, looked.notes)


def _source(source: str, path: Path) -> tuple[str, str]:
    return f"source: {source}", f"path: {inline_yaml(str(path))}"


def _name(path: Path) -> str:
    return run_name(path.resolve().stem)


def starter_spec(found: Found, file: Path) -> str:
    """A commented spec for what was found, which runs as it stands."""
    small = found.side < 16
    return TEMPLATE.format(
        what=comment(found.what),
        check=comment(f"Check it with: {shell('nas', 'plan', file)}"),
        search=comment(f"Run it with:   {shell('nas', 'search', file)}"),
        name=inline_yaml(found.name),
        data="\n".join(f"  {line}" for line in found.lines),
        space="cnn" if small else "resnet",
        epochs=10,
        final_epochs=30,
        padding=1 if small else max(2, found.side // 12),
    )
