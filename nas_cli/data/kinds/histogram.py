"""Histograms of the levels of images, for normalisation and for notes on odd levels."""

from __future__ import annotations

import numpy as np

from nas_cli.axes import Column
from nas_cli.data.source import Array

CHUNK = 512
FEW = 8
"""A largest level below this says that values were scaled down twice."""


def histogram(images: Column[Array]) -> Array:
    """int64 (C, 256): the pixels of each level in each channel of uint8 `images`."""
    assert images.values.dtype == np.uint8, images.values.dtype
    channels = images.values.shape[1]
    counts = np.zeros((channels, 256), np.int64)
    # A memory-mapped file is read in its order.
    images = images if images.rows is None else Column(images.values, np.sort(images.rows))
    for start in range(0, len(images), CHUNK):
        pixels = images.take(start, start + CHUNK).values
        for channel in range(channels):
            chunk = pixels[:, channel]
            counts[channel] += np.bincount(chunk.reshape(-1), minlength=256)
    return counts


def normalisation(counts: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of a histogram, in units of its levels (0 to 255).

    The standard deviation is the population's. A constant channel has 1, so that it may be a divisor.
    """
    values = np.arange(256)
    mean = counts @ values / counts.sum(axis=1)
    variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1)
    deviation = np.where(variance > 0, np.sqrt(variance), 1.0)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def about_levels(counts: Array) -> list[str]:
    """A note where the histogram of the training part shows images of a single colour, or nearly black ones."""
    levels = np.flatnonzero(counts.any(axis=0))
    if ((counts > 0).sum(axis=1) == 1).all():
        return ["every picture to learn from is the same, one colour all over: look at how they were made"]
    if levels[-1] < FEW:
        return [
            f"the pixels to learn from are {levels[0]} to {levels[-1]} of 255, hardly more than black: floats are read "
            "as 0 to 1, and may have been divided once too often"
        ]
    return []
