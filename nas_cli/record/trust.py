"""Which runs' plugins are imported without --allow-plugins: those of the user's own runs whose files are unchanged.

A run names Python files, and the author of somebody else's run could name any. So `nas search SPEC`, where the user
named the files, notes the new run and the digests of these files, and of the modules imported from their folders, in
the user's state folder ($XDG_STATE_HOME/nas, ~/.local/state/nas). No file inside of a run can vouch for the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_cli.errors import RunError
from nas_cli.files import open_file, write_json
from nas_cli.record.directory import RunDirectory

FIRST_LINE = 1 << 20
ALLOW = "if you trust it, pass --allow-plugins (in Python: plugins=True)"
INSTALLED = {os.path.realpath(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
"""Folders of Python and its packages, which are no part of a plugin, even where a plugin's folder contains them."""


def digests_of(plugins: Sequence[str]) -> dict[str, str]:
    """SHA-256 digests, by absolute path, of plugin files and of the modules imported from their folders."""
    if not plugins:
        return {}  # looking at all modules takes a third of a second
    named = [os.path.realpath(plugin) for plugin in plugins]
    beside = [file for file in _modules() if any(_lies_in(file, os.path.dirname(plugin)) for plugin in named)]
    return {file: _digest(Path(file)) for file in dict.fromkeys([*named, *sorted(beside)])}


def _modules() -> list[str]:
    """The files of all imported modules, without our own and installed ones."""
    files = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")  # plain attribute access would load a lazy module
        if name == "__main__" or name.split(".")[0] == "nas_cli" or not isinstance(file, str):
            continue
        path = os.path.realpath(file)
        if os.path.isfile(path) and not any(_lies_in(path, folder) for folder in INSTALLED):
            files.append(path)
    return files


def _lies_in(file: str, folder: str) -> bool:
    return Path(file).is_relative_to(folder)


def trust(run: RunDirectory, digests: Mapping[str, str]) -> str | None:
    """Notes that this user made `run` on this machine with these plugin files. Returns a sentence where that fails."""
    if not digests:
        return None
    try:
        write_json(_record(run), {"run": str(run.path.resolve()), "plugins": dict(digests)})
    except OSError as error:
        return f"other commands on this run will need --allow-plugins: {error}"
    return None


def distrust(run: RunDirectory, plugins: object) -> str | None:
    """A sentence on why the plugins that `run` names are not to be imported unasked; None where they may be, or there
    are none. Raises RunError where the note on the run is damaged.
    """
    if not plugins:
        return None
    if not isinstance(plugins, list) or not all(isinstance(plugin, str) for plugin in plugins):
        return f"the plugins of {run.path} are no list of files"
    made = _record_of(run)
    if made is None:
        return f"{run.path} needs the plugin {plugins[0]}, and was not made by you on this machine; {ALLOW}"
    named = {os.path.realpath(plugin): plugin for plugin in plugins}
    unknown = next((plugin for path, plugin in named.items() if path not in made), None)
    if unknown is not None:
        return f"{run.path} needs the plugin {unknown}, which it was not made with; {ALLOW}"
    changes = (_change(path, digest, named) for path, digest in made.items())
    changed = next((change for change in changes if change is not None), None)
    return None if changed is None else f"{changed} since {run.path} was made with it; {ALLOW}"


def _change(path: str, digest: str, named: Mapping[str, str]) -> str | None:
    """How a file that a run was made with has changed, as a clause; None where it has not. `named` are the plugins of
    the spec.
    """
    what = f"the plugin {named[path]}" if path in named else f"{path}, which a plugin imported,"
    if os.path.isfile(path):
        return None if _digest(Path(path)) == digest else f"{what} was changed"
    # Where a module is gone, another one of its name would be imported instead.
    return None if path in named else f"{what} is gone"


def distrust_spec(spec: Path, plugins: object) -> str | None:
    """Like `distrust`, for a spec file named by the user: a spec in a run directory counts as that run's."""
    run = RunDirectory(spec.resolve().parent)
    is_a_run = os.path.lexists(run.journal) or os.path.lexists(run.environment)
    return distrust(run, plugins) if is_a_run else None


def state_folder() -> Path:
    """The user's state folder of nas. Raises OSError where the user has no home folder."""
    folder = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(folder):
        return Path(folder) / "nas"
    try:
        return Path.home() / ".local" / "state" / "nas"
    except RuntimeError as error:
        raise OSError(str(error)) from None


def _record(run: RunDirectory) -> Path:
    """The path of the note on a run, named by a digest of its journal's first line (start time, path, data)."""
    with os.fdopen(open_file(run.journal), "rb") as file:
        identity = hashlib.sha256(file.readline(FIRST_LINE)).hexdigest()
    return state_folder() / "made" / f"{identity}.json"


def _record_of(run: RunDirectory) -> Mapping[str, Any] | None:
    try:
        record = _record(run)
        noted = record.read_bytes()
    except OSError:  # for example no home folder: then nothing was noted either
        return None
    try:
        content = json.loads(noted)
    except (ValueError, RecursionError):
        content = None
    made = content.get("plugins") if isinstance(content, dict) else None
    if not isinstance(made, dict):
        raise RunError(f"{record} is damaged: delete it, and pass --allow-plugins for that run")
    return made


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
