"""What is installed: every file of the package, its types, and the two ways to call it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nas_cli"


def test_the_wheel_holds_every_file_of_the_package() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    listed = {
        file
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for file in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    there = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert PACKAGE / "py.typed" in there
    assert there <= listed


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["serach"], []])
def test_the_module_is_the_command(words: list[str]) -> None:
    script = "from nas_cli.cli.app import main; main()"
    ways = ([sys.executable, "-m", "nas_cli"], [sys.executable, "-c", script])
    by_module, by_script = (subprocess.run([*way, *words], capture_output=True, text=True) for way in ways)
    assert by_module.returncode == by_script.returncode
    assert by_module.stdout == by_script.stdout
    assert by_module.stderr == by_script.stderr
