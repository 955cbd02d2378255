"""Holding out: for any classes and any fraction."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nas_cli.data.split import hold_out

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any)
FRACTIONS = st.floats(0.001, 0.9)
SEEDS = st.integers(0, 2**32)


def targets_of(counts: list[int]) -> np.ndarray:
    """Sorted by class, the worst case for a split that does not shuffle."""
    return np.repeat(np.arange(len(counts)), counts)


@given(COUNTS, FRACTIONS, SEEDS)
def test_together_all_and_each_once(counts: list[int], fraction: float, seed: int) -> None:
    targets = targets_of(counts)
    stay, held = hold_out(targets, fraction, np.random.default_rng(seed))
    assert sorted([*stay, *held]) == list(range(len(targets)))


@given(COUNTS, FRACTIONS, SEEDS)
def test_every_class_on_either_side_where_it_can_be(counts: list[int], fraction: float, seed: int) -> None:
    targets = targets_of(counts)
    stay, held = hold_out(targets, fraction, np.random.default_rng(seed))
    for label, count in enumerate(counts):
        if count >= 1:
            assert label in targets[stay]
        assert (label in targets[held]) == (count >= 2)


@given(COUNTS, FRACTIONS, SEEDS)
def test_each_class_gives_its_share(counts: list[int], fraction: float, seed: int) -> None:
    targets = targets_of(counts)
    _, held = hold_out(targets, fraction, np.random.default_rng(seed))
    given_up = np.bincount(targets[held], minlength=len(counts))
    for count, out in zip(counts, given_up, strict=True):
        assert abs(out - count * fraction) <= 1


@given(st.lists(st.integers(20, 60), min_size=2, max_size=8), st.floats(0.1, 0.9), SEEDS)
def test_the_whole_share_is_exact_where_no_class_is_tiny(counts: list[int], fraction: float, seed: int) -> None:
    targets = targets_of(counts)
    _, held = hold_out(targets, fraction, np.random.default_rng(seed))
    assert len(held) == round(sum(counts) * fraction)


@given(COUNTS, FRACTIONS, SEEDS)
def test_the_seed_decides(counts: list[int], fraction: float, seed: int) -> None:
    targets = targets_of(counts)
    first, again = (hold_out(targets, fraction, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_sorted_rows_come_out_shuffled() -> None:
    targets = targets_of([100] * 10)
    stay, held = hold_out(targets, 0.2, np.random.default_rng(0))
    assert np.unique(targets[stay[:100]]).size == 10
    assert np.unique(targets[held[:50]]).size == 10
    assert not (np.diff(stay) > 0).all()


def test_who_is_held_out_depends_on_chance_alone() -> None:
    """Over many seeds each of a class's examples is held out about equally often."""
    targets = targets_of([10, 30])
    times = np.zeros(40)
    for seed in range(2000):
        _, held = hold_out(targets, 0.3, np.random.default_rng(seed))
        times[held] += 1
    np.testing.assert_allclose(times / 2000, 0.3, atol=0.05)
