"""Which of several classes an image belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from nas_cli.axes import Axes, only
from nas_cli.task.base import task
from nas_cli.task.classification import Classification
from nas_cli.task.recipes import Recipe, recipe

SMALL = 16
"""Pixels of a side below which images get the space of shallow networks."""
PLAIN = """\
plain:
  - conv: {channels: 16, kernel: 3}
  - relu
  - max_pool: {size: 2}
  - conv: {channels: 32, kernel: 3}
  - relu
  - global_pool: avg"""


@task("image-classification")
class ImageClassification(Classification):
    """A class for each image."""


@recipe("images", "class", side=64)
def pictures(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    """The winner is trained for three times as many epochs, instead of candidates that are stopped early."""
    side = min(only(inputs).shape[1:])
    padding = 1 if side < SMALL else max(2, side // 12)
    return Recipe(
        "cnn" if side < SMALL else "resnet",
        epochs=10,
        batch_size=64,
        optimizer="{adamw: {lr: {float: [5.0e-4, 1.0e-2], log: true}}}",
        train=(f"augment: [{{crop: {{padding: {padding}}}}}]      # add flip where left and right do not matter",),
        rungs=False,
        trials=30,
        final="{epochs: 30, top: 3, seeds: 2}",
        baselines=PLAIN,
    )
