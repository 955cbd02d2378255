"""Opens, lists and unpacks zip files, within bounds on memory, and with errors that name the file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from nas_cli.data.formats.files import DAMAGED, first_line, unreadable
from nas_cli.data.formats.folders import PassedOver, Place, is_junk
from nas_cli.errors import DataError

BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
"""First bytes of a zip file, and of an empty one."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that are read: the output of others cannot be bounded while it is unpacked."""
BLOCK = 1 << 20
DOCUMENTS = (
    ("xl/", "an Excel workbook"),
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
)
"""Office documents that are zip files, by a folder in which they have XML files."""


@dataclass(frozen=True, eq=False)
class Archive:
    """An open zip file, which messages call `shown`: its files by place, in order, and the places of its folders."""

    path: Path
    shown: str
    file: zipfile.ZipFile
    members: Mapping[Place, zipfile.ZipInfo]
    folders: Sequence[Place]

    def read(self, place: Place) -> bytes:
        """The content of a member. Raises DataError where it is damaged, encrypted, or compressed by a method that is
        not read."""
        out = io.BytesIO()
        self.unpack(place, out)
        return out.getvalue()

    def unpack(self, place: Place, out: BinaryIO) -> None:
        """Like `read`, into the file `out`, block by block. Raises OSError where `out` cannot be written."""
        member, name = self.members[place], f"{'/'.join(place)} in {self.shown}"
        if member.flag_bits & 1:
            raise DataError(f"{name} is encrypted: unpack it and name the folder")
        if member.compress_type not in PACKINGS:
            raise DataError(f"{name} is packed in a way that is not read: unpack it and name the folder")
        for block in self._blocks(member, f"{name} is damaged"):
            out.write(block)

    def _blocks(self, member: zipfile.ZipInfo, fault: str) -> Iterator[bytes]:
        with _damage_named(fault), self.file.open(member) as packed:
            while block := packed.read(BLOCK):
                yield block


@dataclass(frozen=True)
class Member:
    """A file in a zip, with the reading methods of Path; messages name it by its place below the zip."""

    archive: Archive
    place: Place

    @property
    def name(self) -> str:
        return self.place[-1]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    def open(self, mode: Literal["rb"]) -> io.BytesIO:
        return io.BytesIO(self.read_bytes())

    def read_bytes(self) -> bytes:
        """Raises DataError."""
        return self.archive.read(self.place)

    def __str__(self) -> str:
        return "/".join((self.archive.shown, *self.place))


File = Path | Member
"""A file on the disk or in a zip."""


def open_archive(path: Path, shown: str, most: int, passed: PassedOver) -> Archive:
    """Opens a zip file. Hidden files and those of file managers go to `passed`.
    Raises DataError where `path` is no zip file, and where its directory declares more than `most` unpacked bytes; no
    member unpacks to more than declared.
    """
    with _damage_named(f"{shown} cannot be read as a zip file"):
        archive = zipfile.ZipFile(path)
    size = sum(member.file_size for member in archive.infolist())
    if size > most:
        raise DataError(
            f"{shown} has {path.stat().st_size:,} bytes and unpacks to {size:,}, more than such data does: if it is "
            "sound, unpack it and name the folder"
        )
    members: dict[Place, zipfile.ZipInfo] = {}
    folders: set[Place] = set()
    for member in archive.infolist():
        place = tuple(part for part in _name(member).split("/") if part)
        if any(map(is_junk, place)):
            passed.add("hidden or of a file manager", place)
        elif member.is_dir():
            folders.add(place)
        elif place:
            if place in members:
                passed.add("there twice, of which the last is read", place)
            members[place] = member
    return Archive(path, shown, archive, dict(sorted(members.items())), sorted(folders - {()}))


def names_in(path: Path) -> list[str]:
    """The names of all members of a zip file. Raises DataError where `path` is no zip file."""
    with _damage_named(f"{path} cannot be read as a zip file"), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, or should be by its ending, and is neither an office document nor an .npz file."""
    ending = path.suffix.lower()
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise unreadable(path, error) from None
    if ending == ".npz" or (start not in BEGINNINGS and ending != ".zip"):
        return False
    try:
        names = names_in(path)
    except DataError:
        return True
    return document_of(names) is None and not (names and all(name.endswith(".npy") for name in names))


def document_of(names: Sequence[str]) -> str | None:
    """The kind of office document that a zip file with members of these names is; None for other zip files."""
    texts = [name for name in names if name.endswith(".xml")]
    return next((what for begin, what in DOCUMENTS if any(name.startswith(begin) for name in texts)), None)


def _name(member: zipfile.ZipInfo) -> str:
    """The name in UTF-8, with slashes: many archivers write UTF-8 without its flag, and some write \\."""
    name = member.filename
    if not member.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name if "/" in name else name.replace("\\", "/")


@contextmanager
def _damage_named(fault: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, OSError, NotImplementedError, *DAMAGED) as error:
        raise DataError(f"{fault}: {first_line(error)}") from None
