"""Parts that are held out by group, by time, of each group, by position: for any groups, moments and fractions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_cli.data.source import Divide
from nas_cli.data.split import by_group, by_order, by_position, latest_of_group
from nas_cli.errors import DataError

GROUPS = st.lists(st.integers(0, 7), min_size=2, max_size=40).filter(lambda groups: len(set(groups)) > 1)
MOMENTS = st.lists(st.integers(-5, 30), min_size=2, max_size=60).filter(lambda moments: len(set(moments)) > 1)
BOTH = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=2, max_size=60)
FRACTIONS = st.floats(0.001, 0.9)
SEEDS = st.integers(0, 2**32)


def texts(numbers: list[int]) -> np.ndarray:
    return np.array([f"g{number}" for number in numbers], object)


def divided(divide: Divide, count: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Checked to be all of `count` examples, once each, and the same again, in whatever order they are given."""
    among = np.arange(count)
    stay, held = divide(among, fraction, np.random.default_rng(seed))
    again = divide(among[::-1].copy(), fraction, np.random.default_rng(seed))
    assert sorted([*stay, *held]) == list(range(count))
    assert set(again[1]) == set(held)
    assert len(stay)
    assert len(held)
    return stay, held


def wanted(count: int, fraction: float) -> int:
    return round(count * fraction)


@given(GROUPS, FRACTIONS, SEEDS)
def test_no_group_is_in_two_parts(numbers: list[int], fraction: float, seed: int) -> None:
    groups = texts(numbers)
    stay, held = divided(by_group(groups), len(groups), fraction, seed)
    assert not set(groups[stay]) & set(groups[held])


@given(GROUPS, FRACTIONS, SEEDS)
def test_the_share_is_as_near_to_the_fraction_as_whole_groups_allow(
    numbers: list[int], fraction: float, seed: int
) -> None:
    sizes = np.bincount(numbers)
    sizes = sizes[sizes > 0].tolist()
    possible = {sum(some) for count in range(1, len(sizes)) for some in combinations(sizes, count)}
    stay, held = divided(by_group(texts(numbers)), len(numbers), fraction, seed)
    share = wanted(len(numbers), fraction)
    left = len({numbers[k] for k in stay})
    assert left >= min(2, len(sizes) - 1)
    if left > 2:
        assert abs(len(held) - share) == min(abs(total - share) for total in possible)


@given(st.integers(40, 400), st.floats(0.05, 0.9), SEEDS)
def test_of_many_groups_the_share_is_exact(count: int, fraction: float, seed: int) -> None:
    sizes = np.random.default_rng(seed).integers(1, 12, count)
    groups = np.repeat(np.arange(count), sizes)
    _, held = divided(by_group(groups), len(groups), fraction, seed)
    assert len(held) == wanted(len(groups), fraction)


@given(GROUPS.filter(lambda groups: len(set(groups)) > 2), FRACTIONS, FRACTIONS, SEEDS)
def test_three_groups_are_enough_for_three_parts(numbers: list[int], test: float, share: float, seed: int) -> None:
    groups, rng = texts(numbers), np.random.default_rng(seed)
    stay, tested = by_group(groups)(np.arange(len(groups)), test, rng)
    learned, chosen = by_group(groups)(rng.permutation(stay), share, rng)
    parts = [set(groups[part].tolist()) for part in (learned, chosen, tested)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set(numbers))


def test_a_group_that_is_most_of_the_data_is_learned_from() -> None:
    groups = np.array(["all"] * 900 + [f"small {k}" for k in range(100)], object)
    for seed in range(20):
        stay, held = divided(by_group(groups), 1000, 0.05, seed)
        assert len(held) == 50
        assert "all" in groups[stay]


def test_which_groups_are_held_out_depends_on_chance_alone() -> None:
    groups = np.repeat(np.arange(60), 5)
    times = np.zeros(60)
    for seed in range(600):
        _, held = by_group(groups)(np.arange(300), 0.2, np.random.default_rng(seed))
        times[np.unique(groups[held])] += 1
    np.testing.assert_allclose(times / 600, 0.2, atol=0.09)


def test_large_and_small_groups_are_held_out_alike() -> None:
    """The share is not made up of small groups, which are the easy ones to add up."""
    sizes = np.repeat([1, 20], 100)
    groups = np.repeat(np.arange(200), sizes)
    large = []
    for seed in range(100):
        _, held = by_group(groups)(np.arange(len(groups)), 0.2, np.random.default_rng(seed))
        large.append(float((groups[held] >= 100).mean()))
    assert abs(np.mean(large) - 20 / 21) < 0.03


