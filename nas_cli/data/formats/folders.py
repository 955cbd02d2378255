"""Folders with a folder for each class: what lies below them, by class, and what is passed over."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas_cli.data.formats.files import require_folder, unreadable
from nas_cli.data.formats.parts import WORDS, is_only_a_part, part_of
from nas_cli.errors import DataError

JUNK = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin")
"""What file managers leave behind, in lower case; so are files and folders that are hidden."""
NAMED = 3
"""Files that a note names of those that are passed over."""
Place = tuple[str, ...]
"""A path within a folder or an archive, as its parts."""


@dataclass(frozen=True)
class PassedOver:
    """What is not read, by the reason why."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, place: Place) -> None:
        self.found.setdefault(reason, []).append("/".join(place))

    def notes(self, origin: Path) -> list[str]:
        """A sentence for each reason, which counts them and names the first."""
        notes = []
        for reason, names in self.found.items():
            more = ", …" if len(names) > NAMED else ""
            first = ", ".join(sorted(names)[:NAMED])
            notes.append(f"passed over in {origin}, {reason}: {len(names):,} ({first}{more})")
        return notes


def is_junk(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in JUNK


def walk(top: Path, root: Path, passed: PassedOver, most: float = math.inf) -> list[tuple[Place, Path]]:
    """Every file below `top`, in the order of their places, or about the first `most` of them. Raises DataError where
    a folder cannot be read.

    Links to folders are followed, unless they lead to `root`, to what is in it, or to what it is in: such a file would
    be of two classes, and a walk might never end. What is neither file nor folder is passed over.
    """
    found: list[tuple[Place, Path]] = []
    own = {top.resolve(), root.resolve()}
    seen = {_identity(top)}
    waiting: list[tuple[Place, Path]] = [((), top)]
    while waiting and len(found) < most:
        place, folder = waiting.pop()
        for entry in _entries(folder):
            inner, path = (*place, entry.name), folder / entry.name
            if is_junk(entry.name):
                passed.add("hidden or of a file manager", inner)
            elif entry.is_symlink() and not path.exists():
                passed.add("broken links", inner)
            elif path.is_dir():
                linked_within = entry.is_symlink() and _leads_within(path.resolve(), own)
                if linked_within or _identity(path) in seen:
                    passed.add("links to folders of the same data", inner)
                    continue
                seen.add(_identity(path))
                waiting.append((inner, path))
            elif path.is_file():
                found.append((inner, path))
            else:
                passed.add("neither files nor folders", inner)
    return sorted(found)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise unreadable(folder, error) from None


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


def _leads_within(target: Path, own: Iterable[Path]) -> bool:
    return any(target.is_relative_to(folder) or folder.is_relative_to(target) for folder in own)


def class_name(name: str, folder: Path) -> str:
    """The name of a class by the name of its folder or file, in Unicode's form NFC, as other systems may write it.

    Raises DataError where it is no UTF-8: neither a spec nor a report can hold it.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {folder / name} is no UTF-8, and a class is called by it: rename it") from None
    return unicodedata.normalize("NFC", name)


def subfolders(folder: Path) -> list[str]:
    """The names of what may be class folders, in alphabetical order."""
    if not folder.is_dir():
        return []
    return sorted(e.name for e in _entries(folder) if not is_junk(e.name) and (folder / e.name).is_dir())


def only_folder(path: Path) -> Path:
    """`path`, or where it holds nothing but one folder, which holds folders, that one, as unpacked archives have it."""
    while True:
        require_folder(path)
        inner = [entry.name for entry in _entries(path) if not is_junk(entry.name)]
        deeper = path / inner[0] if len(inner) == 1 else path
        if deeper == path or deeper.is_symlink() or not subfolders(deeper) or part_of(deeper.name):
            return path
        path = deeper


def find_parts(path: Path, names: Mapping[str, Sequence[str]], tables: Sequence[str] = ()) -> dict[str, str]:
    """part → the folder or file at `path` that it is; none where `path` is not divided. `names` are of what lies there,
    each with the names of the classes that are folders in it.

    What is called by a part alone is one, in any case and with fillings (`Training Set`); what has more in its name
    (`seg_test`) is one where it is among the `tables`, which are no classes, or has a class in common with another.
    Raises DataError where two claim a part.
    """
    named = {name: part_of(name) for name in names}
    parts = {name: part for name, part in named.items() if part is not None}
    claims: dict[str, list[str]] = {}
    for name, part in sorted(parts.items()):
        if is_only_a_part(name) or name in tables or _shares_classes(name, names, parts):
            claims.setdefault(part, []).append(name)
    if "train" not in claims:
        return {}
    return {part: _only(path, part, claims[part]) for part in WORDS if part in claims}


def _only(path: Path, part: str, claims: Sequence[str]) -> str:
    """The one that is called by the part alone, where one is."""
    exact = [name for name in claims if is_only_a_part(name)] or claims
    if len(exact) > 1:
        raise DataError(f"{path} has {' and '.join(exact)}, and one of them can be the {part} part: rename the other")
    return exact[0]


def _shares_classes(name: str, names: Mapping[str, Sequence[str]], parts: Mapping[str, str]) -> bool:
    own = _classes(names[name])
    return any(own & _classes(names[other]) for other in parts if parts[other] != parts[name])


def _classes(names: Sequence[str]) -> set[str]:
    return {unicodedata.normalize("NFC", name) for name in names}


def require_classes(path: Path, classes: Sequence[str]) -> None:
    """Raises DataError where all of `classes` are called like parts: what they hold is no class each."""
    if classes and all(is_only_a_part(name) for name in classes):
        raise DataError(
            f"{path} has {' and '.join(classes)}, which are called like parts of the data and not like classes: "
            "a folder for each class is expected in each"
        )


def merged_classes(folder: Path, classes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A note for each of `classes` that several names stand for: they differ in their Unicode form alone."""
    for label, names in classes.items():
        if len(names) > 1:
            yield f"{folder} has {len(names)} names that are '{label}' in two Unicode forms, and they are one class"
