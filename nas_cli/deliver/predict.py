"""`nas predict`: what the best network of a run makes of files and texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas_cli.data import Asked
from nas_cli.data.fields import one_of, size_of, together
from nas_cli.data.source import Raw
from nas_cli.deliver.drawings import Drawings, draw, draws
from nas_cli.deliver.load import Model, load
from nas_cli.errors import DataError

TOGETHER, BYTES = 1024, 64_000_000
"""Inputs that go through the network at once, at most, and bytes of them."""


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
    """An answer an input: `input`, `file`, `row` and `id` where there are such, the task's answer, and `text`, the
    answer as a person reads it.

    Where `pictures` names a folder, and the task draws pictures, masks say, they are written there: `pictures` of an
    answer maps what each shows to its file.

    `inputs` are files and folders, or texts where the network takes texts; with `text` they are texts, whatever they
    look like. Raises RunError, and DataError naming what cannot be read.
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
    """As `predict`, one after another, so that no more than some of them are in memory. `say` is told what is passed
    over in folders."""
    return _answered(model, model.ask(inputs, text, say, whole=drawings is not None), top, drawings)


def _answered(model: Model, asked: Iterator[Asked], top: int, drawings: Drawings | None) -> Iterator[dict[str, Any]]:
    for some in _batches(asked, _bytes_of_outputs(model)):
        pieces = [_cut(model, one) for one in some]
        outputs = _outputs(model, some, [raw for group in pieces for raw in group])
        for one, group in zip(some, pieces, strict=True):
            given = [next(outputs) for _ in group]
            found = [
                model.task.answer(output, model.labels, top, one_of(raw))
                for output, raw in zip(given, group, strict=True)
            ]
            answer = found[0] if len(found) == 1 else _joined(found)
            answered = {**one.where, **answer, "text": model.task.describe(answer)}
            if drawings is not None:
                answered["pictures"] = drawings.save(one, draw(model, given[0], one))
            yield answered


def _bytes_of_outputs(model: Model) -> int:
    """Of one example, of typical length where lengths differ."""
    program = model.network.program
    return 4 * math.prod(program.shape(program.output))


def _batches(asked: Iterator[Asked], beside: int) -> Iterator[list[Asked]]:
    """As many as go through the network at once; `beside` are the bytes that each takes more than what was read."""
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


def _cut(model: Model, asked: Asked) -> list[Raw]:
    """A sentence that is longer than those that the network was trained on, in pieces of their length."""
    words = one_of(asked.raw)
    if not isinstance(words, tuple):
        return [asked.raw]
    longest = int(model.encoder.state().get("longest") or len(words) or 1)
    cut: list[Raw] = []
    for start in range(0, max(1, len(words)), longest):
        raw = np.empty(1, object)
        raw[0] = words[start : start + longest]
        cut.append(raw)
    return cut


def _joined(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer for a sentence, from those for its pieces."""
    words: list[str] = []
    tags: list[str] = []
    entities = []
    for answer in answers:
        shift = len(words)
        entities += [
            {**entity, "first": entity["first"] + shift, "last": entity["last"] + shift}
            for entity in answer["entities"]
        ]
        words += answer["words"]
        tags += answer["tags"]
    return {"words": words, "tags": tags, "entities": entities}


def _outputs(model: Model, asked: Sequence[Asked], raw: Sequence[Raw]) -> Iterator[Any]:
    """The network's output for each raw example (1, …); of sentences without what follows their last word."""
    try:
        columns = model.fields.encode(together(raw))
    except DataError as error:
        file = asked[0].where.get("file")
        raise DataError(f"{file}: {error}" if file else str(error), error.remedy) from None
    outputs = model.predict(columns)
    if not np.isfinite(outputs).all():
        place = int(np.flatnonzero(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))[0])
        shown = asked[place].where["input"] if len(raw) == len(asked) else "one of the inputs"
        raise DataError(
            f"the network gives no finite number for {shown}: its values are far from those it learned from"
        )
    if not all(axes.ragged for axes in model.inputs.values()) or outputs.ndim < 3:
        yield from outputs
        return
    (words,) = columns.values()
    first = outputs.shape[2] - words.values.shape[2]  # of a conditional random field, scores that are of no word
    for output, example in zip(outputs, raw, strict=True):
        yield output[:, : first + max(1, len(one_of(example)))]
