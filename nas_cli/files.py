"""Files of ours, written whole or not at all, and never through somebody else's link."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from nas_cli.words import utf8


def write_text(path: Path, text: str) -> None:
    """Writes a file as UTF-8 that appears whole or not at all. Raises OSError."""
    write_bytes(path, utf8(text))


def write_json(path: Path, content: Any) -> None:
    """Raises OSError, and ValueError for a number that JSON has no word for."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Temporary file, fsync, rename. The temporary one is made anew under a name that nobody can foretell, so that a
    link that lies there is never followed; a link at `path` itself is replaced. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
