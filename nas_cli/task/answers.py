"""Answers of a network to examples; an answer may take several forward passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Run = Callable[[Sequence[Any]], Sequence[Any]]
"""Maps examples, as a source reads them, to the network's output for each, an array."""


class Answering(Protocol):
    """The part of a task that turns one output into an answer."""

    def answer(self, outputs: Any, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]: ...


def answer_each(
    task: Answering, run: Run, examples: Sequence[Any], labels: Sequence[str], top: int
) -> list[dict[str, Any]]:
    """An answer to each example by the network's output for it."""
    pairs = zip(run(examples), examples, strict=True)
    return [task.answer(outputs, labels, top, example) for outputs, example in pairs]
