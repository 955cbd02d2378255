"""What an exception says reaches the journal as one line of bounded length, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from journals import made, recorded

from nas_cli.errors import TrialFailed
from nas_cli.execute.worker import LONGEST_REASON, why
from nas_cli.record.journal import Journal
from nas_cli.record.lines import LONGEST_REASON as LONGEST


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("even this fails")


class Mute(Exception):
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


NAMED = type("E\x1b[31m" + "x" * 1000, (Exception,), {})
TEXTS = {
    "cannot read caf\udce9.txt": "ValueError: cannot read caf\\udce9.txt",
    "\x1b[31mred\x07": "ValueError: \\x1b[31mred\\x07",
    "first\nsecond": "ValueError: first",
    "\u202eright to left\u2029": "ValueError: \\u202eright to left",
    "größe ✓ हिन्दी": "ValueError: größe ✓ हिन्दी",
    "": "ValueError",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_reason_is_one_printable_line(text: str) -> None:
    assert why(ValueError(text)) == TEXTS[text]


@pytest.mark.parametrize("error", [Unspeakable(), Mute()])
def test_an_exception_that_cannot_be_told_is_named(error: Exception) -> None:
    assert why(error) == type(error).__name__


@pytest.mark.parametrize("error", [ValueError("x" * 10_000_000), TrialFailed("\x00" * 10**6), NAMED("x")])
def test_a_reason_is_bounded(error: Exception) -> None:
    assert len(why(error)) <= 6 * LONGEST_REASON
    assert why(error).isprintable()


@pytest.mark.parametrize(
    "text",
    ["\udce9", "\x00\x01", "\ufffe\uffff", "x" * 3_000_000, "\U0010ffff", "\u2028", "\\udce9", '"}\n{"'],
)
def test_no_text_ends_a_journal(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(made("failed", reason=text))
        journal.append(made("note", **{"key": {text: [text]}}))
        journal.append(made("next"))
    events = recorded(path)
    assert [event["event"] for event in events] == ["failed", "note", "next"]
    assert events[0]["reason"].isprintable()
    assert len(events[0]["reason"]) <= 10 * LONGEST
