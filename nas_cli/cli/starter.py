"""The text of a starter spec, and the look at somebody's data that fills it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nas_cli.errors import DataError, MissingExtraError
from nas_cli.words import run_name, shell
from nas_cli.yaml_text import comment, inline_yaml

IMAGES = (".png", ".jpg", ".jpeg")
SIDES = (16, 24, 32, 48, 64)
LOOKED_AT = 40

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
    """What lies at a path: a sentence about it, the lines of the data section, the side of the images."""

    name: str
    what: str
    lines: tuple[str, ...]
    side: int


KINDS = "a folder with a folder of PNG or JPEG images a class, a folder with idx files, or an .npz file is expected"
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
    if path.is_file():
        if path.suffix == ".npz":
            return _npz(path)
        raise DataError(f"{path} is no data that can be read: {KINDS}")
    if any(re.search(r"images[-.]idx\d-ubyte(\.gz)?$", file.name) for file in path.iterdir()):
        return Found(_name(path), f"The idx files in {path}.", (*_source("idx", path), *SPLIT), 28)
    arrays = sorted(path.glob("*.npz"))
    if len(arrays) == 1:
        return _npz(arrays[0])
    return _folder(path)


def _npz(path: Path) -> Found:
    return Found(_name(path), f"The arrays in {path}.", (*_source("npz", path), *SPLIT), 28)


def _folder(path: Path) -> Found:
    top = path / "train" if _subfolders(path / "train") else path
    classes = _subfolders(top)
    images = {folder: _images(folder) for folder in classes}
    filled = [folder for folder in classes if images[folder]]
    if len(filled) < 2:
        raise DataError(f"{top} has {len(filled)} folders with images, and at least two classes are needed: {KINDS}")
    if len(filled) < len(classes):
        empty = next(folder for folder in classes if not images[folder])
        raise DataError(f"the class folder {empty} has no PNG or JPEG images")
    files = [file for folder in classes for file in images[folder]]
    height, width = _typical_size(files[:: max(1, len(files) // LOOKED_AT)])
    side = max([s for s in SIDES if s <= min(height, width)], default=SIDES[0])
    names = ", ".join(folder.name for folder in filled[:5]) + (", …" if len(filled) > 5 else "")
    lines = (
        *_source("image-folder", path),
        f"size: [{side}, {side}]                    # what every image is resized to; most here are {height}×{width}",
        *SPLIT,
    )
    return Found(_name(path), f"{len(files):,} images of {len(filled)} classes in {top}: {names}.", lines, side)


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        inner for inner in folder.iterdir() if inner.is_dir() and inner.name[0] != "." and inner.name != "__MACOSX"
    )


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGES and file.name[0] != ".")


def _typical_size(files: list[Path]) -> tuple[int, int]:
    """The median height and width."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("pillow", "images", "reading a folder of images") from None
    sizes = []
    for file in files:
        try:
            with Image.open(file) as image:
                sizes.append((image.height, image.width))
        except (UnidentifiedImageError, OSError) as error:
            raise DataError(f"{file} cannot be read as an image: {error}") from None
    middle = len(sizes) // 2
    return sorted(height for height, _ in sizes)[middle], sorted(width for _, width in sizes)[middle]


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
