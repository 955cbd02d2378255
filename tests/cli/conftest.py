from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import NAS, environment
from typer.testing import CliRunner


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Nas = Callable[..., Done]


@pytest.fixture
def nas(monkeypatch: pytest.MonkeyPatch) -> Nas:
    """Runs the command in this process, which is quick since torch is loaded once."""
    for name in ("NAS_DEBUG", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object, cwd: Path, **environment: str) -> Done:
        from nas_cli.cli.app import app

        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def nas_process() -> Nas:
    """Runs the command in a process of its own, as a user does."""

    def run(*arguments: object, cwd: Path, **more: str) -> Done:
        done = subprocess.run(
            [*NAS, *map(str, arguments)],
            cwd=cwd,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run
