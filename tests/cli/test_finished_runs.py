"""`nas search --resume` of a run that is over, as a user sees it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from bench import steps

from nas_cli.record.directory import open_run


@pytest.fixture
def folder(nas: Any, tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(steps.ONE, encoding="utf-8")
    assert nas("search", "tiny.yaml", cwd=tmp_path).returncode == 0
    return tmp_path


def files(run: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(run.rglob("*")) if p.is_file()}


def test_it_says_so_changes_nothing_and_says_how_to_go_on(nas: Any, folder: Path) -> None:
    run = open_run(None, folder / "runs").path
    before = files(run)
    done = nas("search", "--resume", f"runs/{run.name}", cwd=folder)
    assert done.returncode == 0
    said, command = done.stdout.strip().splitlines()
    assert said == f"runs/{run.name} is finished: there is nothing left to do unless you give it more:"
    assert files(run) == before
    summary = json.loads(nas("search", "--resume", "latest", "--json", cwd=folder).stdout)
    assert (summary["state"], summary["trials"]["trained"]) == ("finished", 2)
    assert files(run) == before
    goes_on = nas(*shlex.split(command)[1:], cwd=folder)
    assert goes_on.returncode == 0, goes_on.stderr
    assert json.loads(nas("show", "run", "--json", cwd=folder).stdout)["trials"]["trained"] == 2  # all of the space
    assert files(run) != before


def test_a_report_that_is_missing_is_written_and_what_a_kill_left_is_removed(nas: Any, folder: Path) -> None:
    run = open_run(None, folder / "runs").path
    before = files(run)
    (run / "report.html").unlink()
    (run / "final").mkdir()
    (run / "final" / "trial-0-seed1.safetensors").touch()
    assert nas("search", "--resume", "latest", cwd=folder).returncode == 0
    assert (run / "report.html").exists()
    assert not (run / "final").exists()
    kept = {name: content for name, content in files(run).items() if not name.endswith(("report.html", "lock"))}
    assert kept.items() <= before.items()
