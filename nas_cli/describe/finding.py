"""Which source reads what lies at a path, and which task learns it: by the sniffs of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_cli.data.sniffing import SNIFFS, Found
from nas_cli.data.source import SOURCES
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError, UserError, did_you_mean
from nas_cli.task import RECIPES, TASKS, Task, open_task
from nas_cli.words import shell
from nas_cli.yaml_text import inline_yaml


@dataclass
class Lead:
    """A source that may read `path` (None for a source without files). `settings` are keys of the source that the
    remedies of errors set, and `guessed` are the reasons."""

    source: str
    path: Path | None
    settings: dict[str, Any] = field(default_factory=dict)
    guessed: list[str] = field(default_factory=list)
    _asked: tuple[dict[str, Any], Found | None] | None = None

    def ask(self) -> Found | None:
        """What the source finds at the path. Raises DataError where it reads such files but cannot read these."""
        while self._asked is None or self._asked[0] != self.settings:
            try:
                self._asked = dict(self.settings), SNIFFS.ask(self.source, self.path, self.settings)
            except DataError as error:
                self.learn(error)
        return self._asked[1]

    def learn(self, error: DataError) -> None:
        """Takes the remedy of an error. Raises it again where it has none that is new."""
        if not error.remedy.keys() - self.settings.keys():
            raise error
        self.settings.update(error.remedy)
        added = ", ".join(f"{key}: {inline_yaml(value)}" for key, value in error.remedy.items())
        self.guessed.append(f"{added} is written into data, since {error}")

    def section(self, found: Found) -> dict[str, Any]:
        """The `data:` section."""
        where = {} if self.path is None else {"path": str(self.path)}
        return {"source": self.source, **where, **found.keys, **self.settings}


def source_for(task_name: str, path: Path | None) -> Lead:
    """The source for the task `task_name`: the only one, or the one that is surest of `path`.
    Raises UserError where the task has no recipe or source, DataError where no source reads `path`.
    """
    task = _task(task_name)
    wanted = task.wanted
    fitting = SNIFFS.fitting(wanted)
    names = [name for name in fitting if reads_files(name) == (path is not None)]
    if not fitting:
        raise UserError(
            f"init finds no data for {task_name}: no source of {wanted.called} with targets of the kind "
            f"'{wanted.target}' has a sniff"
        )
    if not names and path is None:
        raise UserError(f"init needs the data too: {shell('nas', 'init', task_name)} PATH")
    if not names:
        raise UserError(f"{', '.join(fitting)} reads no files, so that init takes no path for {task_name}")
    if len(names) == 1:
        return Lead(names[0], path)
    return _claims(names, path)[0].lead


def task_for(path: Path | None) -> tuple[str, Lead, list[str]]:
    """The task, the source, and notes on what was guessed. Raises DataError where no source is sure of `path`,
    UserError where no task learns from it."""
    claims = _claims([name for name in SNIFFS if reads_files(name) == (path is not None)], path, least=0.0)
    wanted: list[Wanted] = []
    for claim in claims:
        scent = SNIFFS.scent(claim.lead.source)
        likely = claim.found.target or scent.targets[0]
        wanted.append(Wanted(scent.inputs, likely))
        wanted += [Wanted(scent.inputs, target) for target in scent.targets if target != likely]
    best = claims[0]
    if not _learning(wanted[0]):
        raise UserError(
            f"{path or 'this'} looks like data for the source {best.lead.source}, {wanted[0].called} with targets of "
            f"the kind '{wanted[0].target}', and there is no task that learns them and no recipe"
        )
    tasks = [name for kinds in dict.fromkeys(wanted) for name in _learning(kinds)]
    if len(tasks) == 1:
        return tasks[0], best.lead, []
    why = f", since {best.found.why}" if best.found.why else ""
    where = () if path is None else (path,)
    others = f"{', '.join(tasks[1:])}, as in '{shell('nas', 'init', tasks[1], *where)}'"
    return tasks[0], best.lead, [f"the task is guessed, {tasks[0]}{why}; others that may read this data: {others}"]


def reads_files(source: str) -> bool:
    return any(param.name == "path" for param in SOURCES.params(source))


def _task(name: str) -> Task:
    if name not in TASKS:
        raise UserError(f"unknown task '{name}'{did_you_mean(name, TASKS)}")
    task = open_task(name)
    if task.wanted not in RECIPES:
        known = ", ".join(other for other in TASKS if _has_recipe(other))
        raise UserError(
            f"init writes no spec for {name}, since there is no recipe for {task.wanted.called} with targets of the "
            f"kind '{task.wanted.target}'; it does for {known}"
        )
    return task


def _has_recipe(name: str) -> bool:
    required = any(param.required for param in TASKS.params(name))
    return not required and open_task(name).wanted in RECIPES


def _learning(wanted: Wanted) -> list[str]:
    """The tasks that a spec can begin with: those of plugins, which the user names, first."""
    names = [name for name in TASKS if _has_recipe(name) and open_task(name).wanted == wanted]
    return sorted(names, key=lambda name: TASKS.origin(name) is None)


@dataclass(frozen=True)
class Claim:
    """A source, and what it found at the path."""

    lead: Lead
    found: Found

    @property
    def standing(self) -> tuple[float, bool]:
        """Sort key: the surest first; of equally sure sources, that of a plugin, which the user names."""
        return self.found.sure, SOURCES.origin(self.lead.source) is not None


def _claims(sources: Sequence[str], path: Path | None, least: float | None = None) -> list[Claim]:
    """Of the sources that are surer of `path` than `least`, the surest first. Raises DataError where there is none:
    what the first says that reads such files, and not these."""
    claims: list[Claim] = []
    faults: list[DataError] = []
    for source in sources:
        lead = Lead(source, path)
        try:
            found = lead.ask()
        except DataError as error:
            faults.append(error)
            continue
        if found is not None and (least is None or found.sure > least):
            claims.append(Claim(lead, found))
    if claims:
        return sorted(claims, key=lambda claim: claim.standing, reverse=True)
    if faults and path is not None and (path.is_dir() or path.is_file()):
        raise faults[0]
    expected = "; ".join(SNIFFS.scent(source).expects for source in sources)
    raise DataError(f"{path} is no data that can be read; expected is one of: {expected}")
