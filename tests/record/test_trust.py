"""Plugin files are run unasked for one's own runs alone, and while they are what they were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import nas_cli
from nas_cli.errors import RunError, SpecError
from nas_cli.record.directory import RunDirectory
from nas_cli.record.trust import digests_of, distrust, state_folder, trust
from nas_cli.run.search import resume_search, start_search

SPEC = """\
name: own
task: image-classification
data: {source: digits}
model: [{conv: {channels: 2, stride: 2}}, relu]
train: {epochs: 1, batch_size: 512}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A finished run and its plugin file, which counts how often it is run. Not to be changed."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text("import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n")
    (folder / "own.yaml").write_text(f"{SPEC}plugins: ['{folder / 'mine.py'}']\n")
    return start_search(folder / "own.yaml", folder / "runs").run.path, folder / "mine.py"


@pytest.fixture
def copied(made: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The run with another, equal plugin file, which was never run yet; its note is written as a search writes it."""
    run, plugin = made
    there = Path(shutil.copytree(run, tmp_path / "runs" / run.name))
    own = Path(shutil.copy(plugin, tmp_path / "mine.py"))
    spec = (there / "spec.yaml").read_text().replace(str(plugin), str(own))
    (there / "spec.yaml").write_text(spec)
    lines = (there / "journal.jsonl").read_text().splitlines(keepends=True)
    first = {**json.loads(lines[0]), "run": str(there)}
    lines[0] = json.dumps(first, separators=(",", ":")) + "\n"
    (there / "journal.jsonl").write_text("".join(lines))
    return there, own


def test_ones_own_run_needs_no_leave(made: tuple[Path, Path]) -> None:
    run, _ = made
    nas_cli.load(run)
    assert resume_search(run).run.path == run
    assert list((state_folder() / "made").iterdir())


def test_a_moved_run_is_still_ones_own(made: tuple[Path, Path], tmp_path: Path) -> None:
    moved = Path(shutil.copytree(made[0], tmp_path / "elsewhere"))
    assert distrust(RunDirectory(moved), [str(made[1])]) is None
    nas_cli.load(moved)


def test_somebody_elses_run_needs_leave(copied: tuple[Path, Path]) -> None:
    run, plugin = copied
    with pytest.raises(RunError, match=r"not made by you on this machine; if you trust it, pass --allow-plugins"):
        nas_cli.load(run)
    with pytest.raises(SpecError, match=r"spec\.yaml:\d+.*not made by you"):
        resume_search(run, ["search.stop.trials=2"])
    assert not plugin.with_suffix(".ran").exists()
    nas_cli.load(run, plugins=True)
    assert plugin.with_suffix(".ran").exists()
    with pytest.raises(RunError, match="--allow-plugins"):
        nas_cli.load(run)


def test_a_changed_file_needs_leave(copied: tuple[Path, Path]) -> None:
    run, plugin = copied
    assert trust(RunDirectory(run), digests_of([str(plugin)])) is None
    assert distrust(RunDirectory(run), [str(plugin)]) is None
    plugin.write_text(plugin.read_text() + "# one line more\n")
    with pytest.raises(RunError, match=r"mine\.py was changed since"):
        nas_cli.load(run)
    assert not plugin.with_suffix(".ran").exists()


def test_another_file_needs_leave(copied: tuple[Path, Path]) -> None:
    run, plugin = copied
    trust(RunDirectory(run), digests_of([str(plugin)]))
    other = plugin.with_name("other.py")
    shutil.copy(plugin, other)
    (run / "spec.yaml").write_text((run / "spec.yaml").read_text().replace("mine.py", "other.py"))
    with pytest.raises(RunError, match=r"other\.py, which it was not made with"):
        nas_cli.load(run)


def test_nothing_in_a_run_claims_trust(copied: tuple[Path, Path]) -> None:
    run, plugin = copied
    for name in ("made", "plugins", "trusted"):
        (run / f"{name}.json").write_text(json.dumps({"plugins": digests_of([str(plugin)])}))
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**environment, "plugins": digests_of([str(plugin)])}))
    with pytest.raises(RunError, match="--allow-plugins"):
        nas_cli.load(run)


def test_what_goes_wrong_with_the_note(
    copied: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, plugin = copied
    directory = RunDirectory(run)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert "will need --allow-plugins" in str(trust(directory, digests_of([str(plugin)])))
    assert "not made by you" in str(distrust(directory, [str(plugin)]))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    trust(directory, digests_of([str(plugin)]))
    (note,) = (tmp_path / "state" / "nas" / "made").iterdir()
    for damage in ("", "[]", '{"plugins": 3}', "\xff"):
        note.write_text(damage, encoding="latin-1")
        with pytest.raises(RunError, match=f"{note.name} is damaged"):
            distrust(directory, [str(plugin)])
    assert "no list of files" in str(distrust(directory, [3]))
    assert "no list of files" in str(distrust(directory, {"a": 1}))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "nas"
