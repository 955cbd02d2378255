"""What a killed process leaves, who removes it, and which run is the latest."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nas_cli.errors import RunError
from nas_cli.files import draft, draft_folder, sweep, write_text
from nas_cli.record.directory import Kept, RunDirectory, create_run, open_run


def killed(work: Callable[[], object]) -> None:
    """Does `work` in a process that is killed where it gives the draft its name."""
    process = os.fork()
    if process == 0:
        sys.addaudithook(lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == "os.rename" else None)
        work()
        os._exit(0)
    os.waitpid(process, 0)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def build(path: Path) -> None:
    with draft_folder(path) as folder:
        (folder / "model.onnx").write_text("half")
        os.rename(folder / "model.onnx", path)


@pytest.mark.parametrize(
    "work",
    [
        lambda root: create_run(root, "x", {"spec.yaml": "a"}),
        lambda root: write_text(root / "report.html", "whole"),
        lambda root: build(root / "model.onnx"),
    ],
)
def test_the_next_one_removes_what_a_kill_left(tmp_path: Path, work: Callable[[Path], object]) -> None:
    for _ in range(3):
        killed(lambda: work(tmp_path))
        assert len(hidden(tmp_path)) == 1
    work(tmp_path)
    assert hidden(tmp_path) == []


def test_a_run_that_is_taken_up_is_cleared(tmp_path: Path) -> None:
    run = create_run(tmp_path, "x", {"spec.yaml": "a"})
    killed(lambda: write_text(run.report, "x"))
    killed(lambda: write_text(run.checkpoint(3), "x"))
    with run.lock():
        assert hidden(run.path) == []
        assert hidden(run.checkpoint(3).parent) == []


def test_what_is_not_ours_or_still_at_work_stays(tmp_path: Path) -> None:
    process = os.getppid()
    kept = [
        tmp_path / ".report.html.swp",
        tmp_path / ".report.html.4194000.tmp",
        tmp_path / ".notes.4194000-abcdabcdabcd.tmp",
        tmp_path / draft(tmp_path / "report.html").name.replace(f".{os.getpid()}-", f".{process}-"),
        tmp_path / "report.html.tmp",
        tmp_path / ".x-20260101-000000-77",
    ]
    for path in kept:
        path.write_text("theirs")
    write_text(tmp_path / "report.html", "x")
    create_run(tmp_path, "x", {"spec.yaml": "a"})
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert all(path.exists() for path in kept)


def test_the_latest_run_is_the_latest_whole_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "runs"
    with pytest.raises(RunError, match="there is no run under"):
        open_run(None, root)
    whole = create_run(root, "whole", {"spec.yaml": "a"})
    for name in ("half", "linked", "folder"):
        (root / name).mkdir()
        (root / name / "journal.jsonl").touch()
    (root / "linked" / "spec.yaml").symlink_to(whole.spec)
    (root / "folder" / "spec.yaml").mkdir()
    os.utime(whole.spec, (1, 1))
    assert open_run(None, root) == whole
    said = capsys.readouterr().err
    for words in (
        "half is no whole run directory: spec.yaml is missing",
        "spec.yaml is a symbolic link",
        "is a folder",
    ):
        assert f"passed over: {root}/" in said
        assert words in said
    shutil.rmtree(whole.path)
    with pytest.raises(RunError, match="there is no whole run under"):
        open_run(None, root)


def test_a_later_run_that_is_whole_is_said_nothing_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "journal.jsonl").touch()
    os.utime(tmp_path / "half", (1, 1))
    whole = create_run(tmp_path, "whole", {"spec.yaml": "a"})
    assert open_run(None, tmp_path) == whole
    assert capsys.readouterr().err == ""


def test_names_of_what_is_kept_are_names(tmp_path: Path) -> None:
    for folder in ("front/trial-3", "front/notes", "baselines/plain", "baselines/two layers", "front/.hidden"):
        (tmp_path / folder).mkdir(parents=True)
    run = RunDirectory(tmp_path)
    assert run.kept == {
        "trial-3": Kept(tmp_path / "front/trial-3"),
        "baseline-plain": Kept(tmp_path / "baselines/plain"),
    }
    assert run.kept["trial-3"].evaluation == tmp_path / "front" / "trial-3" / "evaluation.json"
    assert run.best.evaluation == tmp_path / "evaluation.json"
