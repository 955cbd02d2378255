"""The only state of a run: one JSON object a line, appended and fsynced, never changed.

Each has `event`, `time` (seconds since 1970) and `sequence` (0, 1, 2, …). An interrupted write leaves a last line
without a newline: readers skip it and the next writer removes it, so a kill at any byte loses that one event only.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar, cast

from nas_cli.errors import RunError
from nas_cli.files import open_file
from nas_cli.record.course import Course
from nas_cli.record.events import Event
from nas_cli.record.lines import kind_of, line_of, parse
from nas_cli.record.order import Order

Kind = TypeVar("Kind", bound=Event)
CHUNK = 1 << 16
NEWLINE = ord("\n")
LONGEST_LINE = 1 << 24
"""Bytes; an event takes about a thousandth of that. The limit ends the reading of a file without newlines."""


def iter_journal(path: Path, objectives: int | None = None, rungs: int | None = None) -> Iterator[Event]:
    """The complete events of the journal at `path`, one at a time.

    `objectives` and `rungs` are their numbers in the run's spec, for readers that rely on the events to agree with it.
    Raises RunError, which names the line, where an event is damaged.
    """
    check, number = Order(objectives, rungs).check, 0
    try:
        with os.fdopen(open_file(path), "rb") as file:
            for line in iter(partial(file.readline, LONGEST_LINE), b""):
                if line[-1] == NEWLINE:
                    event = parse(line, number)
                    wrong = check(event)
                    if wrong:
                        raise ValueError(f"this event is damaged: {wrong}")
                    yield event
                elif len(line) == LONGEST_LINE:
                    raise ValueError(f"this line is damaged: it has more than {LONGEST_LINE:,} bytes")
                number += 1
    except ValueError as error:
        raise RunError(f"{path}:{number + 1}: {error}") from None
    except FileNotFoundError:
        raise RunError(f"{path} is missing: {path.parent} is no run directory, or its journal was deleted") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None


def read_journal(path: Path, objectives: int | None = None) -> list[Event]:
    """The events of `iter_journal` as a list."""
    return list(iter_journal(path, objectives))


def last_kind(path: Path) -> str | None:
    """The kind of the last complete event, read from the end of the file alone; None where it cannot be determined.

    Raises RunError where the file cannot be read.
    """
    try:
        with os.fdopen(open_file(path), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - CHUNK))
            lines = file.read(CHUNK).splitlines(keepends=True)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None
    whole = [line for line in lines if line.endswith(b"\n")]
    return kind_of(whole[-1]) if whole else None


class Journal:
    """A journal opened for appending; use it as a context manager. `course` is folded from the events there were."""

    def __init__(self, path: Path) -> None:
        self.course = Course()
        self._path = path
        self._sequence = 0
        try:
            descriptor = open_file(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from None
        self._file = cast(BinaryIO, os.fdopen(descriptor, "r+b", buffering=0))
        try:
            for event in iter_journal(path):
                self.course.fold(event)
                self._sequence += 1
            self._file.truncate(_whole(self._file))
        except BaseException:
            self._file.close()
            raise

    def replay(self, objectives: int | None = None, rungs: int | None = None) -> Iterator[Event]:
        """All events so far, as `iter_journal`."""
        return iter_journal(self._path, objectives, rungs)

    def append(self, event: Kind) -> Kind:
        """Writes one event to disk, and returns it as a resumed run will read it.

        Raises OSError where it cannot be written or the journal was moved or deleted, and ValueError where it could not
        be read back; then nothing is written.
        """
        line = line_of(event, time.time(), self._sequence)
        written = cast(Kind, parse(line, self._sequence))
        start = self._state().st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):  # the next writer removes an incomplete line
                self._file.truncate(start)
            raise
        self._sequence += 1
        return written

    def _state(self) -> os.stat_result:
        """The file's status. Raises FileNotFoundError where another file, or none, has its path by now."""
        state = os.fstat(self._file.fileno())
        if not os.path.lexists(self._path) or not os.path.samestat(state, os.lstat(self._path)):
            raise FileNotFoundError(errno.ENOENT, "it was moved or deleted meanwhile", str(self._path))
        return state

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def _whole(file: BinaryIO) -> int:
    """The number of bytes up to the end of the last complete line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
