"""The parent's ends of a worker's pipes. No call here blocks, and no buffer grows without a bound."""

from __future__ import annotations

import os

CHUNK = 1 << 16
LONGEST_LINE = 1 << 24
"""Bytes of the longest message that a worker may send."""
KEPT = 1 << 16
"""Bytes of a worker's printed output that are kept: its end."""


class Outbox:
    """Bytes for a process that may be too busy to read them: they wait here until the pipe takes them."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self.waiting = bytearray()

    def put(self, content: bytes) -> None:
        self.waiting += content
        self.flush()

    def flush(self) -> bool:
        """Writes what the pipe takes and returns whether that was anything.

        Raises BrokenPipeError where the reading end is closed.
        """
        before = len(self.waiting)
        while self.waiting:
            try:
                written = os.write(self.file, self.waiting[:CHUNK])
            except BlockingIOError:
                break
            del self.waiting[:written]
        return len(self.waiting) < before


class Inbox:
    """The complete lines that have come through a pipe."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._begun = bytearray()

    def read(self) -> tuple[list[bytes], bool]:
        """The lines completed since the last call, and whether the pipe was closed at its other end.

        Raises ValueError where a line is longer than LONGEST_LINE.
        """
        chunk = read_some(self.file)
        if not chunk:
            return [], chunk is not None
        *lines, rest = (self._begun + chunk).split(b"\n")
        self._begun = bytearray(rest)
        if len(self._begun) > LONGEST_LINE:
            raise ValueError("a line without end")
        return [bytes(line) for line in lines], False


class Printed:
    """The end of a process's printed output. Earlier output is dropped, so that it fills neither memory nor disk."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._kept = bytearray()

    def read(self) -> bool:
        """Reads one chunk of output; False where there is none at the moment."""
        chunk = read_some(self.file)
        if chunk:
            self._kept += chunk
            del self._kept[:-KEPT]
        return bool(chunk)

    def text(self) -> str:
        """The end of the output, with whatever the pipe holds now. Reading stops after many chunks: a process that
        prints without end must not hold up its parent.
        """
        for _ in range(KEPT // 16):
            if not self.read():
                break
        return self._kept.decode(errors="replace")


def read_some(file: int) -> bytes | None:
    """The bytes that can be read without waiting: b"" at the end of the file, None where nothing has come."""
    try:
        return os.read(file, CHUNK)
    except BlockingIOError:
        return None
