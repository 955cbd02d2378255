"""The only state of a run: one JSON object a line, appended and fsynced, never changed.

Each has `event`, `time` (seconds since 1970) and `sequence` (0, 1, 2, …). A write that was cut off leaves a last line
without its newline: readers pass over it and the next writer cuts it, so a kill at any byte loses that one event only.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from nas_cli.errors import RunError

Event = dict[str, Any]


def read_journal(path: Path) -> list[Event]:
    """All whole events of the journal at `path`. Raises RunError with the line of the first damaged one."""
    return _parse(path, _read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RunError(f"{path} is missing: {path.parent} is no run directory, or its journal was deleted") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None


def _parse(path: Path, content: bytes) -> list[Event]:
    whole = content[: content.rfind(b"\n") + 1]
    events = []
    for number, line in enumerate(whole.splitlines()):
        try:
            event = json.loads(line)
        except ValueError:
            raise RunError(
                f"{path}:{number + 1}: this line is damaged (no JSON); a run whose journal was changed cannot go on. "
                f"Deleting this line and all after it brings back the run as it was before"
            ) from None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str) or event.get("sequence") != number:
            raise RunError(
                f"{path}:{number + 1}: event number {number} is expected here; lines were changed, added or removed"
            )
        events.append(event)
    return events


class Journal:
    """Opened for appending; use as a context manager. `events` are those that were there."""

    def __init__(self, path: Path) -> None:
        content = _read(path) if path.exists() else b""
        self.events = _parse(path, content)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(content.rfind(b"\n") + 1)
        self._sequence = len(self.events)

    def append(self, event: str, **fields: Any) -> Event:
        """Writes one event and returns it once it is on disk. Raises OSError where the disk is full."""
        record = {"event": event, "time": round(time.time(), 3), "sequence": self._sequence, **fields}
        line = json.dumps(record, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        start = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, os.strerror(28))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)
            raise
        self._sequence += 1
        return record

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
