"""A run directory: where its files are, and how they are written and read. Nothing here is executed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nas_cli.errors import RunError
from nas_cli.files import write_text

RUNS = Path("runs")
CACHE = ".cache"
"""Beside the runs: data that does not fit into memory, decoded."""
BASELINE = "baseline-"
"""What the name of a candidate of the final phase begins with, where it is a baseline."""


@dataclass(frozen=True)
class RunDirectory:
    """`path` and the files in it.

    spec.yaml, environment.json, journal.jsonl, trials/NNNNN/checkpoint.safetensors, final/*.safetensors (until the
    best is chosen), best/ (architecture.yaml, weights.safetensors, metrics.json), report.html, and evaluation.json.
    Like best/ are baselines/NAME/ and, after a search with several objectives, which also leaves front.json,
    front/CANDIDATE/: with `member`, such a folder stands for best/ and holds its own evaluation.json.
    """

    path: Path
    member: str = ""

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
    def best(self) -> Path:
        return self.path / (self.member or "best")

    @property
    def architecture(self) -> Path:
        return self.best / "architecture.yaml"

    @property
    def weights(self) -> Path:
        return self.best / "weights.safetensors"

    @property
    def preprocessing(self) -> Path:
        """How the user's data becomes the network's inputs; images need none."""
        return self.best / "preprocessing.json"

    @property
    def metrics(self) -> Path:
        return self.best / "metrics.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def evaluation(self) -> Path:
        return (self.best if self.member else self.path) / "evaluation.json"

    @property
    def front(self) -> Path:
        return self.path / "front.json"

    @property
    def members(self) -> dict[str, str]:
        """The networks kept beside the best: `trial-12` or `baseline-plain`, and the folder, which is a `member`."""
        baselines = {f"{BASELINE}{path.name}": f"baselines/{path.name}" for path in self.path.glob("baselines/*/")}
        return {**baselines, **{path.name: f"front/{path.name}" for path in self.path.glob("front/*/")}}

    def checkpoint(self, trial: int) -> Path:
        return self.path / "trials" / f"{trial:05d}" / "checkpoint.safetensors"

    def final_weights(self, candidate: str, seed: int) -> Path:
        """Of one final training; `candidate` is `trial-12` or `baseline-plain`."""
        return self.path / "final" / f"{candidate}-seed{seed}.safetensors"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process. Raises RunError where another process holds it. A kill lets go of it."""
        with (self.path / "lock").open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                raise RunError(f"{self.path} is in use by process {handle.read().strip() or 'unknown'}") from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield


def create_run(root: Path, name: str, files: Mapping[str, str]) -> RunDirectory:
    """A new directory `name-DATE-TIME` under `root` with `files` (name → text); it appears whole or not at all."""
    root.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    building = root / f".{name}-{stamp}-{os.getpid()}"
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


def open_run(path: Path | None, root: Path = RUNS) -> RunDirectory:
    """The run at `path`; the latest under `root` where it is None. Raises RunError where there is none."""
    if path is None:
        runs = [folder for folder in root.glob("*/") if (folder / "journal.jsonl").exists() and folder.name[0] != "."]
        if not runs:
            raise RunError(
                f"there is no run under {root}/ yet: start one with 'nas search SPEC', or name its directory"
            )
        path = max(runs, key=lambda folder: ((folder / "spec.yaml").stat().st_mtime_ns, folder.name))
    if not path.is_dir():
        raise RunError(f"there is no run directory {path}")
    run = RunDirectory(path)
    for file in (run.spec, run.journal):
        if not file.exists():
            raise RunError(f"{path} is no whole run directory: {file.name} is missing")
    return run


def read_json(path: Path) -> Any:
    """Raises RunError where the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Raises RunError where the file is missing or holds no mapping."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        first = str(error).split("\n", 1)[0]
        raise RunError(f"{path} is damaged: {first}") from None
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: a mapping is expected")
    return content
