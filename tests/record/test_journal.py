"""The journal: what is read back, and what a kill at any byte leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_cli.errors import RunError
from nas_cli.record.events import TrialFinished, TrialStarted, Unknown
from nas_cli.record.journal import Journal, read_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Journal(tmp_path / "journal.jsonl") as journal:
        for number in range(3):
            journal.append(TrialStarted(number, 0, {"model.conv.größe": 3}))
    return tmp_path / "journal.jsonl"


def test_events_are_numbered_and_read_back(path: Path) -> None:
    events = read_journal(path)
    assert [event.sequence for event in events] == [0, 1, 2]
    assert events[2] == TrialStarted(2, 0, {"model.conv.größe": 3})
    assert all(event.time > 1e9 for event in events)


def test_a_kill_at_any_byte_of_the_last_line_loses_that_line_only(path: Path) -> None:
    content = path.read_bytes()
    start = content.rfind(b"\n", 0, -1) + 1
    for end in range(start, len(content)):
        path.write_bytes(content[:end])
        assert len(read_journal(path)) == 2
        with Journal(path) as journal:
            assert len(list(journal.replay())) == 2
            journal.append(Unknown("next"))
        assert [type(event) for event in read_journal(path)] == [TrialStarted, TrialStarted, Unknown]


@pytest.mark.parametrize("damage", [b'{"event": "x"', b"\x00\xff", b"[]", b'{"event":"x","sequence":7}', b""])
def test_a_damaged_line_is_named(path: Path, damage: bytes) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[1] = damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RunError, match=r"journal\.jsonl:2: "):
        read_journal(path)
    with pytest.raises(RunError, match=r"journal\.jsonl:2: "):
        Journal(path)
    assert path.read_bytes() == b"\n".join(lines)  # what is damaged is left for its owner


def test_nothing_that_is_no_json_is_written(path: Path) -> None:
    before = path.read_bytes()
    with Journal(path) as journal:
        with pytest.raises(ValueError, match="JSON"):
            journal.append(TrialFinished(0, 0, {}, float("nan")))
        journal.append(Unknown("fine"))
    assert path.read_bytes().startswith(before)
    assert len(read_journal(path)) == 4


def test_a_missing_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"journal\.jsonl is missing"):
        read_journal(tmp_path / "journal.jsonl")
