"""Archives of arrays that are divided by arrays of groups and of times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_cli.data import TrainingData, load_test, load_training, parse_data
from nas_cli.data.source import Part
from nas_cli.errors import DataError

IMAGES = np.broadcast_to(np.arange(60, dtype=np.uint8)[:, None, None], (60, 4, 4))
LABELS = np.arange(60) % 2
SUBJECTS = np.arange(60) % 10
TIMES = np.datetime64("2024-01-01T00:00:00.000000001") + np.arange(60, 0, -1).astype("timedelta64[h]")


def load(folder: Path, arrays: dict[str, Any], **keys: str) -> tuple[TrainingData, Part]:
    np.savez(folder / "a.npz", **arrays)
    settings = parse_data({"source": "npz", "path": str(folder / "a.npz"), **keys})
    data = load_training(settings, 0)
    return data, load_test(settings, 0, data.labels)


def numbers(part: Part) -> list[int]:
    return sorted(part.inputs[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("subjects", [SUBJECTS, np.char.add("s", SUBJECTS.astype(str)), SUBJECTS.astype("S2")])
def test_no_subject_is_in_two_parts(tmp_path: Path, subjects: np.ndarray) -> None:
    data, test = load(tmp_path, {"x": IMAGES, "y": LABELS, "subject": subjects}, group="subject")
    found = [{number % 10 for number in numbers(part)} for part in (data.train, data.validation, test)]
    assert [len(part) for part in found] == [6, 2, 2]
    assert set.union(*found) == set(range(10))
    assert any("divided by 'subject', each group in one part" in note for note in data.notes)
    assert not any("not read" in note for note in data.notes)


@pytest.mark.parametrize("times", [TIMES, TIMES.astype(str), -np.arange(60), np.arange(60) / -7])
def test_the_newest_are_tested_on(tmp_path: Path, times: np.ndarray) -> None:
    data, test = load(tmp_path, {"x": IMAGES, "y": LABELS, "taken": times}, time="taken")
    assert numbers(test) == list(range(12))
    assert numbers(data.validation) == list(range(12, 22))


def test_the_newest_of_each_subject(tmp_path: Path) -> None:
    arrays = {"x": IMAGES, "y": LABELS, "s": SUBJECTS, "t": TIMES}
    _, test = load(tmp_path, arrays, group="s", time="t")
    assert set(range(10)) <= set(numbers(test))


def test_a_test_part_of_its_own_is_compared(tmp_path: Path) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "subject_train": SUBJECTS}
    arrays |= {"x_test": IMAGES[:3], "y_test": LABELS[:3], "subject_test": np.array([1, 77, 1])}
    _, test = load(tmp_path, arrays, group="subject_train")
    assert any("1 of 2, with 2 of 3 examples" in note for note in test.notes)
    del arrays["subject_test"]
    assert not load(tmp_path, arrays, group="subject_train")[1].notes


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"group": "subjct"}, "a.npz has no array 'subjct' to divide by (group); did you mean 'subject'?"),
        ({"group": "x"}, "x of"),
        ({"time": "few"}, "few of"),
        ({"time": "gone"}, "gone[3] of"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    gone = TIMES.copy()
    gone[3] = np.datetime64("NaT")
    arrays = {"x": IMAGES, "y": LABELS, "subject": SUBJECTS, "few": SUBJECTS[:9], "gone": gone}
    with pytest.raises(DataError) as error:
        load(tmp_path, arrays, **keys)
    assert said in str(error.value)
