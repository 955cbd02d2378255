"""Plugins: the spec of a run names those of that run; the modules beside a plugin are part of it; exits are errors."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fields import axes_of

import nas_cli
from nas_cli.describe.catalog import describe_space
from nas_cli.describe.plan import plan
from nas_cli.errors import Infeasible, RunError, SpecError, UserError
from nas_cli.model.infer import infer
from nas_cli.plugins import import_plugin, taking_back
from nas_cli.record.directory import RunDirectory
from nas_cli.record.trust import digests_of, distrust, trust
from nas_cli.run.search import start_search

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
COUNTED = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n"
COMMANDS: dict[str, Callable[[Path], object]] = {
    "plan": plan,
    "show": lambda spec: describe_space(str(spec)),
    "search": lambda spec: start_search(spec, spec.parents[1] / "new"),
}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The spec of somebody else's run, and a plugin beside the run."""
    (tmp_path / "theirs.py").write_text(COUNTED)
    run = tmp_path / "theirs-20261127-120000"
    run.mkdir()
    (run / "spec.yaml").write_text(f"{SPEC}plugins: ['{tmp_path / 'theirs.py'}']\n")
    started = {"event": "run_started", "time": 1.0, "sequence": 0, "run": str(run)}
    (run / "journal.jsonl").write_text(json.dumps(started) + "\n")
    return run / "spec.yaml"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_spec_of_somebody_elses_run_runs_no_code(foreign: Path, tmp_path: Path, command: str) -> None:
    link = tmp_path / "mine.yaml"
    link.symlink_to(foreign)
    for spec in (foreign, link):
        with pytest.raises(SpecError, match=r"yaml:9.*not made by you on this machine; .*--allow-plugins"):
            COMMANDS[command](spec)
    shutil.copy(foreign.with_name("journal.jsonl"), foreign.with_name("environment.json"))
    foreign.with_name("journal.jsonl").unlink()  # a run that was cut down is one, too
    with pytest.raises(SpecError, match="--allow-plugins"):
        COMMANDS[command](foreign)
    assert not (tmp_path / "theirs.ran").exists()
    assert not (tmp_path / "new").exists()


def test_it_does_where_the_user_says_so_or_takes_it_out_of_the_run(foreign: Path, tmp_path: Path) -> None:
    describe_space(str(foreign), plugins=True)
    assert (tmp_path / "theirs.ran").exists()
    own = Path(shutil.copy(foreign, tmp_path / "mine.yaml"))
    assert describe_space(str(own)).name == "own"
    with pytest.raises(SpecError, match="--allow-plugins"):
        describe_space(str(foreign))


def test_the_spec_of_ones_own_run_is_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(COUNTED)
    (tmp_path / "mine.yaml").write_text(f"{SPEC}plugins: ['{tmp_path / 'mine.py'}']\n")
    run = start_search(tmp_path / "mine.yaml", tmp_path / "runs").run
    assert describe_space(str(run.spec)).name == "own"
    (tmp_path / "mine.py").write_text("raise SystemExit(0)")
    with pytest.raises(SpecError, match="was changed since"):
        describe_space(str(run.spec))


def test_a_pipe_for_a_journal_is_not_waited_for(foreign: Path) -> None:
    foreign.with_name("journal.jsonl").unlink()
    os.mkfifo(foreign.with_name("journal.jsonl"))
    with pytest.raises(SpecError, match="--allow-plugins"):
        describe_space(str(foreign))


@pytest.fixture
def helped(foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunDirectory, Path]:
    """A run that is trusted with a plugin, which imports a package beside it; and the package's file."""
    package = tmp_path / "helpers_of_it"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("SIZE = 3\n")
    (tmp_path / "unused.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "theirs.py").write_text("from helpers_of_it.deep import SIZE\nimport json, numpy, torch\n")
    import_plugin(tmp_path / "theirs.py")
    digests = digests_of([str(tmp_path / "theirs.py")])
    for name in [name for name in sys.modules if name.startswith("helpers_of_it")]:
        monkeypatch.delitem(sys.modules, name)
    names = sorted(str(Path(file).relative_to(tmp_path)) for file in digests)
    assert names == ["helpers_of_it/__init__.py", "helpers_of_it/deep.py", "theirs.py"]
    run = RunDirectory(foreign.parent)
    assert trust(run, digests) is None
    return run, package / "deep.py"


def test_modules_beside_a_plugin_are_part_of_it(helped: tuple[RunDirectory, Path], tmp_path: Path) -> None:
    run, helper = helped
    plugins = [str(tmp_path / "theirs.py")]
    assert distrust(run, plugins) is None
    (tmp_path / "unused.py").write_text("changed")
    assert distrust(run, plugins) is None
    helper.write_text("SIZE = 4\n")
    assert f"{helper}, which a plugin imported, was changed since" in str(distrust(run, plugins))
    helper.unlink()
    assert f"{helper}, which a plugin imported, is gone since" in str(distrust(run, plugins))
    with pytest.raises(RunError, match=r"is no whole run|is not finished"):
        nas_cli.load(run.path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(0)", r"exits\.py:1 failed: SystemExit: 0"),
        ("import sys\nsys.exit('no licence')", r"exits\.py:2 failed: SystemExit: no licence"),
        ("def f():\n  f()\nf()", r"exits\.py:2 failed: RecursionError"),
        ("raise MemoryError", r"exits\.py:1 failed: MemoryError"),
    ],
)
def test_a_plugin_that_exits_is_an_error(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "exits.py").write_text(code)
    for _ in range(2):  # it is not taken for imported the second time
        with pytest.raises(SpecError, match=said):
            import_plugin(tmp_path / "exits.py")


def test_an_op_that_exits_is_infeasible(tmp_path: Path) -> None:
    (tmp_path / "ops.py").write_text(
        "from nas_cli.plugins import op\n"
        "from torch import nn\n"
        "class Exits(nn.Module):\n"
        "    def forward(self, x):\n"
        "        raise SystemExit(0)\n"
        "@op('exits_when_made')\n"
        "def exits_when_made(shape: tuple[int, ...]) -> nn.Module:\n"
        "    raise SystemExit(0)\n"
        "@op('exits_when_run')\n"
        "def exits_when_run(shape: tuple[int, ...]) -> nn.Module:\n"
        "    return Exits()\n"
    )
    with taking_back():
        import_plugin(tmp_path / "ops.py")
        for name in ("exits_when_made", "exits_when_run"):
            with pytest.raises(Infeasible, match="SystemExit"):
                infer(name, {}, axes_of((3, 8, 8)))


@pytest.mark.parametrize("where", ["file", "file/deeper", "file/deeper/still"])
def test_runs_that_cannot_be_made_there_are_refused_before_any_data_is_read(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(SPEC)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("nas_cli.run.search.open_session", None)
    with pytest.raises(UserError, match="file is no folder: runs cannot be made in"):
        start_search(tmp_path / "mine.yaml", tmp_path / where)
