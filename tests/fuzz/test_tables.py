"""A slice of the fuzzer of tables and arrays, and inputs that once failed."""

from __future__ import annotations

import pytest
from fuzz import harness, tables

ONCE_FAILED: list[int] = []


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_tables_are_read_whole_or_answered_in_a_sentence() -> None:
    found = [*harness.fuzz("tables", tables.action, range(150))]
    for number in ONCE_FAILED:
        found += harness.fuzz("tables", tables.action, range(number, number + 1))
    assert not found, "\n".join(found)