@given(MOMENTS, FRACTIONS, SEEDS)
def test_what_is_held_out_is_newer(numbers: list[int], fraction: float, seed: int) -> None:
    moments = np.array(numbers)
    stay, held = divided(by_order(moments), len(moments), fraction, seed)
    assert moments[stay].max() < moments[held].min()
    cuts = np.unique(moments)
    possible = [int((moments >= cut).sum()) for cut in cuts[2:] if len(cuts) > 2] or [int((moments >= cuts[1]).sum())]
    share = wanted(len(moments), fraction)
    assert abs(len(held) - share) == min(abs(count - share) for count in possible)


@given(MOMENTS.filter(lambda moments: len(set(moments)) > 2), FRACTIONS, FRACTIONS, SEEDS)
def test_the_test_part_is_the_newest_and_validation_the_next(
    numbers: list[int], fraction: float, test: float, seed: int
) -> None:
    moments = np.array(numbers)
    divide, rng = by_order(moments), np.random.default_rng(seed)
    stay, tested = divide(np.arange(len(moments)), test, rng)
    learned, chosen = divide(rng.permutation(stay), fraction, rng)
    assert moments[learned].max() < moments[chosen].min()
    assert moments[chosen].max() < moments[tested].min()


@given(BOTH, FRACTIONS, SEEDS)
def test_each_group_gives_its_newest(pairs: list[tuple[int, int]], fraction: float, seed: int) -> None:
    numbers, moments = (np.array(column) for column in zip(*pairs, strict=True))
    counts = np.bincount(numbers)
    divide = latest_of_group(texts(numbers.tolist()), moments)
    if counts.max() < 2:
        with pytest.raises(DataError, match="no group has two examples"):
            divide(np.arange(len(pairs)), fraction, np.random.default_rng(seed))
        return
    stay, held = divided(divide, len(pairs), fraction, seed)
    for group in np.unique(numbers):
        learned, left = (part[numbers[part] == group] for part in (stay, held))
        assert len(learned)
        assert bool(len(left)) == (counts[group] > 1)
        assert abs(len(left) - fraction * counts[group]) <= 1
        if len(left):  # of one moment, the later in the file is the newer
            assert max(zip(moments[learned], learned, strict=True)) < min(zip(moments[left], left, strict=True))


def test_the_last_of_every_user_is_held_out_twice() -> None:
    users = np.repeat(["a", "b", "c"], [5, 3, 2]).astype(object)
    moments = np.array([1, 2, 3, 4, 5, 30, 20, 10, 7, 7])
    divide, rng = latest_of_group(users, moments), np.random.default_rng(0)
    stay, tested = divide(np.arange(10), 0.2, rng)
    learned, chosen = divide(stay, 0.2, rng)
    assert sorted(tested) == [4, 5, 9]
    assert sorted(chosen) == [3, 6]
    assert sorted(learned) == [0, 1, 2, 7, 8]


@given(st.integers(2, 60), FRACTIONS)
def test_pieces_are_contiguous(count: int, fraction: float) -> None:
    stay, held = divided(by_position, count, fraction, 0)
    assert stay.tolist() == list(range(len(stay)))
    assert held.tolist() == list(range(len(stay), count))
    assert len(held) == min(max(1, wanted(count, fraction)), count - 1)


def test_pieces_of_what_is_left_are_contiguous_too() -> None:
    rng = np.random.default_rng(0)
    stay, tested = by_position(np.arange(10), 0.2, rng)
    learned, chosen = by_position(rng.permutation(stay), 0.25, rng)
    assert [part.tolist() for part in (learned, chosen, tested)] == [[0, 1, 2, 3, 4, 5], [6, 7], [8, 9]]


@pytest.mark.parametrize(
    ("divide", "said"),
    [
        (by_group(np.array(["x", "x", "x"], object)), "all 3 examples are of one group, 'x'"),
        (by_order(np.array([4, 4, 4])), "all 3 examples are of one moment"),
        (latest_of_group(np.array([1, 2, 3]), np.array([1, 2, 3])), "no group has two examples"),
    ],
)
def test_what_cannot_be_divided_says_why(divide: Divide, said: str) -> None:
    with pytest.raises(DataError, match=said):
        divide(np.arange(3), 0.2, np.random.default_rng(0))


def test_one_example_is_no_two_pieces() -> None:
    with pytest.raises(DataError, match="one example alone"):
        by_position(np.arange(1), 0.2, np.random.default_rng(0))


def test_a_million_examples_of_many_groups_take_no_time() -> None:
    """A bound on the work: sums are only searched near the share, whatever the sizes."""
    for sizes in (np.full(100_000, 10), np.random.default_rng(0).integers(1, 2_000, 1_000), np.full(50, 20_000)):
        groups = np.repeat(np.arange(len(sizes)), sizes)
        stay, held = by_group(groups)(np.arange(len(groups)), 0.2, np.random.default_rng(0))
        assert abs(len(held) - wanted(len(groups), 0.2)) <= sizes.min() / 2
        assert len(stay) + len(held) == len(groups)
