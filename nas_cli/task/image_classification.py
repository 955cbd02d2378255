"""Which of several classes an image belongs to."""

from __future__ import annotations

from nas_cli.task.base import task
from nas_cli.task.classification import Classification


@task("image-classification")
class ImageClassification(Classification):
    """A class for each image."""
