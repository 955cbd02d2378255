"""20,000 damaged specs: an answer to each. `python -m pytest -m bench tests/fuzz/bench_specs.py`"""

from __future__ import annotations

import pytest
from fuzz import harness, specs


@pytest.mark.bench
def test_every_spec_is_answered() -> None:
    found = harness.fuzz("specs", specs.action, range(20_000))
    assert not found, f"{len(found)} of 20,000:\n" + "\n".join(found[:20])
