"""`nas predict`: the answers of a run's best network for files and texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import Asked
from nas_cli.data.fields import one_of, size_of, stacked
from nas_cli.deliver.drawings import Drawings, draw, draws
from nas_cli.deliver.load import Model, load
from nas_cli.errors import DataError

TOGETHER, BYTES = 1024, 64_000_000
"""Limits of a batch: inputs, and their bytes."""


def predict(
    run: Path | None,
    inputs: Sequence[str | Path],
    plugins: bool = False,
    top: int = 3,
    root: Path = Path("runs"),
    member: str | None = None,
    text: bool = False,
    pictures: Path | None = None,
) -> list[dict[str, Any]]:
    """One answer per input: `input`, and `file`, `row` and `id` where it has them, the task's answer, and `text`, the
    answer in words.

    Where `pictures` names a folder and the task draws pictures, such as masks, they are written there: `pictures` of an
    answer maps the kind of each picture to its file.

    `inputs` are files and folders, or texts where the network takes texts; with `text` all of them are texts. Raises
    RunError, and DataError naming the input that cannot be read.
    """
    model = load(run, plugins, root, member)
    drawings = Drawings(pictures, force=True) if pictures is not None and draws(model) else None
    return list(answers(model, inputs, top, text, drawings=drawings))


def answers(
    model: Model,
    inputs: Sequence[str | Path],
    top: int = 3,
    text: bool = False,
    say: Callable[[str], None] = lambda text: None,
    drawings: Drawings | None = None,
) -> Iterator[dict[str, Any]]:
    """The answers of `predict`, lazily, with one batch in memory at a time. `say` is told which files in folders are
    skipped."""
    return _answered(model, model.ask(inputs, text, say, whole=drawings is not None), top, drawings)


def _answered(model: Model, asked: Iterator[Asked], top: int, drawings: Drawings | None) -> Iterator[dict[str, Any]]:
    facts = {**model.problem.facts, **model.fields.facts}
    for some in _batches(asked, _bytes_of_outputs(model)):
        runs = Runs(model, some)
        found = model.task.answers(runs, runs.examples, model.labels, facts, top)
        for place, (one, answer) in enumerate(zip(some, found, strict=True)):
            answered = {**one.where, **answer, "text": model.task.describe(answer)}
            if drawings is not None:
                answered["pictures"] = drawings.save(one, draw(model, runs(runs.examples)[place], one))
            yield answered


class Runs:
    """The network's outputs for raw examples: for the whole batch `asked`, computed once, or for other examples that a
    task derives from it. Raises DataError where an output is not finite.
    """

    def __init__(self, model: Model, asked: Sequence[Asked]) -> None:
        self._model = model
        self._asked = asked
        self.examples = [one_of(one.raw) for one in asked]
        self._known: list[Any] | None = None

    def __call__(self, examples: Sequence[Any]) -> list[Any]:
        """The output for each example; for a sentence, without the padding."""
        if examples is not self.examples:
            return self._computed(examples)
        if self._known is None:
            self._known = self._computed(examples)
        return self._known

    def _computed(self, examples: Sequence[Any]) -> list[Any]:
        model = self._model
        try:
            columns = model.fields.encode(stacked(examples))
        except DataError as error:
            file = self._asked[0].where.get("file")
            raise DataError(f"{file}: {error}" if file else str(error), error.remedy) from None
        outputs = model.predict(columns)
        self._require_finite(outputs)
        if not all(axes.ragged for axes in model.inputs.values()) or outputs.ndim < 3:
            return list(outputs)
        (words,) = columns.values()
        first = outputs.shape[2] - words.values.shape[2]  # a CRF's transition scores come before those of the words
        whole = zip(outputs, examples, strict=True)
        return [output[:, : first + max(1, len(example))] for output, example in whole]

    def _require_finite(self, outputs: np.ndarray[Any, Any]) -> None:
        if np.isfinite(outputs).all():
            return
        place = int(np.flatnonzero(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))[0])
        shown = self._asked[place].where["input"] if len(outputs) == len(self._asked) else "one of the inputs"
        raise DataError(
            f"the network gives no finite number for {shown}: its values are far from those it learned from"
        )


def _bytes_of_outputs(model: Model) -> int:
    """Bytes of the output for one example, of typical length where lengths differ."""
    program = model.network.program
    return 4 * math.prod(program.shape(program.output))


def _batches(asked: Iterator[Asked], beside: int) -> Iterator[list[Asked]]:
    """Batches of inputs within the limits; `beside` are the bytes that each input takes beside its raw content."""
    batch: list[Asked] = []
    size = 0
    for one in asked:
        batch.append(one)
        size += size_of(one.raw) + beside + (0 if one.picture is None else one.picture.nbytes)
        if len(batch) == TOGETHER or size > BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
