"""Workers of these tests are forked (nursery.py), but for those of tests that ask for `interpreters`."""

from __future__ import annotations

import subprocess

import pytest
from nursery import forked_workers

from nas_cli.execute import process

__all__ = ["forked_workers"]


@pytest.fixture
def interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start as they do for users."""
    monkeypatch.setattr(process, "subprocess", subprocess)
