"""Zip files: opened, listed and unpacked in one place, within bounds, and with errors that name them."""

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
"""Of a zip file, and of an empty one."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How members may be packed: what the others unpack to cannot be bounded while it is done."""
BLOCK = 1 << 20
DOCUMENTS = (
    ("xl/", "an Excel workbook"),
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
)
"""Beginnings of the names of XML files in documents that are zip files."""


@dataclass(frozen=True, eq=False)
class Archive:
    """An open zip file, which messages call `shown`: its files by their places, in order, and places of folders."""

    path: Path
    shown: str
    file: zipfile.ZipFile
    members: Mapping[Place, zipfile.ZipInfo]
    folders: Sequence[Place]

    def read(self, place: Place) -> bytes:
        """Raises DataError where the member is damaged, encrypted, or packed as is not read."""
        out = io.BytesIO()
        self.unpack(place, out)
        return out.getvalue()

    def unpack(self, place: Place, out: BinaryIO) -> None:
        """As `read`, into a file, of which little is in memory. Raises OSError where `out` cannot be written."""
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
    """A file in a zip, read as a path is; messages call it by its place below the zip."""

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
    """Without what is hidden or of a file manager, which goes to `passed`.

    Raises DataError where `path` is no zip file, and where it says that it unpacks to more than `most` bytes, which
    bounds what it does unpack to.
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
    """The names of all that a zip file holds. Raises DataError where it is none."""
    with _damage_named(f"{path} cannot be read as a zip file"), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def is_archive(path: Path) -> bool:
    """Whether a file is a zip of files, or should be by its ending, and neither a document nor NumPy's arrays."""
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
    """What a zip file with these names is, where that is a document of an office program."""
    texts = [name for name in names if name.endswith(".xml")]
    return next((what for begin, what in DOCUMENTS if any(name.startswith(begin) for name in texts)), None)


def _name(member: zipfile.ZipInfo) -> str:
    """Archivers that do not say that a name is UTF-8 often write it so all the same; and some write \\."""
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
