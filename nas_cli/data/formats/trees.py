"""The files below a folder or in a zip, read on demand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nas_cli.data.formats.archives import File, Member, open_archive
from nas_cli.data.formats.files import read_bytes, require_file
from nas_cli.data.formats.folders import PassedOver, Place, only_folder, subfolders, walk
from nas_cli.data.formats.parts import part_of

MOST_PACKED = 60
"""A zip of texts may unpack to this many times its size; texts shrink to a third or a tenth, bombs to a thousandth."""
ALWAYS = 64 * 2**20
"""Bytes that any zip may unpack to."""


@dataclass(frozen=True)
class Tree:
    """Files by their place below `origin`, in order, and the names of the folders directly in it, empty ones too.
    `packed` are the places of all folders that an archive lists, even without files; `above` are the outer folders that
    hold everything.
    """

    origin: Path
    files: dict[Place, File]
    folders: tuple[str, ...]
    packed: tuple[Place, ...] = ()
    above: Place = ()

    def inside(self, name: str) -> Place:
        """The place of a path from a user, with or without the outer folders."""
        parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        return parts[len(self.above) :] if self.above and parts[: len(self.above)] == self.above else parts

    def below(self, name: str) -> Tree:
        """The tree of the folder `name`."""
        files = {place[1:]: file for place, file in self.files.items() if place[0] == name and len(place) > 1}
        if self.origin.is_dir():
            return Tree(self.origin / name, files, tuple(subfolders(self.origin / name)))
        packed = tuple(place[1:] for place in self.packed if place[0] == name and len(place) > 1)
        return Tree(self.origin / name, files, _folders(files, packed), packed)

    def names_below(self, name: str) -> list[str]:
        """The names directly in the folder `name`, without endings: the classes, where `name` is a part."""
        return sorted({place[1].partition(".")[0] for place in self.files if place[0] == name and len(place) > 1})


def open_tree(path: Path, passed: PassedOver) -> Tree:
    """The tree of a folder or a .zip, below the outer folder that holds everything. Raises DataError."""
    if path.suffix.lower() == ".zip" and not path.is_dir():
        return _open_zip(path, passed)
    root = only_folder(path)
    return Tree(root, dict(walk(root, root, passed)), tuple(subfolders(root)), above=root.relative_to(path).parts)


def content(file: File) -> bytes:
    """The content of a file. Raises DataError."""
    if isinstance(file, Member):
        return file.read_bytes()
    return read_bytes(file, False) if file.stat().st_size else b""


def _folders(files: Iterable[Place], folders: Iterable[Place]) -> tuple[str, ...]:
    return tuple(sorted({place[0] for place in files if len(place) > 1} | {place[0] for place in folders}))


def _open_zip(path: Path, passed: PassedOver) -> Tree:
    require_file(path)
    archive = open_archive(path, str(path), max(ALWAYS, MOST_PACKED * path.stat().st_size), passed)
    files: dict[Place, File] = {place: Member(archive, place) for place in archive.members}
    folders = list(archive.folders)
    above: list[str] = []
    while files and all(len(place) > 1 for place in files):
        tops = {place[0] for place in (*files, *folders)}
        if len(tops) > 1 or part_of(*tops):
            break
        above += tops
        files = {place[1:]: file for place, file in files.items()}
        folders = [place[1:] for place in folders if len(place) > 1]
    return Tree(path, files, _folders(files, folders), tuple(folders), tuple(above))
