"""A run directory in which something is a link: nothing outside of it is read, changed or deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.deliver.load import load
from nas_cli.deliver.report import write_report
from nas_cli.errors import RunError
from nas_cli.files import open_file, read_bytes, write_text
from nas_cli.record.directory import RunDirectory, open_run
from nas_cli.record.journal import Journal, read_journal
from nas_cli.record.record import Record
from nas_cli.run.checkpoints import Checkpoints
from nas_cli.run.search import resume_search


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What is precious, and must stay as it is."""
    folder = tmp_path / "outside"
    (folder / "20261127").mkdir(parents=True)
    (folder / "20261127" / "photo").write_text("precious")
    (folder / "token").write_text("token without an end of line")
    return folder


def listed(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


COMMANDS: dict[str, Callable[[Path], object]] = {
    "show": lambda run: Record().open(open_run(run).path),
    "load": load,
    "evaluate": evaluate,
    "export": lambda run: export(run, "source"),
    "report": write_report,
    "resume": resume_search,
    "more": lambda run: resume_search(run, ["search.stop.trials=2"]),
}
FILES = ("journal.jsonl", "lock", "spec.yaml", "environment.json", "report.html", "evaluation.json", "front.json")
FOLDERS = ("trials", "final", "best", "baselines", "front", "export")
INNER = ("trials/00001", "best/metrics.json", "best/weights.safetensors", "front/trial-9", "baselines/plain")


def replace_by_link(run: Path, name: str, target: Path) -> None:
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_follows_a_link(finished: Path, outside: Path, tmp_path: Path, command: str) -> None:
    before = listed(outside)
    for name in (*FILES, *FOLDERS, *INNER):
        run = Path(shutil.copytree(finished, tmp_path / "runs" / "copy"))
        replace_by_link(run, name, outside if name in FOLDERS or "." not in name else outside / "token")
        with pytest.raises(RunError, match=f"{name} is a symbolic link"):
            COMMANDS[command](run)
        assert listed(outside) == before
        shutil.rmtree(run)


@pytest.mark.parametrize("name", ["lock", "journal.jsonl", "best/metrics.json", "report.html", "export/model.onnx"])
def test_a_pipe_is_not_waited_for(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    (run / name).parent.mkdir(exist_ok=True)
    os.mkfifo(run / name)
    for command in COMMANDS.values():
        with pytest.raises(RunError, match="neither a file nor a folder"):
            command(run)


def test_a_folder_where_a_file_should_be_and_a_file_for_a_folder(run: Path) -> None:
    (run / "trials").write_text("no folder")
    with pytest.raises(RunError, match="trials is a file"):
        open_run(run)
    (run / "trials").unlink()
    (run / "evaluation.json").mkdir()
    with pytest.raises(RunError, match=r"evaluation\.json is a folder"):
        open_run(run)


def test_links_that_are_the_users_own_are_fine(run: Path, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "typed").symlink_to(run)
    (run / "notes").symlink_to(outside)
    (run / "export" / "source" / "venv" / "bin").mkdir(parents=True)
    (run / "export" / "source" / "venv" / "bin" / "python").symlink_to("/usr/bin/python3")
    assert open_run(tmp_path / "typed").path == tmp_path / "typed"
    assert load(tmp_path / "typed").labels
    (tmp_path / "elsewhere").symlink_to(run.parent)
    assert open_run(None, tmp_path / "elsewhere").path.name == run.name


def test_a_journal_and_a_lock_with_another_name_are_not_written(run: Path, outside: Path) -> None:
    for name in ("journal.jsonl", "lock"):
        (run / name).touch()
        os.link(run / name, outside / name)
        with pytest.raises(RunError, match="hard link"):
            resume_search(run, ["search.stop.trials=2"])
        assert (outside / name).read_bytes() == (run / name).read_bytes()
        (outside / name).unlink()


def test_readers_and_writers_hold_to_it_themselves(tmp_path: Path, outside: Path) -> None:
    """Whoever does not come by way of open_run: a file that is put there later, say."""
    link = tmp_path / "journal.jsonl"
    link.symlink_to(outside / "token")
    for touch in (Journal, read_journal, open_file, lambda path: read_bytes(path, 10)):
        with pytest.raises((RunError, OSError), match="symbolic link"):
            touch(link)
    write_text(link, "new")
    assert not link.is_symlink()
    assert (outside / "token").read_text().startswith("token")


class Nothing:
    """A schedule that needs no checkpoint."""

    def needed(self, history: object, trials: object) -> list[int]:
        return []


def test_checkpoints_delete_what_is_theirs_alone(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "trials" / "20261127").mkdir(parents=True)
    (tmp_path / "trials" / "20261127" / "thesis").write_text("precious")
    (tmp_path / "trials" / "²²²²²").mkdir()
    Checkpoints(RunDirectory(tmp_path), Nothing(), None, 1)  # type: ignore[arg-type]
    assert (tmp_path / "trials" / "20261127" / "thesis").exists()
    assert (tmp_path / "trials" / "²²²²²").exists()
    shutil.rmtree(tmp_path / "trials")
    (tmp_path / "trials").symlink_to(outside)
    with pytest.raises(RunError, match="trials is a symbolic link"):
        Checkpoints(RunDirectory(tmp_path), Nothing(), None, 1)  # type: ignore[arg-type]
    assert (outside / "20261127" / "photo").read_text() == "precious"
