"""5,000 pictures, texts, archives, tags and vectors. `python -m pytest -m bench tests/fuzz/bench_documents.py`"""

from __future__ import annotations

import pytest
from fuzz import documents, harness


@pytest.mark.bench
def test_every_file_is_answered() -> None:
    found = harness.fuzz("documents", documents.action, range(5000))
    assert not found, f"{len(found)} of 5,000:\n" + "\n".join(found[:20])
