"""Expands paths from a user into single files: walks folders, as for training, and unpacks archives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nas_cli.data.formats.archives import is_archive, open_archive
from nas_cli.data.formats.files import require_file
from nas_cli.data.formats.folders import PassedOver, Place, walk
from nas_cli.errors import DataError

UNPACKED = 4_000_000_000
"""Most bytes of the content of a .zip, and of standard input."""
LONGEST = 60
"""The file of an unpacked member keeps so many last letters of its name: the ending tells the format."""
Named = tuple[Path, str]
"""(file, its name in messages)."""


def unfold(
    path: Path, shown: str, kind: str, takes: Callable[[Path], bool], say: Callable[[str], None]
) -> Iterator[Named]:
    """The file at `path`; for a folder or a .zip, the files that `takes` accepts. An unpacked file exists until the
    next is asked for. `say` is told of the other files. Raises DataError where none is accepted.
    """
    passed = PassedOver()
    if path.is_dir():
        inside = _in_folder(path, shown, passed)
    else:
        require_file(path)
        if not is_archive(path):
            yield path, shown
            return
        inside = _in_archive(path, shown, (), passed)
    taken = 0
    for place, (file, name) in inside:
        if not file.stat().st_size:
            passed.add("empty", place)
        elif takes(file):
            taken += 1
            yield file, name
        else:
            passed.add(f"nothing of {kind}", place)
    if not taken:
        left = [name for names in passed.found.values() for name in names]
        there = f"; there is {left[0]}" if left else ""
        raise DataError(f"{shown} has no file of {kind} to predict from{there}")
    for note in passed.notes(Path(shown)):
        say(note)


def _in_folder(folder: Path, shown: str, passed: PassedOver) -> Iterator[tuple[Place, Named]]:
    for place, file in walk(folder, folder, passed):
        name = "/".join((shown.rstrip("/"), *place))
        if file.stat().st_size and is_archive(file):
            yield from _in_archive(file, name, place, passed)
        else:
            yield place, (file, name)


def _in_archive(path: Path, shown: str, above: Place, passed: PassedOver) -> Iterator[tuple[Place, Named]]:
    """Unpacks the members one at a time, each into its own folder; archives within archives are passed over."""
    archive = open_archive(path, shown, UNPACKED, passed)
    with archive.file:
        for place in archive.members:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / place[-1][-LONGEST:]
                with file.open("wb") as out:
                    archive.unpack(place, out)
                if archive.members[place].file_size and is_archive(file):
                    passed.add("archives in an archive", (*above, *place))
                else:
                    yield (*above, *place), (file, "/".join((shown, *place)))


@contextmanager
def named(file: Path, shown: str) -> Iterator[None]:
    """In errors, replaces the path of a temporary `file` by `shown`, the name that the user knows."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(str(file), shown), error.remedy) from None
