"""Reads and writes files of nas: they are written whole or not at all, and links are never followed."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from nas_cli.words import is_utf8, utf8

HERE = blake2b(platform.node().encode(), digest_size=2).hexdigest()
"""Identifies this machine: processes of other machines may use the same folder and cannot be seen from here."""
DRAFT = re.compile(r"\.(?P<of>.+)\.(?P<process>[1-9][0-9]{0,9})-(?P<machine>[0-9a-f]{4})[0-9a-f]{8}\.tmp", re.DOTALL)
"""The name of a draft: its final name, the process that writes it, the machine, and eight random digits."""
LONGEST = 200
"""The name of a draft has at most so many letters of the final name."""


def write_text(path: Path, text: str) -> None:
    """Writes a file as UTF-8 that appears whole or not at all. Raises OSError."""
    write_bytes(path, utf8(text))


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file whole or not at all. Raises OSError, and ValueError for NaN and infinity."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. Raises OSError."""
    with _writing(path) as file:
        file.write(content)


def copy_file(path: Path, to: Path) -> None:
    """Copies the content of the regular file at `path` to `to`, in chunks. Raises OSError."""
    with os.fdopen(open_file(path), "rb") as content, _writing(to) as file:
        shutil.copyfileobj(content, file)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """Writes a draft, syncs it and renames it to `path`. The draft must be a new file, so no link is followed; a link
    at `path` is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    temporary = draft(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """`path`, or /dev/fd/N for a path that is not UTF-8, which some libraries refuse. Raises OSError."""
    if is_utf8(str(path)):
        yield path
        return
    with path.open("rb") as file:
        yield Path(f"/dev/fd/{file.fileno()}")


def not_a_folder(folder: Path) -> Path | None:
    """The file that is in the way of making `folder`, at its path or at that of a parent; None if there is none."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    return None if nearest.is_dir() else nearest


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A new, empty, hidden folder beside `path`, for content that will be moved to `path`; removed afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    folder = draft(path)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def draft(path: Path) -> Path:
    """A new, unpredictable hidden name beside `path`, in the form that `sweep` recognises."""
    return path.with_name(f".{path.name[:LONGEST]}.{os.getpid()}-{HERE}{secrets.token_hex(4)}.tmp")


def sweep(folder: Path, of: str | None = None) -> None:
    """Removes drafts that killed processes of this machine left in `folder`: those of the file `of`, or all."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # a folder may be writable and not readable
        return
    for name in names:
        found = DRAFT.fullmatch(name)
        if found is None or found["machine"] != HERE or (of is not None and found["of"] != of[:LONGEST]):
            continue
        if _is_gone(int(found["process"])):
            _remove(folder / name)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _remove(path: Path) -> None:
    """Removes a file or folder. Another process may remove it first; one that cannot be removed does no harm."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY):
            raise


def open_file(path: Path, flags: int = os.O_RDONLY) -> int:
    """Opens the regular file at `path` and returns its descriptor. Does not follow links, nor wait for pipes.

    A file with hard links is not opened for writing, since it would change under its other names too. Raises OSError.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, "it is a symbolic link", str(path)) from None
        raise
    state = os.fstat(descriptor)
    why = "" if stat.S_ISREG(state.st_mode) else "it is no regular file"
    if not why and state.st_nlink > 1 and flags & (os.O_WRONLY | os.O_RDWR):
        why = "the file has another name elsewhere (a hard link), and would change there too: put a copy in its place"
    if why:
        os.close(descriptor)
        raise OSError(errno.EINVAL, why, str(path))
    return descriptor


def read_bytes(path: Path, most: int) -> bytes:
    """The content of the regular file at `path`. Raises OSError, also where it has more than `most` bytes."""
    with os.fdopen(open_file(path), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content
