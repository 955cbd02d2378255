from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Nas = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def nas() -> Nas:
    """Runs the command in a process of its own, as a user does."""

    def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        code = "from nas_cli.cli.app import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=cwd,
            env={**_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def _environment() -> dict[str, str]:
    import os

    kept = {key: value for key, value in os.environ.items() if key not in ("NAS_DEBUG", "COLUMNS", "FORCE_COLOR")}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
