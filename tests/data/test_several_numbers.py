"""Targets that are several numbers an example, a column each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import TrainingData, Wanted, load_training, parse_data
from nas_cli.data.kinds.numbers import encode_numbers, find_numbers
from nas_cli.data.settings import DataSettings
from nas_cli.data.source import Examples
from nas_cli.errors import DataError

NAMES = ("angle", "speed")


def examples(labels: Any, dtype: Any = None) -> Examples:
    return Examples("drives.csv", np.array(labels, dtype), lambda rows: rows)


def drives(count: int = 60, far: float = 0.0) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return np.stack([rng.normal(0.0, 0.1, count), rng.normal(50.0 + far, 9.0, count)], axis=1)


@pytest.mark.parametrize("written", [False, True])
def test_each_column_has_units_of_its_own(written: bool) -> None:
    values = drives()
    labels = (
        examples([[repr(float(value)) for value in row] for row in values], object) if written else examples(values)
    )
    found = find_numbers(labels, names=NAMES)
    assert found.names == NAMES
    assert found.facts["target_mean"] == pytest.approx(values.mean(axis=0))
    assert found.facts["target_deviation"] == pytest.approx(values.std(axis=0))
    assert "target_origin" not in found.facts
    encoded = found.encode(labels)
    assert encoded.shape == (60, 2)
    assert encoded.dtype == np.float32
    assert encoded == pytest.approx(values, rel=1e-6)


def test_a_column_that_lies_far_from_zero_is_counted_from_where_it_lies() -> None:
    values = drives(far=1.7e9)
    found = find_numbers(examples(values), names=NAMES)
    origins = found.facts["target_origin"]
    assert origins[0] == 0.0
    assert origins[1] == pytest.approx(1.7e9)
    assert found.facts["target_mean"][1] == 0.0
    assert found.encode(examples(values)) + np.array(origins) == pytest.approx(values, rel=0, abs=1e-3)
    settings = DataSettings("image-table", {}).as_found({"target_origin": origins, "labels": 2})
    assert settings.origin == tuple(origins)
    again = find_numbers(examples(values + 5.0), settings.origin, NAMES)
    assert again.facts["target_origin"] == origins, "the network's, whatever the data is by now"


def test_one_number_is_one_whether_it_lies_in_a_column_or_not() -> None:
    values = drives()[:, 0]
    alone, column = find_numbers(examples(values)), find_numbers(examples(values[:, None]), names=("angle",))
    assert column.facts == alone.facts
    assert column.names == alone.names == ()
    assert column.encode(examples(values[:, None])).tolist() == alone.encode(examples(values)).tolist()


def test_columns_without_names_are_numbered() -> None:
    assert find_numbers(examples(drives())).names == ("number 1", "number 2")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([["1", "2"], ["3", "fast"]], "the target 'fast' in column 'speed', which is no number"),
        ([["1", "2"], ["", "3"]], "the target '' in column 'angle', which is no number"),
        ([["1", "2"], ["3", "4e39"]], "the target 4e39 in column 'speed', which is beyond"),
        ([["1", "2"], ["3", "2"]], "every target of drives.csv in column 'speed' is 2: there is nothing to learn"),
        ([["1", "1e18"], ["3", "1000000000000000100"]], "in column 'speed' lie around 1e.18 and differ by about 9"),
        ([["1,5", "2"], ["3", "2"]], "the target '1,5' in column 'angle', which is no number; say decimal"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(labels: list[list[str]], words: str) -> None:
    with pytest.raises(DataError, match=words):
        find_numbers(examples(labels, object), names=NAMES)


def test_a_target_far_from_the_others_is_said_with_its_column() -> None:
    values = drives()
    values[7, 1] = -99999.0
    (note,) = find_numbers(examples(values), names=NAMES).notes
    assert "the target -99999 of column 'speed' in row 8 lies" in note


def test_data_with_other_columns_than_a_network_learned_is_refused() -> None:
    with pytest.raises(DataError, match="has one number an example, and the network learned 2 numbers"):
        encode_numbers(examples([1.0, 2.0]), (0.0, 0.0), NAMES)
    with pytest.raises(DataError, match="has 2 numbers an example, and the network learned one number"):
        encode_numbers(examples(drives()), 0.0)
    with pytest.raises(DataError, match="has 2 numbers an example, and the network learned 3 numbers"):
        find_numbers(examples(drives()), (1.0, 2.0, 3.0), NAMES)
    with pytest.raises(DataError, match="has 2 numbers an example, and 3 names for them"):
        find_numbers(examples(drives()), None, (*NAMES, "brake"))


def test_arrays_of_fractions_are_numbers_of_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (60, 4, 4)).astype(np.uint8)

    def load(targets: Any, **more: Any) -> TrainingData:
        np.savez(tmp_path / "a.npz", x=pixels, y=targets)
        section = {"source": "npz", "path": str(tmp_path / "a.npz"), **more}
        return load_training(parse_data(section), 0, wanted=Wanted("images", "number"))

    one, two = rng.normal(size=(60, 1)), rng.normal(size=(60, 2))
    assert load(one).train.targets.shape == load(one[:, 0]).train.targets.shape == (38,)
    assert load(two).labels == ("number 1", "number 2")
    named = load(two, labels=list(NAMES))
    assert named.labels == NAMES
    assert named.train.targets.shape == (38, 2)
    two[3, 1] = np.nan
    with pytest.raises(DataError, match="the target nan in column 'number 2', which is no number: take"):
        load(two)


@pytest.mark.parametrize("origin", [["x", "y"], [float("nan"), 1.0], float("inf"), [1.0], [[1.0], [1.0]]])
def test_a_stored_origin_that_is_no_number_is_damage(origin: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        DataSettings("image-table", {}).as_found({"target_origin": origin, "labels": 2})
