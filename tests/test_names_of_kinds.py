"""No code outside of the rooms that own them asks for the name of a kind, a source or a task: the thing answers itself.

What a registered thing says of itself in its decorator is no asking. Some names are ordinary words as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_cli.data.kind import TARGET_KINDS
from nas_cli.data.sniffing import SNIFFS
from nas_cli.data.source import ENCODERS, SOURCES, TARGETS
from nas_cli.data.wanted import kinds_in
from nas_cli.task import TASKS

PACKAGE = Path(__file__).parents[1] / "nas_cli"
OWNERS = ("data/kinds/", "data/sources/", "data/asking/", "task/")
"""Folders of files of which each is about one kind, one source or one task."""
WORDS = {
    "api.py": {"number"},
    "cli/deliver.py": {"csv", "text"},
    "data/formats/mask_pairs.py": {"segmentation"},
    "data/formats/mask_places.py": {"images", "mask", "segmentation"},
    "data/formats/parts.py": {"images", "texts"},
    "data/formats/pictures.py": {"images"},
    "data/formats/sentences.py": {"tags"},
    "deliver/evaluate.py": {"number"},
    "deliver/export/source.py": {"mask"},
    "deliver/predict.py": {"text"},
    "deliver/predictions.py": {"csv", "tags", "text"},
    "describe/catalog.py": {"number", "text"},
    "describe/schema.py": {"number"},
    "execute/messages.py": {"number", "table"},
    "record/record.py": {"number"},
    "search/expression.py": {"number"},
}
"""Names that mean something else there: the number of a trial, a form of predictions, a type of JSON, a column of
answers, what folders of a user's are called."""
EXCEPTIONS = {
    "data/__init__.py": ({"conll", "digits", "idx", "npz", "text"}, "the modules that the room exports"),
    "data/load.py": ({"texts"}, "classes that their source says to be absent by itself"),
    "data/other.py": (
        {"npz", "idx", "image-folder"},
        "the formats of labelled images that stand for each other where a network is tested on a path",
    ),
    "data/portable.py": ({"images", "table"}, "exports hold this file without any registry"),
    "data/source.py": ({"images"}, "what a source gives that does not say"),
    "data/wanted.py": ({"images", "class"}, "what a task learns that does not say"),
    "testing/__init__.py": ({"class"}, "the target of a check where none is said"),
    "testing/augment.py": ({"images", "class", "number", "mask"}, "a batch of each kind that nas has, to try"),
    "train/augment/base.py": ({"images", "class"}, "what an augmentation fits that does not say"),
}


def names() -> set[str]:
    """Of nas itself, not of what other tests register."""
    found = {kind for name in SNIFFS if SNIFFS.origin(name) is None for kind in kinds_in(SNIFFS.scent(name).inputs)}
    for registry in (TARGETS, SOURCES, ENCODERS, TASKS):
        found |= {name for name in registry if registry.origin(name) is None}
    return found


def constants(node: ast.AST) -> Iterator[ast.Constant]:
    """All texts that stand in code, but for those of decorators."""
    declared = set(map(id, getattr(node, "decorator_list", ())))
    for child in ast.iter_child_nodes(node):
        if id(child) in declared:
            continue
        if isinstance(child, ast.Constant):
            yield child
        yield from constants(child)


def asked(text: str) -> dict[str, list[int]]:
    """Names that stand in a source text, with their lines."""
    found: dict[str, list[int]] = {}
    known = names()
    for node in constants(ast.parse(text)):
        if isinstance(node.value, str) and node.value in known:
            found.setdefault(node.value, []).append(node.lineno)
    return found


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.relative_to(PACKAGE).as_posix().startswith(OWNERS)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nobody_asks_for_a_name(path: Path) -> None:
    """Where it fails: let the kind, the target, the encoder or the source answer, by an attribute or a method."""
    file = path.relative_to(PACKAGE).as_posix()
    found = asked(path.read_text(encoding="utf-8"))
    allowed = WORDS.get(file, set()) | EXCEPTIONS.get(file, (set(), ""))[0]
    assert {name: lines for name, lines in found.items() if name not in allowed} == {}
    assert allowed - found.keys() == set(), f"{file} needs no exception any more"


def test_exceptions_are_of_files_that_are_there() -> None:
    assert {*WORDS, *EXCEPTIONS} <= {path.relative_to(PACKAGE).as_posix() for path in FILES}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if kind == 'images': pass", {"images": [1]}),
        ("{'table rows': 1}[kind]", {"table rows": [1]}),
        ("def f(kind='class'): pass", {"class": [1]}),
        ("f'{a}' in ('segmentation',)", {"segmentation": [1]}),
        ("@augmentation('x', targets={'mask'})\ndef f(): pass", {}),
        ("@augmentation('x')\ndef f(): return 'mask'", {"mask": [2]}),
        ('"""images"""', {"images": [1]}),
        ("'Images', 'a mask'", {}),
    ],
)
def test_names_are_found(text: str, found: dict[str, list[int]]) -> None:
    assert asked(text) == found


def test_every_kind_is_known_by_what_it_says() -> None:
    assert {name for name in TARGETS if TARGETS.origin(name) is None} <= set(TARGET_KINDS)
