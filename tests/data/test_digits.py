"""The digits are read without importing scikit-learn, and are what it gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nas_cli.data.sources import digits as module


@pytest.mark.parametrize("file", [module.FILE, "elsewhere.csv.gz"])
def test_they_are_those_of_scikit_learn(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE", file)
    examples, bunch = module.digits().train, load_digits()
    pixels = examples.read(np.arange(len(bunch.target)))
    assert pixels.dtype == np.uint8
    assert (pixels == np.rint(bunch.images[:, None] * (255 / 16))).all()
    assert (examples.labels == bunch.target).all()


def test_no_module_of_scikit_learn_is_imported() -> None:
    code = "import sys; from nas_cli.data.sources.digits import digits; digits(); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
