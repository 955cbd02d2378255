"""Walks folders with a subfolder for each class or part, and keeps account of files that are passed over."""

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
"""Files of file managers, in lower case; they are passed over, as hidden files and folders are."""
NAMED = 3
"""Files that a note on passed-over files names."""
Place = tuple[str, ...]
"""A path within a folder or an archive, as a tuple of names."""


@dataclass(frozen=True)
class PassedOver:
    """Files that are not read, by reason."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, place: Place) -> None:
        self.found.setdefault(reason, []).append("/".join(place))

    def notes(self, origin: Path) -> list[str]:
        """A sentence for each reason, with the count and the first names."""
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

    Links to folders are followed, unless they lead to `root`, into it, or to a folder above it: a file would be of two
    classes, and the walk might never end. Anything but files and folders is passed over.
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
    """The class of a folder or file of this name: the name in NFC, since systems differ in the Unicode form.
    Raises DataError where the name is no UTF-8: neither a spec nor a report can hold it.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {folder / name} is no UTF-8, and a class is called by it: rename it") from None
    return unicodedata.normalize("NFC", name)


def subfolders(folder: Path) -> list[str]:
    """The names of possible class folders, in alphabetical order."""
    if not folder.is_dir():
        return []
    return sorted(e.name for e in _entries(folder) if not is_junk(e.name) and (folder / e.name).is_dir())


def only_folder(path: Path) -> Path:
    """`path`; or, as in unpacked archives, the only folder in it, where that holds folders."""
    while True:
        require_folder(path)
        inner = [entry.name for entry in _entries(path) if not is_junk(entry.name)]
        deeper = path / inner[0] if len(inner) == 1 else path
        if deeper == path or deeper.is_symlink() or not subfolders(deeper) or part_of(deeper.name):
            return path
        path = deeper


def find_parts(path: Path, names: Mapping[str, Sequence[str]], tables: Sequence[str] = ()) -> dict[str, str]:
    """part → the name of its folder or file at `path`; {} where `path` is not divided. `names` maps each name at `path`
    to the classes that are folders in it.
    A name that only names a part is that part, in any case and with filling words (`Training Set`). A name with other
    words (`seg_test`) is a part where it is among the `tables`, which are no classes, or shares a class with another
    part. Raises DataError where two names claim a part.
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
    """The only claim of `part`; a name without other words comes first. Raises DataError where there are several."""
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
    """Raises DataError where all of `classes` have names of parts: such folders are no classes."""
    if classes and all(is_only_a_part(name) for name in classes):
        raise DataError(
            f"{path} has {' and '.join(classes)}, which are called like parts of the data and not like classes: "
            "a folder for each class is expected in each"
        )


def merged_classes(folder: Path, classes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A note for each class with several names, which differ only in their Unicode form."""
    for label, names in classes.items():
        if len(names) > 1:
            yield f"{folder} has {len(names)} names that are '{label}' in two Unicode forms, and they are one class"
