"""Parses paths in a spec and on the command line."""

from __future__ import annotations

import os
from pathlib import Path

MAX_PATH, MAX_PATH_PART = 4096, 255
"""Limits of file systems: bytes of a path, and of a name in it."""


def path_of(value: str | Path) -> Path:
    """A valid path, with `~` and `~name` replaced by the folder of that user. Raises ValueError."""
    text = os.fspath(value)
    if not text:
        raise ValueError("a path, not an empty text")
    if "\0" in text:
        raise ValueError("a path without a NUL character")
    try:
        length = max(map(len, os.fsencode(text).split(b"/")))
    except UnicodeEncodeError:
        raise ValueError("a path in characters that a file name may have") from None
    if length > MAX_PATH_PART or len(text) > MAX_PATH:
        raise ValueError(f"a path of at most {MAX_PATH:,} bytes, and {MAX_PATH_PART} in a name")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = text.split("/", 1)[0]
        raise ValueError(f"a path; {user} is a user's folder, and there is no such user (a file: ./{user})") from None
