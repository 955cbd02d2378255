"""What the signposts say of the code is so: the table of imports, the names of files, the examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_rooms import BASE, MAY_IMPORT

import nas_cli.plugins
from nas_cli.plugins import DECORATORS, import_plugin, taking_back
from nas_cli.testing import check_augmentation, check_op, check_strategy

ROOT = Path(__file__).parents[1]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = {"architecture.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING}


def table() -> str:
    """The table of imports as the page has it, one row a room."""
    rows = ["| room | may import |", "|---|---|"]
    for room, allowed in MAY_IMPORT.items():
        others = [other for other in MAY_IMPORT if other in allowed - BASE]
        inside = sorted(allowed & BASE)
        shown = ["base"] if inside == sorted(BASE) else inside
        rows.append(f"| {room} | {', '.join([*shown, *others]) or 'nothing'} |")
    return "\n".join(rows)


def test_the_table_of_imports_is_that_of_the_test() -> None:
    """Where it is not: the table to put into docs/architecture.md is the left side."""
    found = ARCHITECTURE.split("<!-- table of imports -->")[1].split("<!-- end -->")[0].strip()
    assert table() == found


def test_every_room_is_in_the_picture() -> None:
    picture = ARCHITECTURE.split("```")[1]
    for room in MAY_IMPORT:
        assert room in ("__main__", "testing") or re.search(rf"\b{room}\b", picture), f"{room} is not in the picture"


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    named = set(re.findall(r"`((?:nas_cli|tests|docs|configs|\w+)/[\w/]*\w+\.(?:py|md))`", PAGES[page]))
    assert len(named) > 5
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "nas_cli" / name).exists(), f"{page} names {name}"


def test_every_decorator_is_explained() -> None:
    for name in DECORATORS:
        assert f"`@{name}(" in CONTRIBUTING
        assert callable(getattr(nas_cli.plugins, name))


def test_the_examples_pass_the_checks(tmp_path: Path) -> None:
    blocks: list[Any] = re.findall(r"```python\n(.*?)```", CONTRIBUTING, re.S)
    (tmp_path / "mine.py").write_text("\n".join(block for block in blocks if "\n@" in block))
    with taking_back():
        import_plugin(tmp_path / "mine.py")
        check_op("scale", {"by": 2.0})
        check_strategy("hill-climbing")
        check_augmentation("noise", {"size": 0.2})
