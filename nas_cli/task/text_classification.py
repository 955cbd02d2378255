"""Which of several classes a text belongs to."""

from __future__ import annotations

from nas_cli.data.source import Wanted
from nas_cli.task.base import TASKS
from nas_cli.task.classification import Classification

TASKS.register("text-classification")(Classification(Wanted("texts", "class")))
