"""`nas predict`: what the best network of a run makes of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas_cli.deliver.load import load


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
    answers = []
    for name, raw in model.read(inputs):
        outputs = model.predict(model.encode(raw))[0]
        answer = model.task.answer(outputs, model.labels, top, raw[0])
        answers.append({"input": name, **answer, "text": model.task.describe(answer)})
    return answers
