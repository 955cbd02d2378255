"""Piecewise-linear encoding, against its formula by NumPy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch

from nas_cli.model.ops.table_modules import Bins


@pytest.mark.parametrize("count", [2, 5, 128])
def test_bins_hold_equal_shares_of_a_normal_distribution(count: int) -> None:
    inner = [NormalDist().inv_cdf(k / count) for k in range(1, count)]
    edges = np.array([inner[0] - 1, *inner, inner[-1] + 1])
    x = np.linspace(-3, 3, 41)
    expected = (x[:, None] - edges[:-1]) / np.diff(edges)
    low, high = np.zeros(count), np.ones(count)
    low[0], high[-1] = -4, 4
    found = Bins(count)(torch.from_numpy(x.astype(np.float32))[:, None])
    assert found.shape == (41, 1, count)
    assert found[:, 0].numpy() == pytest.approx(np.clip(expected, low, high), abs=1e-4)
    assert Bins(count).state_dict() == {}
