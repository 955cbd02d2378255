"""A number, or several, for each image: a count, a steering angle."""

from __future__ import annotations

from collections.abc import Mapping

from nas_cli.axes import Axes
from nas_cli.data.wanted import Wanted
from nas_cli.task.base import task
from nas_cli.task.recipes import Recipe, passes, recipe
from nas_cli.task.regression import Regression

PLAIN = "plain: [{conv: {channels: 16, stride: 2}}, relu, {conv: {channels: 32, stride: 2}}, relu, {global_pool: avg}]"
MIRRORED = (
    "# augment: [flip]               # where a mirrored image has the same numbers, with task above as",
    "#                                 {image-regression: {unchanged_by: [flip]}}",
)


@task("image-regression")
class ImageRegression(Regression):
    """Numbers for each image; `unchanged_by` names augmentations that change none of them."""

    wanted = Wanted("images", "number")

    def __init__(self, unchanged_by: tuple[str, ...] = ()) -> None:
        self.unchanged_by = unchanged_by


@recipe("images", "number", side=64)
def measured_pictures(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    epochs = passes(examples, least=10, seen=20_000)
    return Recipe("resnet", epochs=epochs, train=MIRRORED, baselines=PLAIN)
