"""Names in somebody's data stay names in the spec that `nas init` writes: nothing of them becomes a line of it."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from nas_cli.describe.starter import survey
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document
from nas_cli.words import printable

NAMES = [
    "a\nplugins: [evil.py]\n#",
    "a\r\nplugins: [evil.py]",
    "a\x85plugins: [evil.py]",
    "a\u2028plugins: [evil.py]",
    "\x1b]0;owned\x07\x1b[2J",
    "{what}{0}{name!r}%s%(x)s",
    "$(touch x)`touch x`",
    "'; --\" \\",
    "<script>alert(1)</script>",
    "[bold red]x[/]",
    "# no comment",
    "- item",
    "\u202egnp.exe",
    "x" * 300,
    "!!python/name:os.system",
    "*/ &a *a",
]
FILES = [name for name in NAMES if "/" not in name and len(name) < 200]


def rows(column: str, label: str, text: bool = False) -> list[list[Any]]:
    """A table with a hostile column and a hostile class."""
    made: list[list[Any]] = [["text", "label"] if text else [column, "b", "target"]]
    for k in range(60):
        cells = [f"some words here {k % 7} {column}"] if text else [k * 7 % 13, k * 3 % 5 + 0.5]
        made.append([*cells, [label, "other"][k % 2]])
    return made


def checked(text: str, *, named: str | None = None) -> Any:
    """The spec parses, has no key that no starter has, and holds no letter that acts on a terminal."""
    assert printable(text, lines=True) == text
    content = yaml.safe_load(text)
    known = {"name", "seed", "task", "data", "space", "train", "objective", "search", "final", "baselines"}
    assert set(content) == known
    experiment = compose(parse_document(text, "x.yaml"))
    if named is not None:
        assert experiment.spec.name == named
    return experiment


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("task", ["table-classification", "text-classification"])
def test_columns_and_classes(tmp_path: Path, task: str, name: str) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows(name, name, task.startswith("text")))
    found = survey(task, path, name)
    experiment = checked(found.text, named="t")
    assert experiment.data.arguments["path"] == path


@pytest.mark.parametrize("name", FILES, ids=range(len(FILES)))
def test_files_and_folders(nas: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / name
    folder.mkdir(parents=True)
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows("a", "yes"))
    for label in (name, "other"):
        (folder / "pictures" / label).mkdir(parents=True)
        pixels = np.zeros((20, 20), np.uint8)
        for number in (1, 2):
            Image.fromarray(pixels).save(folder / "pictures" / label / f"{number}.png")
    path = folder / f"{name}.csv"
    checked(survey("table-classification", path, str(path)).text)
    done = nas("init", "table-classification", path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (spec,) = tmp_path.glob("*.yaml")
    assert checked(spec.read_text()).data.arguments["path"] == path
    commands = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("  nas ")]
    assert commands == [["nas", "plan", spec.name], ["nas", "search", spec.name]]
    found = survey(None, folder / "pictures", path)
    assert checked(found.text, named="pictures").data.arguments["path"] == folder / "pictures"


@pytest.mark.parametrize(
    ("file", "spec", "name"),
    [
        ("2024.csv", "2024.yaml", "2024"),
        ("1e5.csv", "1e5.yaml", "1e5"),
        ("0x1F.csv", "0x1F.yaml", "0x1F"),
        ("no.csv", "no.yaml", "no"),
        ("1_000.csv", "1_000.yaml", "1_000"),
        ("-rf.csv", "rf.yaml", "rf"),
        (".csv", "my-data.yaml", "my-data"),
        ("...csv", "my-data.yaml", "my-data"),
        ("表.csv", "表.yaml", "my-data"),
        ("a b.csv", "a b.yaml", "a-b"),
        (f"{'n' * 200}.csv", f"{'n' * 60}.yaml", "n" * 60),
    ],
)
def test_the_name_of_a_spec(nas: Any, tmp_path: Path, file: str, spec: str, name: str) -> None:
    with (tmp_path / file).open("w", newline="") as stream:
        csv.writer(stream).writerows(rows("a", "yes"))
    done = nas("init", "table-classification", f"./{file}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    checked((tmp_path / spec).read_text(), named=name)
    assert [shlex.split(line)[2] for line in done.stdout.splitlines() if line.startswith("  nas ")] == [spec, spec]


def test_the_folder_of_this_moment(nas: Any, tmp_path: Path) -> None:
    folder = tmp_path / "7"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in (1, 2):
            Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / label / f"{number}.png")
    done = nas("init", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    checked((folder / "7.yaml").read_text(), named="7")
