"""Which of several classes a text belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from nas_cli.axes import Axes
from nas_cli.data.wanted import Wanted
from nas_cli.task.base import task
from nas_cli.task.classification import Classification
from nas_cli.task.recipes import Recipe, recipe

BAG = "bag-of-words: [{embedding: {units: 100}}, {dropout: {rate: 0.5}}, {global_pool: avg}]"


@task("text-classification")
class TextClassification(Classification):
    """A class for each text."""

    wanted = Wanted("texts", "class")


@recipe("texts", "class")
def texts(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    return Recipe("text-cnn-rnn-attention", epochs=8, batch_size=64, baselines=BAG)
