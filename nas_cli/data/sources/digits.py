"""The handwritten digits that come with scikit-learn: 1,797 grey images of 8x8 pixels, ten classes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nas_cli.data.sniffing import Found, sniff
from nas_cli.data.source import SOURCES, Array, Dataset, Examples

STEPS = 16
"""The data counts pixels set in 4x4 blocks of a bitmap: 0 to 16."""
FILE = "datasets/data/digits.csv.gz"
"""Where scikit-learn keeps it."""


@SOURCES.register("digits")
def digits() -> Dataset:
    """Handwritten digits, 8x8 grey, embedded in scikit-learn: 1,797 images, without a test part of their own.

    The 17 levels are spread over 0 to 255, as pictures from elsewhere have it. (Alpaydin & Kaynak 1998.)
    """
    table = _table()
    pixels = np.rint(table[:, :-1].reshape(-1, 1, 8, 8) * (255 / STEPS)).astype(np.uint8)

    def read(indices: Array) -> Array:
        return np.ascontiguousarray(pixels[indices])

    return Dataset(Examples("digits", table[:, -1].astype(np.int64), read))


def _table() -> Array:
    """One row an image: 64 counts and the class. Read without importing scikit-learn, which takes over a second."""
    spec = find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder, FILE)
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits  # of a version that keeps it elsewhere

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


@sniff("digits", inputs="images", targets=("class",), expects="nothing")
def embedded() -> Found:
    """What is there where no path is named."""
    return Found(
        lines=(
            "# your own:  {source: image-folder, path: my-images, size: [32, 32]}   one folder a class",
            "#            {source: idx, path: my-folder}                            the files of MNIST and its kind",
            "#            {source: npz, path: my-data.npz}                          NumPy arrays",
        ),
        what="The digits that come with scikit-learn: 1,797 grey images of 8×8 pixels. Put your own data in their "
        "place",
        shape=(1, 8, 8),
    )
