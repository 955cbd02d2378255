"""The handwritten digits that come with scikit-learn: 1,797 grey images of 8x8 pixels, ten classes."""

from __future__ import annotations

import numpy as np

from nas_cli.data.source import SOURCES, Array, Dataset, Examples

STEPS = 16
"""The data counts pixels set in 4x4 blocks of a bitmap: 0 to 16."""


@SOURCES.register("digits")
def digits() -> Dataset:
    """Handwritten digits, 8x8 grey, embedded in scikit-learn: 1,797 images, without a test part of their own.

    The 17 levels are spread over 0 to 255, as pictures from elsewhere have it. (Alpaydin & Kaynak 1998.)
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images[:, None] * (255 / STEPS)).astype(np.uint8)

    def read(indices: Array) -> Array:
        return np.ascontiguousarray(pixels[indices])

    return Dataset(Examples("digits", bunch.target.astype(np.int64), read))
