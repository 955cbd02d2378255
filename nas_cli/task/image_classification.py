"""Which of several classes an image belongs to."""

from __future__ import annotations

from nas_cli.data.source import Wanted
from nas_cli.task.base import TASKS
from nas_cli.task.classification import Classification

TASKS.register("image-classification")(Classification(Wanted("images", "class")))
