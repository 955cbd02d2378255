"""Finds files by their names in a table, which are often paths of another machine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from nas_cli.data.formats.archives import File
from nas_cli.data.formats.folders import PassedOver, Place, walk
from nas_cli.data.formats.pictures import SUFFIXES

DRIVE = re.compile(r"[A-Za-z]:|[a-z]{2,}:")
"""A drive of Windows, or the scheme of a URL."""

MOST_SEARCHED = 1_000_000
"""Most files that are searched: a table may lie beside a whole file system."""


@dataclass
class Found:
    """Counts of the ways by which names led to files, and the first (name, file) of each way."""

    counts: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, how: str, name: str, file: File) -> None:
        self.counts[how] = self.counts.get(how, 0) + 1
        self.firsts.setdefault(how, (name, str(file)))

    def notes(self, table: Path) -> list[str]:
        return [
            f"{how}: {self.counts[how]:,} names in {table} ('{name}' is {file})"
            for how, (name, file) in self.firsts.items()
        ]


TAIL = "found by the end of their path"
LETTERS = "found in other letters, or with another ending"
ALONE = "found by their name alone, in a folder further down"


@dataclass(frozen=True)
class Known:
    """Files by their plain (case-folded) place, with and without the ending, and by their name alone."""

    places: Mapping[Place, File]
    names: Mapping[str, list[File]]


class NamedFiles:
    """The files below `folder`; or the files of the zip `folder`, by their `packed` places below it."""

    def __init__(self, folder: Path, packed: Mapping[Place, File] | None = None) -> None:
        self.folder, self.packed = folder, packed
        self.found = Found()
        self.ambiguous: list[str] = []

    def find(self, name: str) -> File | None:
        """The file that `name` stands for: by its path below the folder, or by the longest end of the path that leads
        to a file; then by its name alone, where it is unique. Where nothing else fits, case is ignored, and a name may
        lack the ending of a picture.
        """
        parts = _parts(name)
        if not parts:
            return None
        if self.packed is None and name.startswith("/") and _is_file(Path(name)):
            return Path(name)
        for start in range(len(parts)):
            file = self._at(parts[start:])
            if file is not None:
                if start or name.startswith(("/", "\\")) or DRIVE.match(name):
                    self.found.add(TAIL, name, file)
                return file
        return self._search(name, tuple(map(plain, parts)))

    def _at(self, parts: Place) -> File | None:
        if self.packed is not None:
            return self.packed.get(without_dots(parts))
        file = self.folder.joinpath(*parts)
        return file if _is_file(file) else None

    def _search(self, name: str, parts: Place) -> File | None:
        """Searches all files below the folder."""
        known = self._below
        for start in range(len(parts)):
            file = known.places.get(parts[start:])
            if file is not None:
                self.found.add(LETTERS, name, file)
                return file
        same = known.names.get(parts[-1], [])
        if len(same) == 1:
            self.found.add(ALONE, name, same[0])
            return same[0]
        if same:
            self.ambiguous.append(name)
        return None

    @cached_property
    def _below(self) -> Known:
        places: dict[Place, File] = {}
        names: dict[str, list[File]] = {}
        for place, file in self._all():
            lower = tuple(map(plain, place))
            for key in _spellings(lower):
                places.setdefault(key, file)
                names.setdefault(key[-1], []).append(file)
        return Known(places, names)

    def _all(self) -> Iterable[tuple[Place, File]]:
        if self.packed is not None:
            return self.packed.items()
        return walk(self.folder, self.folder, PassedOver(), MOST_SEARCHED) if self.folder.is_dir() else []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a null byte
        return False


def has_picture_ending(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _spellings(place: Place) -> list[Place]:
    """A place; for a picture, also the place without its ending."""
    stem = PurePosixPath(place[-1]).stem
    return [place, (*place[:-1], stem)] if has_picture_ending(place[-1]) and stem else [place]


def _parts(name: str) -> Place:
    """The parts of a path of any system; () where the path names nothing."""
    parts = [part for part in re.split(r"[/\\]+", name.strip()) if part not in ("", ".")]
    if parts and DRIVE.fullmatch(parts[0]):
        parts = parts[1:]
    return () if parts == [".."] else tuple(parts)


def without_dots(parts: Place) -> Place:
    kept: list[str] = []
    for part in parts:
        if part != "..":
            kept.append(part)
        elif kept:
            kept.pop()
    return tuple(kept)
