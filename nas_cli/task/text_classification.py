"""Which of several classes a text belongs to."""

from __future__ import annotations

from nas_cli.data.source import Wanted
from nas_cli.task.base import task
from nas_cli.task.classification import Classification


@task("text-classification")
class TextClassification(Classification):
    """A class for each text."""

    wanted = Wanted("texts", "class")
