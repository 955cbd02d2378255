"""Lines from a worker: whatever is no message of its kind is refused, with a quotation of it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import pytest

from nas_cli.execute import channel
from nas_cli.execute.channel import Inbox, Outbox, Printed
from nas_cli.execute.executor import JobResult
from nas_cli.execute.messages import read_message, read_result, write_message

RESULT = asdict(JobResult(1, 0, "finished", {"accuracy": 0.5}, "", 1.5, 1.0, {"conv": 0.1}))


def result(**changes: Any) -> bytes:
    return write_message("result", result={**RESULT, **changes}, worn=False)


def test_a_result_travels() -> None:
    message = read_message(result().rstrip())
    assert read_result(message["result"]) == JobResult(**RESULT)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"kind": null}',
        b'{"kind": ["beat"]}',
        b'{"kind": "go"}',
        b'{"kind": "beat", "more": 1}',
        b'{"kind": "result"}',
        b'{"kind": "born", "process": true}',
        b'{"kind": "progress", "label": "x", "epoch": 1, "epochs": 2, "metrics": {"loss": "low"}}',
        b"[" * 100_000,
        b"9" * 10_000,
        result(status="won"),
        result(measurement={"accuracy": float("nan")}),
        result(measurement={"accuracy": None}),
        result(measurement=[]),
        result(seconds=float("inf")),
        result(number="1"),
        result(measurement={"params": 10**400}),
        result(more=1),
        result()[:-30],
    ],
    ids=lambda line: repr(line[:40]),
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="'") as refused:
        read_message(line)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_an_outbox_never_waits() -> None:
    read, write = os.pipe()
    outbox, inbox = Outbox(write), Inbox(read)
    content = b"".join(b'{"number": %d}\n' % number for number in range(50_000))
    outbox.put(content)
    assert outbox.waiting  # a pipe holds less
    lines: list[bytes] = []
    while len(lines) < 50_000:
        outbox.flush()
        lines += inbox.read()[0]
    assert not outbox.waiting
    assert [json.loads(line)["number"] for line in lines] == list(range(50_000))
    assert inbox.read() == ([], False)  # nothing has come, and it did not wait for it
    os.close(write)
    assert inbox.read() == ([], True)
    os.close(read)


def test_an_outbox_without_a_reader_is_a_broken_pipe() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError):
        Outbox(write).put(b"x")
    os.close(write)


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LONGEST_LINE", 100)
    read, write = os.pipe()
    inbox = Inbox(read)
    os.write(write, b"x" * 101)
    with pytest.raises(ValueError, match="without end"):
        inbox.read()
    os.close(write)
    os.close(read)


def test_of_what_is_printed_the_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "KEPT", 1000)
    read, write = os.pipe()
    printed = Printed(read)
    for number in range(5000):
        os.write(write, b"%d\n" % number)
        if number % 100 == 0:
            assert printed.read()
    os.close(write)
    text = printed.text()
    assert text.endswith("4998\n4999\n")
    assert len(text) == 1000
    os.close(read)
