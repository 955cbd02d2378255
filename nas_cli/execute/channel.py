"""The parent's ends of a worker's pipes. Nothing here ever waits, and nothing grows without a bound."""

from __future__ import annotations

import os

CHUNK = 1 << 16
LONGEST_LINE = 1 << 24
"""Bytes of a message of a worker: what is longer is none."""
KEPT = 1 << 16
"""Bytes of what a worker printed last that are kept."""


class Outbox:
    """Bytes for a process that may not read them now: they wait here until the pipe takes them."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self.waiting = bytearray()

    def put(self, content: bytes) -> None:
        self.waiting += content
        self.flush()

    def flush(self) -> bool:
        """Writes what the pipe takes; whether it took something. Raises BrokenPipeError where nobody reads any more."""
        before = len(self.waiting)
        while self.waiting:
            try:
                written = os.write(self.file, self.waiting[:CHUNK])
            except BlockingIOError:
                break
            del self.waiting[:written]
        return len(self.waiting) < before


class Inbox:
    """The whole lines that have come through a pipe."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._begun = bytearray()

    def read(self) -> tuple[list[bytes], bool]:
        """The lines that are whole now, and whether the pipe was closed at its other end.

        Raises ValueError where a line has no end.
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
    """The last of what a process printed; what came before is let go of, so that no memory or disk fills with it."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        self.file = file
        self._kept = bytearray()

    def read(self) -> bool:
        """Takes what has come; False once there is nothing more now."""
        chunk = read_some(self.file)
        if chunk:
            self._kept += chunk
            del self._kept[:-KEPT]
        return bool(chunk)

    def text(self) -> str:
        """The last of it, with whatever the pipe holds now: at most what fits into a pipe many times over."""
        for _ in range(KEPT // 16):
            if not self.read():
                break
        return self._kept.decode(errors="replace")


def read_some(file: int) -> bytes | None:
    """What can be read at once: b"" at the end, None where nothing has come."""
    try:
        return os.read(file, CHUNK)
    except BlockingIOError:
        return None
