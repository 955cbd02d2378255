"""What a starter spec for tables says."""

from __future__ import annotations

from collections.abc import Mapping

from nas_cli.axes import Axes, only
from nas_cli.task.recipes import Recipe, passes, recipe

WIDE = 500
"""Columns from which on a table gets a space of its own: attention over columns grows with the square of them, and bins
make each as wide as there are bins."""
ABOUT_WIDE = """\
What is searched: small networks on the columns as they are. With so many columns, attention over them and numbers in
bins, which 'space: tabular' has, would take hours and gigabytes. 'nas show ops' lists the layers that you can use."""
WIDE_MODEL = """
  - features: {units: 2}
  - dropout: {rate: {choice: [0.0, 0.2, 0.5]}}
  - repeat:
      times: {int: [1, 3]}
      body:
        - linear: {units: {choice: [16, 32, 64, 128]}}
        - choice: [[], batch_norm]
        - choice: [relu, gelu]
        - dropout: {rate: {choice: [0.1, 0.3, 0.5]}}"""
BASELINES = """\
linear: [features]
mlp: [features, {linear: {units: 256}}, relu, {dropout: {rate: 0.2}}, {linear: {units: 128}}, relu]"""


@recipe("table rows", "class")
@recipe("table rows", "number")
def tables(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    """Small networks for tables of many columns; else the built-in space `tabular`."""
    epochs = passes(examples, least=8, seen=100_000)
    if only(inputs).shape[0] >= WIDE:
        return Recipe(model=WIDE_MODEL, about=ABOUT_WIDE, epochs=epochs, batch_size=128, baselines=BASELINES)
    return Recipe("tabular", epochs=epochs, batch_size=128, baselines=BASELINES)
