"""The entry point. It imports inside functions, so that Ctrl-C during imports ends with one line too."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from types import FrameType
from typing import Any

from nas_cli.cli import INTERRUPTED

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command like Ctrl-C: its child processes end too, and its files stay whole."""
_ended_by: list[int] = []


def __getattr__(name: str) -> Any:
    if name == "app":
        from nas_cli.cli.commands import app

        return app
    raise AttributeError(f"nas_cli.cli.app has no {name}")


def main() -> None:
    """Runs `nas` with the arguments of the command line, and exits."""
    _end_in_order()
    try:
        code = _run()
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted\n")
        code = INTERRUPTED
    if _ended_by:
        code = 128 + _ended_by[0]
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no KeyboardInterrupt while Python shuts down
    sys.exit(code)


def _end_in_order() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may set handlers
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """Handles the first signal; later ones are ignored, so that they do not interrupt the shutdown."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    _ended_by.append(number)
    if number == signal.SIGHUP:  # the terminal is gone, and writing to it would fail
        _silence_terminals()
    raise KeyboardInterrupt


def _silence_terminals() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    for file in (1, 2):
        if stat.S_ISCHR(os.fstat(file).st_mode):
            os.dup2(nothing, file)
    os.close(nothing)


def _run() -> int:
    from nas_cli.cli.streams import end_streams, steady_streams

    steady_streams()
    # Threads that spin while they wait slow a shared machine down a hundredfold. OpenMP reads this when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nas_cli.cli.command import report_bug
    from nas_cli.cli.commands import app

    sys.excepthook = report_bug
    from typer.main import get_command

    # `app()` would replace our sys.excepthook.
    code = get_command(app).main(prog_name="nas", standalone_mode=False)
    return end_streams(code or 0)
