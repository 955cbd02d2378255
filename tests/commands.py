"""`nas` in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAS = [sys.executable, "-c", "from nas_cli.cli.app import main; main()"]
ROOT = Path(__file__).parents[1]
KEPT = ("PATH", "HOME", "XDG_STATE_HOME")


def environment(**more: str) -> dict[str, str]:
    """Little of our own, so that no setting of whoever runs the tests changes them; and `more`."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **more}
