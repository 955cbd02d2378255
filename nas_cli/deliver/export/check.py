"""What an export is compared with: the network it was made from, on inputs such as it was chosen by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nas_cli.data import load_training
from nas_cli.deliver.export.sizes import image_sizes, other_sizes
from nas_cli.deliver.load import Model
from nas_cli.errors import DataError, ExportError, RunError
from nas_cli.train.checkpoint import load_tensors

SAMPLES, LONGER = 64, 5
MOST_BYTES = 1 << 28
"""Of the samples that a run keeps, beside two that the network takes at least."""
TOLERANCE = 1e-3
"""The largest difference between two logits that is let pass, for logits of size 1; more for larger ones."""
RANDOM_LENGTH = 12

Array = np.ndarray[Any, Any]
Run = Callable[[Sequence[Array]], list[Array]]
"""Batches of raw inputs to the logits of each."""


@dataclass(frozen=True)
class Checked:
    """`inputs` as the network takes them, and in words what they are."""

    inputs: Array
    what: str


def inputs_to_check(model: Model) -> Checked:
    """The samples that the run keeps; of a run that keeps none its validation part, where the data is still there, and
    random inputs else.

    Raises RunError where the samples are damaged.
    """
    if model.run.samples.exists():
        return Checked(_kept(model), "validation samples that the run keeps")
    try:
        training = load_training(model.data, model.seed, model.cache, model.task.wanted, model.encoder)
    except DataError as error:
        return Checked(random_inputs(model), f"random inputs, since the run keeps no samples and {error}")
    inputs = training.validation.take(0, SAMPLES)
    if not _fits(model, inputs):
        return Checked(random_inputs(model), "random inputs, since the run keeps no samples and its data has changed")
    return Checked(inputs, "validation samples")


def _kept(model: Model) -> Array:
    tensors, _ = load_tensors(model.run.samples, MOST_BYTES + 2 * model.example().nbytes)
    inputs = tensors.get("inputs")
    if inputs is None or inputs.dtype != model.dtype or not len(inputs) or not _fits(model, inputs.numpy()):
        raise RunError(
            f"{model.run.samples} is damaged: it holds no inputs of this network; delete it, and others serve"
        )
    found = inputs.numpy()
    try:
        run_network(model, found)
    except (IndexError, RuntimeError, ValueError) as error:
        raise RunError(f"{model.run.samples} is damaged: the network cannot take it: {error}") from None
    return found


def _fits(model: Model, inputs: Array) -> bool:
    """Sequences may have any length."""
    shape = tuple(inputs.shape[1:])
    return model.axes.fits(shape) and bool(np.isfinite(inputs).all())


def random_inputs(model: Model) -> Array:
    """Inputs (SAMPLES, *shape) that the network can take: pixels, words and characters it knows, cells of a table."""
    rng = np.random.default_rng(0)
    facts = model.facts
    shape = (SAMPLES, *model.axes.shape)
    if model.dtype == torch.uint8:
        return rng.integers(0, 256, shape).astype(np.uint8)
    if model.axes.ragged:
        inputs = np.zeros((SAMPLES, model.axes.shape[0], RANDOM_LENGTH), np.int32)
        for place, length in zip(inputs, rng.integers(2, RANDOM_LENGTH + 1, SAMPLES), strict=True):
            place[0, :length] = rng.integers(1, max(2, facts.get("words", 2)), length)
            place[1:, :length] = rng.integers(0, max(1, facts.get("characters", 1)), (len(place) - 1, length))
        return inputs
    rows = rng.normal(size=shape).astype(np.float32)
    for column, size in enumerate(facts.get("categories", []), facts.get("numeric_columns", 0)):
        rows[:, column] = rng.integers(0, size, SAMPLES)
    return rows


def compare(model: Model, run_exported: Run, samples: Array, form: str) -> float:
    """The largest difference of an output, over a batch of all samples, one of three and one of one.

    Of sequences also over a longer batch, and the shortest alone, without padding; of images also over smaller and
    larger ones, where the network takes them. Raises ExportError where it is above tolerance.
    """
    batches = [np.ascontiguousarray(samples[:count]) for count in (len(samples), 3, 1)]
    if model.axes.ragged:
        lengths = (samples[:, 0] != 0).sum(axis=1).clip(min=1)
        shortest = int(lengths.argmin())
        batches.append(np.pad(samples[:3], ((0, 0), (0, 0), (0, LONGER))))
        batches.append(np.ascontiguousarray(samples[shortest : shortest + 1, :, : lengths[shortest]]))
    sizes = image_sizes(model)
    if sizes is not None:
        batches += other_sizes(samples[:3], sizes)
    expected = [run_network(model, batch) for batch in batches]
    origin = 0.0 if model.network.origin is None else model.network.origin.numpy()
    allowed = TOLERANCE * max(1.0, float(np.abs(expected[0] - origin).max()))
    largest = 0.0
    for batch, found, wanted in zip(batches, run_exported(batches), expected, strict=True):
        if found.shape != wanted.shape:
            raise ExportError(f"the {form} export gives {found.shape} for {len(batch)} {_what(batch)}; it was removed")
        difference = float(np.abs(found - wanted).max())
        if not difference <= allowed:  # a NaN is not
            raise ExportError(
                f"the {form} export does not compute what the model computes: logits differ by up to "
                f"{difference:.3g}, and {allowed:.3g} is allowed; it was removed"
            )
        largest = max(largest, difference)
    return largest


def _what(batch: Array) -> str:
    return "samples" if batch.ndim < 4 else f"images of {batch.shape[2]}x{batch.shape[3]}"


def run_network(model: Model, batch: Array) -> Array:
    """Outputs as wide as the batch, its padding included."""
    with torch.inference_mode():
        outputs: Array = model.network(torch.from_numpy(batch)).numpy()
    return outputs
