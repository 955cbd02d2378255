"""Names of columns, classes, tags, files and folders go through every command, and stay names everywhere."""

from __future__ import annotations

import ast
import csv
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from nas_cli.record.directory import RunDirectory
from nas_cli.words import printable

NAMES = [
    "a\nplugins: [evil.py]\n#",
    "\x1b]0;owned\x07\x1b[2J",
    "{what}{0}{name!r}%s%(x)s",
    "$(touch pwned)`touch pwned`",
    "'; \" \\ */ --x",
    "<script>alert(1)</script>",
    "[bold red]x[/]",
    "\u202egnp.exe",
    "x" * 300,
]
TAGS = ["B-\x1b[2J", "B-<script>alert(1)</script>", "B-{0}%s", "B-[bold]", "B-'\"\\", "B-" + "y" * 200, "O", "B-1e5"]
SMALL = """
train.epochs=1 search.stop.trials=1 search.strategy=random search.schedule=full final.top=1 final.seeds=1 final.epochs=1
baselines={} hardware.workers=0 hardware.precision=float32 hardware.layout=channels-first
"""
MODEL = {"table-classification": "[features, {linear: {units: 2}}]", "sequence-labelling": "[{embedding: {units: 4}}]"}


def write_table(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*NAMES, "target"])
        for k in range(150):
            out.writerow([*((k * (place + 3)) % 17 + 0.5 for place in range(len(NAMES))), NAMES[k % len(NAMES)]])


def write_sentences(path: Path) -> None:
    sentences = []
    for k in range(60):
        sentences.append("".join(f"word{(k + i) % 9} {TAGS[(k + i) % len(TAGS)]}\n" for i in range(4)))
    path.write_text("\n".join(sentences), encoding="utf-8")


@pytest.fixture(params=["table-classification", "sequence-labelling"], scope="module")
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Any]:
    """A folder with data in a hostile folder, whose spec `init` wrote, and what printed."""
    from typer.testing import CliRunner

    from nas_cli.cli.app import app

    folder = tmp_path_factory.mktemp("hostile")
    (folder / NAMES[3]).mkdir()
    (folder / "evil.py").write_text("import pathlib; pathlib.Path('pwned').touch()\n")
    data = folder / NAMES[3] / ("rows.csv" if request.param.startswith("table") else "words.conll")
    (write_table if request.param.startswith("table") else write_sentences)(data)

    def nas(*words: object) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, (words, done.stderr, done.exception)
        for printed in (done.stdout, done.stderr):
            assert printable(printed, lines=True) == printed
        return done.stdout

    return folder, request.param, nas


def test_every_command(walked: tuple[Path, str, Any]) -> None:
    folder, task, nas = walked
    (data,) = (folder / NAMES[3]).iterdir()
    nas("init", task, data, "--out", "spec.yaml")
    (folder / "spec.yaml").write_text(
        (folder / "spec.yaml").read_text().replace("\nspace: ", f"\nmodel: {MODEL[task]}\n# ")
    )
    changes = [word for change in SMALL.split() for word in ("--set", change)]
    nas("plan", "spec.yaml", *changes)
    printed = nas("search", "spec.yaml", *changes, "--out", NAMES[4])
    (path,) = [made for made in (folder / NAMES[4]).iterdir() if made.name[0] != "."]
    commands = [shlex.split(line) for line in printed.splitlines() if line.startswith("  nas ")]
    assert [command[1] for command in commands] == ["evaluate", "export", "predict"]
    assert all((folder / command[2]).resolve() == path.resolve() for command in commands)
    run = RunDirectory(path)
    nas("show", "run", path)
    assert json.loads(nas("show", "run", path, "--json"))["state"] == "finished"
    report = json.loads(nas("evaluate", path, "--json"))
    expected = set(NAMES) if task.startswith("table") else set()
    assert expected <= {str(found["label"]) for found in report.get("classes", [])}
    page = run.report.read_text()
    assert "<script" not in page
    assert printable(page, lines=True) == page
    for form in ("onnx", "source"):
        nas("export", path, "--format", form)
    module = ast.parse((path / "export" / "source" / "model.py").read_text())
    labels = next(node.value for node in module.body if isinstance(node, ast.Assign) and _named(node) == "LABELS")
    assert set(ast.literal_eval(labels)) == set(NAMES if task.startswith("table") else TAGS)
    assert json.loads(nas("predict", path, data, "--json"))
    assert not list(folder.rglob("pwned"))


def _named(node: ast.Assign) -> str:
    (target,) = node.targets
    return target.id if isinstance(target, ast.Name) else ""
