"""Compares an export with the network that it was made from, on samples of the validation part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nas_cli.axes import Axes, Column
from nas_cli.data import load_training
from nas_cli.data.fields import SEVERAL
from nas_cli.deliver.export.sizes import image_sizes, other_sizes
from nas_cli.deliver.load import Model
from nas_cli.errors import DataError, ExportError, RunError
from nas_cli.record.inputs import read_samples
from nas_cli.train.checkpoint import load_tensors

SAMPLES, LONGER = 64, 5
MOST_BYTES = 1 << 28
"""Limit on the samples that a run keeps, in addition to two samples of any size."""
TOLERANCE = 1e-3
"""The largest difference of logits that is accepted, for logits up to 1; it grows in proportion to larger ones."""
RANDOM_LENGTH = 12

Array = np.ndarray[Any, Any]
Given = list[Array]
"""A batch of raw inputs of the network: its fields in their order, then the lengths of ragged floats."""
Run = Callable[[Sequence[Given]], list[Array]]
"""Runs an export: batches to the logits of each."""


@dataclass(frozen=True)
class Checked:
    """The inputs to compare on, and a description of them for the user."""

    inputs: Given
    what: str


def inputs_to_check(model: Model) -> Checked:
    """The samples that the run keeps; without these, examples of its validation part; where the data is gone or has
    changed, random inputs.

    Raises RunError where the samples are damaged.
    """
    if model.run.samples.exists():
        return Checked(_kept(model), "validation samples that the run keeps")
    try:
        training = load_training(model.data, model.seed, model.cache, model.task.wanted, model.fields)
    except DataError as error:
        return Checked(random_inputs(model), f"random inputs, since the run keeps no samples and {error}")
    columns = {field: column.take(0, SAMPLES) for field, column in training.validation.columns.items()}
    if not _fits(model, columns):
        return Checked(random_inputs(model), "random inputs, since the run keeps no samples and its data has changed")
    return Checked(given(model, columns), "validation samples")


def given(model: Model, columns: Mapping[str, Column[Array]]) -> Given:
    """The batch of `columns`, which are in memory, in the order of the network's inputs."""
    fields = [np.ascontiguousarray(columns[field].values) for field in model.inputs]
    lengths = [columns[field].lengths for field, axes in model.inputs.items() if axes.sent_lengths]
    return [*fields, *(each for each in lengths if each is not None)]


def _kept(model: Model) -> Given:
    tensors, _ = load_tensors(model.run.samples, MOST_BYTES + 2 * sum(x.nbytes for x in model.example()))
    try:
        columns = read_samples({name: tensor.numpy() for name, tensor in tensors.items()}, model.inputs)
    except KeyError:
        columns = {}
    if not columns or not _fits(model, columns):
        raise RunError(
            f"{model.run.samples} is damaged: it holds no inputs of this network; delete it, and others serve"
        )
    found = given(model, columns)
    try:
        run_network(model, found)
    except (IndexError, RuntimeError, ValueError) as error:
        raise RunError(f"{model.run.samples} is damaged: the network cannot take it: {error}") from None
    return found


def _fits(model: Model, columns: Mapping[str, Column[Array]]) -> bool:
    """Whether the columns are inputs of the network; sequences may have any length."""
    counts = {len(column) for column in columns.values()}
    return len(counts) == 1 and 0 not in counts and all(_is_of(columns[f], axes) for f, axes in model.inputs.items())


def _is_of(column: Column[Array], axes: Axes) -> bool:
    values, lengths = column.values, column.lengths
    if axes.sent_lengths != (lengths is not None) or values.dtype != axes.dtype:
        return False
    if lengths is not None and (
        lengths.shape != (len(values),) or lengths.min() < 1 or lengths.max() > values.shape[-1]
    ):
        return False
    return axes.fits(tuple(values.shape[1:])) and bool(np.isfinite(values).all())


def random_inputs(model: Model) -> Given:
    """Valid random inputs (SAMPLES, *shape): pixels, known words and characters, or cells of a table."""
    rng = np.random.default_rng(0)
    of_fields = model.problem.facts.get(SEVERAL, {})
    columns = {}
    for field, axes in model.inputs.items():
        values = _random(axes, {**model.problem.facts, **of_fields.get(field, {})}, rng)
        columns[field] = Column(values, None, np.full(SAMPLES, RANDOM_LENGTH) if axes.sent_lengths else None)
    return given(model, columns)


