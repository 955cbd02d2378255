"""The only state of a run: one JSON object a line, appended and fsynced, never changed.

Each has `event`, `time` (seconds since 1970) and `sequence` (0, 1, 2, …). A write that was cut off leaves a last line
without its newline: readers pass over it and the next writer cuts it, so a kill at any byte loses that one event only.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

from pydantic_core import from_json

from nas_cli.errors import RunError
from nas_cli.files import open_file
from nas_cli.record.events import Event, Order
from nas_cli.words import printable, utf8

CHUNK = 1 << 16
LONGEST_LINE = 1 << 24
"""Bytes; an event takes a thousandth of it, and a file without an end is not read for ever."""
LONGEST_REASON = 1000
"""Characters."""

SEARCHING = ("trial_started", "trial_finished", "trial_failed", "trial_infeasible", "duplicate", "search_finished")


def iter_journal(path: Path, objectives: int | None = None, rungs: int | None = None) -> Iterator[Event]:
    """The whole events of the journal at `path`, one at a time, each with what its kind carries.

    `objectives` and `rungs` are how many the run's spec has, for readers that rely on it. Raises RunError with the line
    of a damaged one.
    """
    order = Order(objectives, rungs)
    try:
        with os.fdopen(open_file(path), "rb") as file:
            for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE), b"")):
                if line.endswith(b"\n"):
                    yield _parse(path, number, line, order)
                elif len(line) == LONGEST_LINE:
                    raise RunError(
                        f"{path}:{number + 1}: this line is damaged: it has more than {LONGEST_LINE:,} bytes"
                    )
    except FileNotFoundError:
        raise RunError(f"{path} is missing: {path.parent} is no run directory, or its journal was deleted") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None


def read_journal(path: Path, objectives: int | None = None) -> list[Event]:
    """The same as a list."""
    return list(iter_journal(path, objectives))


def _read(line: bytes) -> Any:
    """As `json.loads`, twice as fast and with equal strings shared: 100,000 trials have no room for copies."""
    return from_json(line, allow_inf_nan=False)


def _parse(path: Path, number: int, line: bytes, order: Order) -> Event:
    try:
        event = _read(line)
    except ValueError:
        raise RunError(
            f"{path}:{number + 1}: this line is damaged (no JSON); a run whose journal was changed cannot go on. "
            f"Deleting this line and all after it brings back the run as it was before"
        ) from None
    numbered = isinstance(event, dict) and isinstance(event.get("event"), str) and type(event.get("sequence")) is int
    if not numbered or event["sequence"] != number:
        raise RunError(
            f"{path}:{number + 1}: event number {number} is expected here; lines were changed, added or removed"
        )
    wrong = order.check(event)
    if wrong:
        raise RunError(f"{path}:{number + 1}: this event is damaged: {wrong}")
    checked: Event = event
    return checked


@dataclass
class Recorded:
    """What a journal says of a run besides its trials, event by event: a long journal is never held in memory.

    `seconds` were spent searching: up to each event of the search, without pauses and without final training.
    `stopped` is why the search ended, "" where it is not over or was given more since; `after` are the events from
    there on. `stop` is the `search.stop` that it ended by, None in runs of earlier versions. `finished` is the event
    that ended the run, None where it is not over. `latency_table` are the events of that table. `data` is the digest
    of the data that it was last run on.
    """

    seconds: float = 0.0
    stopped: str = ""
    after: list[Event] = field(default_factory=list)
    stop: dict[str, Any] | None = None
    finished: Event | None = None
    latency_table: list[Event] = field(default_factory=list)
    data: str | None = None
    _before: float | None = None

    def fold(self, event: Event) -> None:
        kind, now = event["event"], event["time"]
        self.data = event.get("data", self.data)
        if kind in SEARCHING and self._before is not None:
            self.seconds += max(0.0, now - self._before)
        self._before = now if kind in (*SEARCHING, "run_started", "resumed") else None
        self.finished = event if kind == "run_finished" else None
        named = any(key.startswith("search.stop") for key in event.get("set", ()))
        given_more = event.get("more", named)  # without `more` in runs of earlier versions
        if kind == "search_finished":
            self.stopped, self.after, self.stop = str(event["reason"]), [], event.get("stop")
        elif kind in SEARCHING or given_more:
            self.stopped, self.after = "", []
        elif self.stopped:
            self.after.append(event)
        if kind == "latency_table":
            self.latency_table.append(event)


class Journal:
    """Opened for appending; use as a context manager. `recorded` is what was there."""

    def __init__(self, path: Path) -> None:
        self.recorded = Recorded()
        self._path = path
        self._sequence = 0
        try:
            descriptor = open_file(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from None
        self._file = cast(BinaryIO, os.fdopen(descriptor, "r+b", buffering=0))
        try:
            for event in iter_journal(path):
                self.recorded.fold(event)
                self._sequence += 1
            self._file.truncate(_whole(self._file))
        except BaseException:
            self._file.close()
            raise

    def replay(self, objectives: int | None = None, rungs: int | None = None) -> Iterator[Event]:
        """All events so far, as `iter_journal`."""
        return iter_journal(self._path, objectives, rungs)

    def append(self, event: str, **fields: Any) -> Event:
        """Writes one event and returns it once it is on disk. Raises OSError where the disk does not take it.

        No text is refused: what UTF-8 has no letter for is replaced, and a reason is one line of a bounded length.
        """
        record = {"event": event, "time": round(time.time(), 3), "sequence": self._sequence, **fields}
        if isinstance(record.get("reason"), str):
            record["reason"] = printable(record["reason"][:LONGEST_REASON])
        line = utf8(json.dumps(record, allow_nan=False, ensure_ascii=False, separators=(",", ":"))) + b"\n"
        start = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):  # a line that is not whole is cut by the next writer
                self._file.truncate(start)
            raise
        self._sequence += 1
        as_read: Event = _read(line)  # what a resumed run will see
        return as_read

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def _whole(file: BinaryIO) -> int:
    """How many bytes the whole lines of a file take."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
