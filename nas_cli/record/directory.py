"""A run directory: its files, how it is created, opened and locked. No file of it is executed here."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas_cli.errors import RunError, UserError
from nas_cli.files import DRAFT, draft, not_a_folder, open_file, sweep, write_text
from nas_cli.record.candidates import baseline_candidate, is_candidate
from nas_cli.words import printable

RUNS = Path("runs")
CACHE = ".cache"
"""A folder beside the runs: decoded data that does not fit into memory."""
FILES = frozenset(
    ("spec.yaml", "environment.json", "journal.jsonl", "lock", "report.html", "evaluation.json", "front.json")
)
FOLDERS = frozenset(("trials", "final", "best", "baselines", "front", "export"))
DEPTH = 2
"""Levels of files below FOLDERS: trials/00012/checkpoint.safetensors, export/source/model.py."""
UNBORN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-[0-9]{8}-[0-9]{6}")
"""The name of a run's directory: NAME-DATE-TIME. It has a draft's name until its files are complete."""


@dataclass(frozen=True)
class Kept:
    """A network that a run keeps, with the files in its `folder`; `tested` is the folder of evaluation.json, where that
    is a different one.
    """

    folder: Path
    tested: Path | None = None

    @property
    def architecture(self) -> Path:
        return self.folder / "architecture.yaml"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def preprocessing(self) -> Path:
        """How the user's data becomes the network's inputs; images have no such file."""
        return self.folder / "preprocessing.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def evaluation(self) -> Path:
        return (self.tested or self.folder) / "evaluation.json"

    @property
    def files(self) -> tuple[Path, ...]:
        return self.architecture, self.weights, self.preprocessing, self.metrics, self.evaluation


@dataclass(frozen=True)
class RunDirectory:
    """`path` and the files in it.

    spec.yaml, environment.json, journal.jsonl, trials/NNNNN/checkpoint.safetensors, final/*.safetensors (until the
    best is chosen), best/ (architecture.yaml, weights.safetensors, metrics.json), report.html, and evaluation.json.
    baselines/NAME/ hold the same files as best/, and an evaluation.json of their own. So do front/CANDIDATE/ after a
    search with several objectives, which also leaves front.json.
    """

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def best(self) -> Kept:
        return Kept(self.path / "best", tested=self.path)

    @property
    def kept(self) -> dict[str, Kept]:
        """The networks kept besides the best, by candidate: `trial-12`, `baseline-plain`."""
        folders = {baseline_candidate(folder.name): folder for folder in _folders(self.path / "baselines")}
        folders |= {folder.name: folder for folder in _folders(self.path / "front")}
        return {name: Kept(folder) for name, folder in folders.items() if is_candidate(name)}

    @property
    def samples(self) -> Path:
        """A few validation inputs, with which an export of any network of the run is checked."""
        return self.best.folder / "samples.safetensors"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def front(self) -> Path:
        return self.path / "front.json"

    def checkpoint(self, trial: int) -> Path:
        return self.path / "trials" / f"{trial:05d}" / "checkpoint.safetensors"

    def final_weights(self, candidate: str, seed: int) -> Path:
        """The weights of one final training; `candidate` is `trial-12` or `baseline-plain`."""
        return self.path / "final" / f"{candidate}-seed{seed}.safetensors"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Locks the run for this process. Raises RunError where another process holds the lock.

        The system releases the lock of a killed process; drafts that such processes left are removed here.
        """
        path = self.path / "lock"
        try:
            descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise RunError(f"{path} cannot be opened: {error.strerror}") from None
        with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = handle.read(20).strip()
                raise RunError(f"{self.path} is in use by process {holder or 'unknown'}") from None
            except OSError as error:  # a file system may not support locks
                raise RunError(f"{path} cannot be locked: {error.strerror}") from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            for folder in [self.path, *filter(Path.is_dir, _entries(self.path))]:
                sweep(folder)
            yield

    def require_own(self) -> None:
        """Raises RunError where an entry of the run is a link, or neither a file nor a folder.

        Through a link, whoever made the run could have files elsewhere read, overwritten or deleted.
        """
        for path in _entries(self.path):
            _require_real(path)
        for names, test in ((FILES, Path.is_dir), (FOLDERS, Path.is_file)):
            wrong = next((path for path in map(self.path.joinpath, sorted(names)) if test(path)), None)
            if wrong is not None:
                raise RunError(f"{wrong} is a {'folder' if names is FILES else 'file'}, and should be none")

    def require_way(self, path: Path) -> None:
        """Raises RunError where `path`, or a folder between it and the run's directory, is a link."""
        for folder in (*reversed(path.relative_to(self.path).parents), path.relative_to(self.path)):
            if folder != Path():
                _require_real(self.path / folder)


def _require_real(path: Path) -> None:
    mode = _mode(path)
    if mode is None or stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # None: a running search has just deleted it
        return
    what = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
    raise RunError(
        f"{path} is {what}: what belongs to a run lies in its directory. If you trust it, put what it stands for in "
        "its place"
    )


def _entries(run: Path) -> Iterator[Path]:
    """The run's own entries of its directory, drafts included, without other files of the user. Follows no links."""
    for path in _listed(run):
        if path.name in FILES or path.name in FOLDERS or DRAFT.fullmatch(path.name):
            yield path
            if path.name in FOLDERS:
                yield from _below(path, DEPTH)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    mode = _mode(folder)
    if depth == 0 or mode is None or not stat.S_ISDIR(mode):
        return
    for path in _listed(folder):
        yield path
        yield from _below(path, depth - 1)


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _folders(folder: Path) -> list[Path]:
    """The folders in `folder`, which may be missing."""
    if not folder.is_dir():
        return []
    return [path for path in _listed(folder) if path.is_dir()]


def require_root(root: Path) -> None:
    """Raises UserError where no run can be made under `root`, as far as that can be checked in advance."""
    there = next(folder for folder in (root, *root.absolute().parents) if os.path.lexists(folder))
    if not there.is_dir():
        raise UserError(f"{there} is no folder: runs cannot be made in {root}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{there} cannot be written: runs cannot be made in {root}")


def create_run(root: Path, name: str, files: Mapping[str, str]) -> RunDirectory:
    """Creates a directory `name-DATE-TIME` under `root` with `files` (name → text), atomically."""
    wrong = not_a_folder(root)
    if wrong is not None:
        raise RunError(f"no run can be made in {root}: {wrong} is no folder")
    root.mkdir(parents=True, exist_ok=True)
    _sweep_unborn(root)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    building = draft(root / f"{name}-{stamp}")
    building.mkdir()
    try:
        for file, text in files.items():
            write_text(building / file, text)
        write_text(building / "journal.jsonl", "")
        for count in range(1, 1000):
            target = root / (f"{name}-{stamp}" if count == 1 else f"{name}-{stamp}-{count}")
            if not target.exists():
                building.rename(target)
                return RunDirectory(target)
    finally:
        if building.exists():
            shutil.rmtree(building)
    raise RunError(f"{root} holds too many runs named {name}-{stamp}")


def _sweep_unborn(root: Path) -> None:
    """Removes the drafts of run directories whose process was killed before they were renamed."""
    for name in os.listdir(root):
        match = DRAFT.fullmatch(name)
        if match is not None and UNBORN.fullmatch(match["of"]):
            sweep(root, match["of"])


def open_run(path: Path | None, root: Path = RUNS) -> RunDirectory:
    """The run at `path`, or the latest complete run under `root` where `path` is None. Raises RunError where there is
    none. Later directories that are skipped, since they are no complete runs, are named on stderr.
    """
    return _latest(root) if path is None else _opened(path)


def _latest(root: Path) -> RunDirectory:
    folders = [
        folder for folder in root.glob("*/") if folder.name[0] != "." and os.path.lexists(folder / "journal.jsonl")
    ]
    for folder in sorted(folders, key=lambda folder: (_changed(folder), folder.name), reverse=True):
        try:
            return _opened(folder)
        except RunError as error:
            print(printable(f"passed over: {error}"), file=sys.stderr)
    where = f"there is no {'whole ' if folders else ''}run under {root}/"
    raise RunError(f"{where} yet: start one with 'nas search SPEC', or name its directory")


def _changed(folder: Path) -> int:
    """The time when the spec was written, in nanoseconds; when the directory was changed, where it has no spec."""
    for path in (folder / "spec.yaml", folder):
        try:
            return path.lstat().st_mtime_ns
        except OSError:  # missing or half deleted: `_opened` reports it
            continue
    return 0


def _opened(path: Path) -> RunDirectory:
    try:
        if not path.is_dir():
            raise RunError(f"there is no run directory {path}")
        run = RunDirectory(path)
        for file in (run.spec, run.journal):
            if not file.exists() and not file.is_symlink():
                raise RunError(f"{path} is no whole run directory: {file.name} is missing")
        run.require_own()
    except FileNotFoundError as error:
        raise RunError(f"{path} is no whole run directory: {error.filename} was deleted just now") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None
    return run
