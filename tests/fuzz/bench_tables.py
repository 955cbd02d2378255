"""5,000 tables and arrays. `python -m pytest -m bench tests/fuzz/bench_tables.py`"""

from __future__ import annotations

import pytest
from fuzz import harness, tables


@pytest.mark.bench
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_every_table_is_answered() -> None:
    found = harness.fuzz("tables", tables.action, range(5000))
    assert not found, f"{len(found)} of 5,000:\n" + "\n".join(found[:20])
