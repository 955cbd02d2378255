"""The files below a folder, or in a zip, that are read when they are needed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nas_cli.data.files import DAMAGED, first_line, read_bytes, require_file
from nas_cli.data.folders import PassedOver, Place, is_junk, only_folder, subfolders, walk
from nas_cli.data.parts import part_of
from nas_cli.errors import DataError

MOST_PACKED = 60
"""Times its size that a zip of texts may unpack to; texts pack to a third or a tenth, and bombs to a thousandth."""
ALWAYS = 64 * 2**20
"""Bytes that any zip may unpack to."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How members may be packed: what the others unpack to cannot be bounded while it is done."""


@dataclass(frozen=True)
class Tree:
    """Files by their place below `origin`, in order, and the folders directly in it, the empty ones too."""

    origin: Path
    files: dict[Place, Callable[[], bytes]]
    folders: tuple[str, ...]

    def below(self, name: str) -> Tree:
        """What lies in the folder `name`."""
        files = {place[1:]: read for place, read in self.files.items() if place[0] == name and len(place) > 1}
        inner = subfolders(self.origin / name) if self.origin.is_dir() else _folders(files)
        return Tree(self.origin / name, files, tuple(inner))

    def names_below(self, name: str) -> list[str]:
        """What lies directly in the folder `name`, without endings: classes, where `name` is a part."""
        return sorted({place[1].partition(".")[0] for place in self.files if place[0] == name and len(place) > 1})


def open_tree(path: Path, passed: PassedOver) -> Tree:
    """Of a folder or a .zip, without the folder that all of it lies in. Raises DataError."""
    if path.suffix.lower() == ".zip" and not path.is_dir():
        return _open_zip(path, passed)
    root = only_folder(path)
    files: dict[Place, Callable[[], bytes]] = {}
    for place, file in walk(root, root, passed):
        files[place] = partial(_read_file, file)
    return Tree(root, files, tuple(subfolders(root)))


def _read_file(file: Path) -> bytes:
    return read_bytes(file, False) if file.stat().st_size else b""


def _folders(files: dict[Place, Callable[[], bytes]]) -> list[str]:
    return sorted({place[0] for place in files if len(place) > 1})


def _open_zip(path: Path, passed: PassedOver) -> Tree:
    require_file(path)
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, *DAMAGED) as error:
        raise DataError(f"{path} cannot be read as a zip file: {first_line(error)}") from None
    size, packed = sum(member.file_size for member in members), path.stat().st_size
    if size > max(ALWAYS, MOST_PACKED * packed):
        raise DataError(
            f"{path} has {packed:,} bytes and unpacks to {size:,}, more than texts do: if it is sound, unpack it and "
            "name the folder"
        )
    files: dict[Place, Callable[[], bytes]] = {}
    for member in members:
        place = tuple(part for part in _name(member).split("/") if part)
        if not place or member.is_dir():
            continue
        if any(map(is_junk, place)):
            passed.add("hidden or of a file manager", place)
        else:
            files[place] = partial(_read_member, archive, member, path)
    while files and len(tops := {place[0] for place in files}) == 1 and all(len(place) > 1 for place in files):
        if part_of(tops.pop()):
            break
        files = {place[1:]: read for place, read in files.items()}
    return Tree(path, dict(sorted(files.items())), tuple(_folders(files)))


def _name(member: zipfile.ZipInfo) -> str:
    """Archivers that do not say that a name is UTF-8 often write it so all the same; and some write \\."""
    name = member.filename
    if not member.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name if "/" in name else name.replace("\\", "/")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    if member.flag_bits & 1:
        raise DataError(f"{member.filename} in {path} is encrypted: unpack it and name the folder")
    if member.compress_type not in PACKINGS:
        raise DataError(
            f"{member.filename} in {path} is packed in a way that is not read: unpack it and name the folder"
        )
    try:
        with archive.open(member) as file:
            return file.read(member.file_size + 1)
    except (zipfile.BadZipFile, OSError, NotImplementedError, *DAMAGED) as error:
        raise DataError(f"{member.filename} in {path} is damaged: {first_line(error)}") from None
