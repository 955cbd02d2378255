"""`nas predict`: what the best network of a run makes of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.deliver.load import Model, load

TOGETHER = 1024
"""Inputs that go through the network at once, at most: a table to predict from may have many rows."""


def predict(
    run: Path | None,
    inputs: Sequence[str],
    plugins: bool = False,
    top: int = 3,
    root: Path = Path("runs"),
    member: str | None = None,
) -> list[dict[str, Any]]:
    """An answer an input: `input`, the task's answer, and `text`, the answer as a person reads it.

    `inputs` are files, or texts where the network takes texts. Raises RunError, and DataError naming the file that
    cannot be read.
    """
    model = load(run, plugins, root, member)
    given = model.read(inputs)
    answers = []
    for start in range(0, len(given), TOGETHER):
        some = given[start : start + TOGETHER]
        for (name, raw), outputs in zip(some, _outputs(model, [raw for _, raw in some]), strict=True):
            answer = model.task.answer(outputs, model.labels, top, raw[0])
            answers.append({"input": name, **answer, "text": model.task.describe(answer)})
    return answers


def _outputs(model: Model, examples: Sequence[Any]) -> Iterable[Any]:
    """Of raw examples (1, …), one by one where they differ in length."""
    if len(model.input_shape) == 2:
        return (model.predict(model.encode(raw))[0] for raw in examples)
    return model.predict(model.encode(np.concatenate(examples)))
