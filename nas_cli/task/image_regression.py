"""A number, or several, for each image: a count, a steering angle."""

from __future__ import annotations

from nas_cli.data.source import Wanted
from nas_cli.task.base import task
from nas_cli.task.regression import Regression


@task("image-regression")
class ImageRegression(Regression):
    """Numbers for each image; `unchanged_by` names augmentations that change none of them."""

    wanted = Wanted("images", "number")

    def __init__(self, unchanged_by: tuple[str, ...] = ()) -> None:
        self.unchanged_by = unchanged_by
