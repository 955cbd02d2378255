"""The entry point. It imports inside of itself, so that an interruption meanwhile ends in one line too."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

INTERRUPTED = 130


def __getattr__(name: str) -> Any:
    if name == "app":
        from nas_cli.cli.commands import app

        return app
    raise AttributeError(f"nas_cli.cli.app has no {name}")


def main() -> None:
    """Runs `nas` with the words of the command line, and ends the process."""
    try:
        code = _run()
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted\n")
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own end has nothing to say of an interruption
    sys.exit(code)


def _run() -> int:
    from nas_cli.cli.streams import end_streams, steady_streams

    steady_streams()
    # Threads that spin while they wait slow a shared machine down a hundredfold; OpenMP reads this with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nas_cli.cli.command import report_bug
    from nas_cli.cli.commands import app

    sys.excepthook = report_bug
    from typer.main import get_command

    code = get_command(app).main(standalone_mode=False)  # `app()` would put a hook of its own in place of ours
    return end_streams(code or 0)
