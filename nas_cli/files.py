"""Files of ours, written whole or not at all, and never reached through somebody else's link."""

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
"""This machine: a folder may be shared with others, whose processes cannot be seen from here."""
DRAFT = re.compile(r"\.(?P<of>.+)\.(?P<process>[1-9][0-9]{0,9})-(?P<machine>[0-9a-f]{4})[0-9a-f]{8}\.tmp", re.DOTALL)
"""The name of a draft: what it will be called, the process that makes it, its machine, and eight random digits."""
LONGEST = 200
"""Letters of a file's name that its draft is named after."""


def write_text(path: Path, text: str) -> None:
    """Writes a file as UTF-8 that appears whole or not at all. Raises OSError."""
    write_bytes(path, utf8(text))


def write_json(path: Path, content: Any) -> None:
    """Raises OSError, and ValueError for a number that JSON has no word for."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Raises OSError."""
    with _writing(path) as file:
        file.write(content)


def copy_file(path: Path, to: Path) -> None:
    """Writes what the regular file at `path` holds to `to`, a piece at a time. Raises OSError."""
    with os.fdopen(open_file(path), "rb") as content, _writing(to) as file:
        shutil.copyfileobj(content, file)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    """Draft, fsync, rename. The draft is made anew, so that a link that lies there is never followed; a link at `path`
    itself is replaced.
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
    """`path`, or another name of the file where it is no UTF-8, which some libraries refuse. Raises OSError."""
    if is_utf8(str(path)):
        yield path
        return
    with path.open("rb") as file:
        yield Path(f"/dev/fd/{file.fileno()}")


def not_a_folder(folder: Path) -> Path | None:
    """What stands where `folder`, or one that it is to be made in, should be; None where nothing does."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    return None if nearest.is_dir() else nearest


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A new, empty, hidden folder beside `path`, to build in what will be moved there; gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    folder = draft(path)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def draft(path: Path) -> Path:
    """A new hidden name beside `path`, which nobody can foretell and `sweep` knows."""
    return path.with_name(f".{path.name[:LONGEST]}.{os.getpid()}-{HERE}{secrets.token_hex(4)}.tmp")


def sweep(folder: Path, of: str | None = None) -> None:
    """Removes what killed processes of this machine left in `folder`: drafts of the file called `of`, or all drafts."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # it may be written, and not be listed
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
    """Another process may sweep as well; what cannot be removed is in nobody's way."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY):
            raise


def open_file(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of the regular file at `path` itself: no link is followed, and a pipe is not waited for.

    To be written, a file may have one name only: another one is outside of the folder that it is in. Raises OSError.
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
