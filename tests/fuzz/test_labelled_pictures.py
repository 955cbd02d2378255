"""A slice of the fuzzer of tables of pictures and of images with masks, and inputs that once failed."""

from __future__ import annotations

import pytest
from fuzz import harness, labelled_pictures

ONCE_FAILED: list[int] = []


@pytest.mark.filterwarnings("ignore")
def test_files_are_read_or_answered_in_a_sentence() -> None:
    found = [*harness.fuzz("labelled_pictures", labelled_pictures.action, range(40))]
    for number in ONCE_FAILED:
        found += harness.fuzz("labelled_pictures", labelled_pictures.action, range(number, number + 1))
    assert not found, "\n".join(found)


@pytest.mark.filterwarnings("ignore")
def test_enough_of_them_are_read() -> None:
    assert sum(map(labelled_pictures.sound, range(24))) >= 5
