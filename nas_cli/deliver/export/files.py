"""The place of an export, which files there are ours, and how a new export replaces an earlier one.

Each export has an export.json, which lists its files with their digests. Files that it does not list, or that were
changed since, belong to the user: they are replaced only with `force`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nas_cli
from nas_cli.errors import UserError
from nas_cli.files import DRAFT, draft, not_a_folder, read_bytes, sweep

MANIFEST = "export.json"
BESIDE = ".files"
"""Suffix of the folder beside an exported file, which holds the files that belong to it."""
SETTINGS = ("preprocess.py", "preprocessing.json")
CACHES = ("__pycache__",)
FORCE = "name another place with --output, or have that replaced with --force"
SHOWN = 3
MOST_BYTES = 1 << 24
"""Limit on the size of export.json."""


@dataclass(frozen=True)
class Place:
    """The place of an export at `path`: a file with a folder beside it for its other files, or a folder of `files`."""

    path: Path
    files: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        """The folder of export.json and the preprocessing."""
        return self.path if self.files else self.path.with_name(self.path.name + BESIDE)

    @property
    def targets(self) -> dict[str, Path]:
        """Each file that may be written, by its name in export.json."""
        own = {name: self.path / name for name in sorted(self.files)} if self.files else {self.path.name: self.path}
        return {**own, **{name: self.folder / name for name in (*SETTINGS, MANIFEST)}}


def find_place(path: Path, file: str, files: frozenset[str]) -> Place:
    """The place of an export at `path`; for a file, `path` may be an existing folder, and the file is `file` in it.

    Raises UserError where no export can be written, even with `force`.
    """
    if files:
        _require_new_folder(path)
    else:
        path = path / file if path.is_dir() else path
        if path.is_dir() and not path.is_symlink():
            raise UserError(f"{path} is a folder; name a file")
    place = Place(path, files)
    if place.folder.is_symlink():
        raise UserError(f"{place.folder} is a link, which is not followed: name another place with --output")
    if place.folder.exists() and not place.folder.is_dir():
        raise UserError(f"{place.folder} is a file, and what belongs to {path.name} lies there; name another file")
    for target in place.targets.values():
        _require_a_file(target)
    wrong = not_a_folder(path.parent)
    if wrong is not None:
        raise UserError(f"{wrong} is no folder, and one is expected: {path} cannot be written")
    return place


def _require_new_folder(path: Path) -> None:
    here = path.resolve()
    if here in (Path.cwd(), Path("/")):
        where = "the folder you are in" if here == Path.cwd() else "no folder for an export"
        raise UserError(f"{path} is {where}; name one that is not there yet")
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file, and source is a folder; name another")


def _require_a_file(target: Path) -> None:
    """Raises UserError where `target` exists and is not a file."""
    if target.is_dir() and not target.is_symlink():
        raise UserError(f"{target} is a folder, and a file is to be written there; name another place")
    if target.exists() and not target.is_file() and not target.is_dir():
        raise UserError(f"{target} is a device or a pipe, which is not replaced; name another place")


def require_ours(place: Place, force: bool) -> None:
    """Raises UserError that names the files at `place` that are not those of an earlier, unchanged export."""
    ours = _written_before(place)
    theirs = [target for name, target in place.targets.items() if os.path.lexists(target) and name not in ours]
    if theirs and not force:
        raise UserError(f"{_listed(theirs)}: not written by nas, or changed since; {FORCE}")
    if place.files and place.path.is_dir() and not force:
        known = {*place.targets, *CACHES}
        others = [
            item for item in sorted(place.path.iterdir()) if item.name not in known and not DRAFT.fullmatch(item.name)
        ]
        if others:
            raise UserError(
                f"{place.path} holds other files, {_listed(others)}: name a folder that is empty or not there yet with "
                "--output, or write among them with --force"
            )


def _listed(files: Sequence[Path]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(str(item) for item in files[:SHOWN]) + more


def _written_before(place: Place) -> frozenset[str]:
    """The names of the files at `place` that are unchanged since an earlier export."""
    manifest = place.targets[MANIFEST]
    try:
        content = json.loads(read_bytes(manifest, MOST_BYTES))
        digests = {str(name): str(digest) for name, digest in content["files"].items()}
        whole = content.pop("digest") == _digest_of(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
    if not whole:
        return frozenset()
    same = {name for name, target in place.targets.items() if name in digests and _is_same(target, digests[name])}
    return frozenset({MANIFEST, *same})


def _is_same(file: Path, digest: str) -> bool:
    return file.is_file() and not file.is_symlink() and _digest(file) == digest


@contextmanager
def building(place: Place) -> Iterator[Path]:
    """A new, empty folder near `place` to write an export in; it is removed afterwards.

    Folders that killed exports left behind are removed first.
    """
    made = _make(place.path.parent)
    if place.path.is_dir() and place.files:
        near = place.path  # an existing folder may be on another disk than its parent
    else:
        near = place.path.parent
    sweep(near, place.path.name)
    folder = draft(near / place.path.name)
    try:
        folder.mkdir()
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in made:
            _remove_empty(parent)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def put(place: Place, made: Path, folder: Path, about: Mapping[str, Any]) -> list[Path]:
    """Moves the export `made`, in the `folder` of `building`, to its place, whole or not at all; returns the files that
    belong to it.

    `about` has the other entries of export.json. Raises OSError; an earlier export is unchanged then.
    """
    drafts = _drafts(place, made, folder)
    content = {
        "written_by": f"nas {nas_cli.__version__}",
        **about,
        "files": {name: _digest(file) for name, file in sorted(drafts.items())},
    }
    drafts[MANIFEST] = (made if place.files else folder) / MANIFEST
    content["digest"] = _digest_of(content)
    drafts[MANIFEST].write_text(json.dumps(content, indent=2) + "\n", encoding="ascii")  # names need not be UTF-8
    if place.files and not os.path.lexists(place.path):
        made.rename(place.path)
    else:
        fresh = [] if place.folder.is_dir() else [place.folder]
        place.folder.mkdir(exist_ok=True)
        try:
            _swap(place, drafts, folder)
        except BaseException:
            for new in fresh:
                _remove_empty(new)
            raise
    return [target for name, target in place.targets.items() if name in drafts and target != place.path]


def _drafts(place: Place, made: Path, folder: Path) -> dict[str, Path]:
    """The files of the export `made`, by their names at the place."""
    if place.files:
        return {item.name: item for item in made.iterdir()}
    beside = {name: folder / name for name in SETTINGS if (folder / name).exists()}
    return {place.path.name: made, **beside}


def _swap(place: Place, drafts: Mapping[str, Path], folder: Path) -> None:
    """Moves each draft to its target; if one fails, all targets are restored.

    Unchanged files of an earlier export that this one does not have are removed. A target that existed before exists at
    every moment.
    """
    aside = folder / "before"
    aside.mkdir()
    gone = _written_before(place) - set(drafts)
    changed: list[tuple[Path, Path | None]] = []
    try:
        for name, target in place.targets.items():
            kept = None
            if os.path.lexists(target) and (name in drafts or name in gone):
                kept = aside / name
                _link(target, kept)
            changed.append((target, kept))
            if name in drafts:
                drafts[name].replace(target)
            elif name in gone:
                target.unlink()
    except BaseException:
        for target, kept in reversed(changed):
            if kept is not None:
                os.replace(kept, target)
            elif os.path.lexists(target) and target.name in drafts:
                target.unlink()
        raise


def _link(file: Path, other: Path) -> None:
    """A hard link to a file, or a copy where the file system has no hard links. A symbolic link stays one."""
    try:
        os.link(file, other, follow_symlinks=False)
    except OSError:
        shutil.copy2(file, other, follow_symlinks=False)


def _make(folder: Path) -> Sequence[Path]:
    """Makes `folder` with its parents; returns the folders that were made, the innermost first."""
    missing = []
    for parent in (folder, *folder.parents):
        if parent.exists():
            break
        missing.append(parent)
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _digest_of(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
