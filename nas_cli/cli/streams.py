"""Standard output and error that never fail: when closed, on a full disk, without a reader, or without UTF-8."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TextIO

NO_UTF8 = "nas-without-utf8"
PLAIN = {"×": "x", "·": "-", "…": "...", "–": "-", "—": "-", "−": "-", "±": "+-", "≥": ">=", "≤": "<=", "→": "->"}
"""Letters in our own messages, and their replacements where the terminal's encoding lacks them."""


class Steady(io.TextIOWrapper):
    """A standard stream that drops text which it cannot write; `lost` is the first error.

    So a search goes on when it is piped into `head`, or logs to a disk that fills up.
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
        """Redirects the stream to /dev/null, including text in buffers."""
        self.lost = self.lost or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def steady_streams() -> None:
    """Replaces `sys.stdout` and `sys.stderr` by steady streams, and opens closed ones on /dev/null.

    The next file to be opened, a journal say, would get a closed descriptor, and output would be printed into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = steady(sys.stdout, 1), steady(sys.stderr, 2)


def end_streams(code: int) -> int:
    """Flushes the streams; returns the exit code, which is 1 if a successful command lost some of its output."""
    sys.stdout.flush()
    lost = sys.stdout.lost if isinstance(sys.stdout, Steady) else None
    if lost is not None and lost.errno != errno.EPIPE:
        from nas_cli.cli.output import fail

        fail(f"not all of the output could be written: {lost.strerror}")
    sys.stderr.flush()
    return code or int(lost is not None)


def steady(stream: TextIO | None, descriptor: int) -> Steady:
    """A steady stream to `descriptor` with the settings of `stream`, which may be None."""
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
