"""Standard output and error that take whatever is written: closed, full, given up by their reader, or not of UTF-8."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TextIO

NO_UTF8 = "nas-without-utf8"
PLAIN = {"×": "x", "·": "-", "…": "...", "–": "-", "—": "-", "−": "-", "±": "+-", "≥": ">=", "≤": "<=", "→": "->"}
"""Letters of our own sentences, and what they are written as where the terminal has no such letter."""


class Steady(io.TextIOWrapper):
    """A standard stream whose failure ends no work: what cannot be written is dropped, and `lost` says why.

    So a search that somebody looks at through `head`, or logs to a disk that fills up, comes to its end.
    """

    lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)
            super().flush()

    def _give_up(self, error: OSError) -> None:
        """Everything further, what lies in buffers too, goes nowhere."""
        self.lost = self.lost or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def steady_streams() -> None:
    """Puts such streams in place of `sys.stdout` and `sys.stderr`, and opens those that were closed.

    A closed descriptor is given to the next file that is opened, a journal, say, and what is printed would go there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest one that is free
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = steady(sys.stdout, 1), steady(sys.stderr, 2)


def end_streams(code: int) -> int:
    """Writes what is left; the exit code, which is 1 where a command that went well could not say so."""
    sys.stdout.flush()
    lost = sys.stdout.lost if isinstance(sys.stdout, Steady) else None
    if lost is not None and lost.errno != errno.EPIPE:
        from nas_cli.cli.output import fail

        fail(f"not all of the output could be written: {lost.strerror}")
    sys.stderr.flush()
    return code or int(lost is not None)


def steady(stream: TextIO | None, descriptor: int) -> Steady:
    """`stream`, which may be None, as one that writes to `descriptor`."""
    encoding = stream.encoding if stream is not None else "utf-8"
    if stream is not None:
        stream.flush()
    raw = io.FileIO(descriptor, "w", closefd=False)
    lines = descriptor == 2 or raw.isatty()
    through = bool(getattr(stream, "write_through", False))
    return Steady(io.BufferedWriter(raw), encoding, NO_UTF8, "\n", line_buffering=lines, write_through=through)


def _without_utf8(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    plain = "".join(PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return plain, error.end


codecs.register_error(NO_UTF8, _without_utf8)
