"""`nas predict`: what the best network of a run makes of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import read_inputs
from nas_cli.deliver.load import load


def predict(
    run: Path | None,
    files: Sequence[Path],
    plugins: bool = False,
    top: int = 3,
    root: Path = Path("runs"),
    member: str | None = None,
) -> list[dict[str, Any]]:
    """An answer a file: `file`, the task's answer, and `text`, the answer as a person reads it.

    Raises RunError, and DataError naming the file that cannot be read.
    """
    model = load(run, plugins, root, member)
    inputs = read_inputs(model.data, model.input_shape, list(files))
    answers = []
    for name, array in inputs:
        logits = model.predict(np.ascontiguousarray(array)[None])[0]
        answer = model.task.answer(logits, model.labels, top)
        answers.append({"file": name, **answer, "text": model.task.describe(answer)})
    return answers
