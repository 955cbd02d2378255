"""Tests leave the user's own state folder alone, and are the same in the background as on a terminal, at any speed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("at any speed", deadline=None)
settings.load_profile("at any speed")


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> None:
    """What a shell starts in the background ignores interruptions, and under nohup the end of its terminal; processes
    that tests start would inherit that.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def disk_that_does_not_lose_power(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing waits for the disk: what a process wrote is there for the next one, however it ended. Benches wait."""
    with pytest.MonkeyPatch.context() as patch:
        if not any(item.get_closest_marker("bench") for item in request.session.items):
            patch.setattr(os, "fsync", os.fstat)
        yield