def _random(axes: Axes, facts: Mapping[str, Any], rng: np.random.Generator) -> Array:
    shape = (SAMPLES, *(axes.of_length(RANDOM_LENGTH) if axes.ragged else axes).shape)
    if axes.levels:
        return rng.integers(0, 256, shape).astype(np.uint8)
    if axes.ragged and not axes.sent_lengths:
        inputs = np.zeros(shape, np.int32)
        for place, length in zip(inputs, rng.integers(2, RANDOM_LENGTH + 1, SAMPLES), strict=True):
            place[0, :length] = rng.integers(1, max(2, facts.get("words", 2)), length)
            place[1:, :length] = rng.integers(0, max(1, facts.get("characters", 1)), (len(place) - 1, length))
        return inputs
    if axes.dtype == "int32":
        return np.zeros(shape, np.int32)
    rows = rng.normal(size=shape).astype(np.float32)
    for column, size in enumerate(facts.get("categories", []), facts.get("numeric_columns", 0)):
        rows[:, column] = rng.integers(0, size, SAMPLES)
    return rows


def compare(model: Model, run_exported: Run, samples: Given, form: str) -> float:
    """The largest difference of any output, over batches of all samples, of three and of one.

    Sequences are also compared with more padding, and the shortest alone without padding; images also in smaller and
    larger sizes, where the network takes them. Raises ExportError where the difference is above tolerance.
    """
    batches = [[np.ascontiguousarray(x[:count]) for x in samples] for count in (len(samples[0]), 3, 1)]
    batches += _of_other_lengths(model, samples)
    sizes = image_sizes(model)
    if sizes is not None:
        batches += [[images] for images in other_sizes(samples[0][:3], sizes)]
    expected = [run_network(model, batch) for batch in batches]
    origin = 0.0 if model.network.origin is None else model.network.origin.numpy()
    allowed = TOLERANCE * max(1.0, float(np.abs(expected[0] - origin).max()))
    largest = 0.0
    for batch, found, wanted in zip(batches, run_exported(batches), expected, strict=True):
        if found.shape != wanted.shape:
            raise ExportError(
                f"the {form} export gives {found.shape} for {len(batch[0])} {_what(batch[0])}; it was removed"
            )
        difference = float(np.abs(found - wanted).max())
        if not difference <= allowed:  # also true for NaN
            raise ExportError(
                f"the {form} export does not compute what the model computes: logits differ by up to "
                f"{difference:.3g}, and {allowed:.3g} is allowed; it was removed"
            )
        largest = max(largest, difference)
    return largest


def _of_other_lengths(model: Model, samples: Given) -> list[Given]:
    """Some samples with more padding, and the shortest one alone, without any."""
    ragged = [place for place, axes in enumerate(model.inputs.values()) if axes.ragged]
    if not ragged:
        return []
    longer, shortest = [x[:3] for x in samples], list(samples)
    which = int(np.sum([_ends(model, samples, place) for place in ragged], axis=0).argmin())
    shortest = [x[which : which + 1] for x in samples]
    for place in ragged:
        axes = (0, 0), (0, 0), (0, LONGER)
        longer[place] = np.pad(longer[place], axes)
        shortest[place] = shortest[place][:, :, : int(_ends(model, shortest, place)[0])]
    return [[np.ascontiguousarray(x) for x in batch] for batch in (longer, shortest)]


def _ends(model: Model, samples: Given, place: int) -> Array:
    """The lengths (N,) of a ragged field's samples, 1 at least."""
    axes = list(model.inputs.values())
    if axes[place].sent_lengths:
        return samples[len(axes) + sum(before.sent_lengths for before in axes[:place])]
    ends: Array = (samples[place][:, 0] != 0).sum(axis=1).clip(min=1)
    return ends


def _what(batch: Array) -> str:
    return "samples" if batch.ndim < 4 else f"images of {batch.shape[2]}x{batch.shape[3]}"


def run_network(model: Model, batch: Given) -> Array:
    """The network's outputs for a batch; those of sequences include the padding."""
    with torch.inference_mode():
        outputs: Array = model.network(*[torch.from_numpy(x) for x in batch]).numpy()
    return outputs
