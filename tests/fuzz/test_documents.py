"""A slice of the fuzzer of pictures, texts, archives, tagged sentences and vectors, and inputs that once failed."""

from __future__ import annotations

import pytest
from fuzz import documents, harness

ONCE_FAILED: list[int] = []


@pytest.mark.filterwarnings("ignore")
def test_files_are_read_or_answered_in_a_sentence() -> None:
    found = [*harness.fuzz("documents", documents.action, range(60))]
    for number in ONCE_FAILED:
        found += harness.fuzz("documents", documents.action, range(number, number + 1))
    assert not found, "\n".join(found)
