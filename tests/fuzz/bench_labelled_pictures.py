"""3,000 tables of pictures and folders of masks. `python -m pytest -m bench tests/fuzz/bench_labelled_pictures.py`"""

from __future__ import annotations

import pytest
from fuzz import harness, labelled_pictures


@pytest.mark.bench
def test_every_file_is_answered() -> None:
    found = harness.fuzz("labelled_pictures", labelled_pictures.action, range(3000))
    assert not found, f"{len(found)} of 3,000:\n" + "\n".join(found[:20])
