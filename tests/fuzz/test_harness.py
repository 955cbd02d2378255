"""The fuzzers' harness finds what it is there to find."""

from __future__ import annotations

import pytest
from fuzz import harness

from nas_cli.errors import DataError


def refuse() -> None:
    raise DataError("a sentence")


def escape() -> None:
    error = DataError("")
    error.args = ("\x1b[2J",)
    raise error


def spin() -> None:
    while True:
        pass


def allocate() -> None:
    bytearray(3 * 10**9)


def swallow() -> None:
    try:
        spin()
    except Exception:  # noqa: BLE001 - as a candidate's code may
        return


@pytest.mark.parametrize("action", [refuse, lambda: None])
def test_what_is_right(action: object) -> None:
    assert harness.complaint(action) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "word"),
    [(spin, "Hang"), (swallow, "Hang"), (allocate, "MemoryError"), (escape, "control"), (lambda: {}["x"], "KeyError")],
)
def test_what_is_wrong(action: object, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SECONDS_OF_CPU", 0.2)
    assert word in harness.complaint(action)  # type: ignore[arg-type]


def test_a_failure_names_its_input() -> None:
    once, again = (harness.fuzz("letters", lambda random: {1: 2}[random.randrange(2)], range(20)) for _ in range(2))
    assert [line.split(":")[0] for line in once] == [line.split(":")[0] for line in again]
    assert 0 < len(once) < 20
    assert once[0].startswith("letters ")
