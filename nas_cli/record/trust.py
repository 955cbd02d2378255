"""Which runs' plugin files are run unasked: those of one's own runs, while the files are what they were.

A run names Python files, and whoever hands a run over could name any. So `nas search SPEC`, where the user named the
files, notes in the user's state folder ($XDG_STATE_HOME/nas, ~/.local/state/nas) what run it made and what the files
held. Nothing in a run can claim as much by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_cli.errors import RunError
from nas_cli.files import write_json
from nas_cli.record.directory import RunDirectory

FIRST_LINE = 1 << 20
ALLOW = "if you trust it, pass --allow-plugins (in Python: plugins=True)"


def digests_of(plugins: Sequence[str]) -> dict[str, str]:
    """What plugin files hold now: their paths, absolute, and SHA-256."""
    return {str(Path(plugin).resolve()): _digest(Path(plugin)) for plugin in plugins}


def trust(run: RunDirectory, digests: Mapping[str, str]) -> str | None:
    """Notes that this user made `run` on this machine with these plugin files; what hindered that, as a sentence."""
    if not digests:
        return None
    try:
        write_json(_record(run), {"run": str(run.path.resolve()), "plugins": dict(digests)})
    except OSError as error:
        return f"other commands on this run will need --allow-plugins: {error}"
    return None


def distrust(run: RunDirectory, plugins: object) -> str | None:
    """Why the plugin files that `run` names are not run unasked, as a sentence; None where they are, or none is named.

    Raises RunError where the note on the run is damaged.
    """
    if not plugins:
        return None
    if not isinstance(plugins, list) or not all(isinstance(plugin, str) for plugin in plugins):
        return f"the plugins of {run.path} are no list of files"
    made = _record_of(run)
    if made is None:
        return f"{run.path} needs the plugin {plugins[0]}, and was not made by you on this machine; {ALLOW}"
    for plugin in plugins:
        path = Path(plugin)
        if str(path.resolve()) not in made:
            return f"{run.path} needs the plugin {plugin}, which it was not made with; {ALLOW}"
        if path.is_file() and _digest(path) != made[str(path.resolve())]:
            return f"the plugin {plugin} was changed since {run.path} was made with it; {ALLOW}"
    return None


def state_folder() -> Path:
    """Raises OSError where the user has no home folder."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        return Path(given) / "nas"
    try:
        return Path.home() / ".local" / "state" / "nas"
    except RuntimeError as error:
        raise OSError(str(error)) from None


def _record(run: RunDirectory) -> Path:
    """The note on a run goes by its journal's first line: when it began, its path and its data."""
    with run.journal.open("rb") as file:
        identity = hashlib.sha256(file.readline(FIRST_LINE)).hexdigest()
    return state_folder() / "made" / f"{identity}.json"


def _record_of(run: RunDirectory) -> Mapping[str, Any] | None:
    try:
        record = _record(run)
        if not record.is_file():
            return None
    except OSError:  # no home folder: nothing was noted either
        return None
    try:
        content = json.loads(record.read_bytes())
    except ValueError:
        content = None
    made = content.get("plugins") if isinstance(content, dict) else None
    if not isinstance(made, dict):
        raise RunError(f"{record} is damaged: delete it, and pass --allow-plugins for that run")
    return made


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
