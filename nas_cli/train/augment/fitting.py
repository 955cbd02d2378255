"""Checks that the augmentations of a spec fit its task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nas_cli.errors import Path, SpecError, did_you_mean
from nas_cli.task import Task
from nas_cli.train.augment.base import AUGMENTS


def require_fitting(named: Iterable[tuple[Path, str]], task: Task, task_name: str) -> None:
    """Raises SpecError where one of the augmentations `named`, each with its place in the spec, does not fit the task:
    it is not made for the task's inputs, or might make targets wrong.

    With a task's `unchanged_by` the user states that further augmentations leave the task's targets correct.
    """
    unchanged_by = _unchanged_by(task, task_name)
    inputs, target = set(task.wanted.fields.values()), task.wanted.target
    fitting = []
    for name in AUGMENTS:
        fit = AUGMENTS.fit(name)
        if inputs & fit.inputs and (target in fit.targets or name in unchanged_by):
            fitting.append(name)
    for place, name in named:
        if name in fitting:
            continue
        fit = AUGMENTS.fit(name)
        allowed = f"allowed: {', '.join(fitting)}" if fitting else "no augmentation fits: leave augment out"
        if not inputs & fit.inputs:
            raise SpecError(
                f"{task_name} learns from {_listed(inputs)}, and {name} is for {_listed(fit.inputs)}; {allowed}", place
            )
        hint = ""
        if task.unchanged_by is not None and not fit.blends:
            names = ", ".join([*unchanged_by, name])
            hint = f"; where it changes nothing: task: {{{task_name}: {{unchanged_by: [{names}]}}}}"
        raise SpecError(
            f"{task_name} learns targets of the kind '{target}', and after {name} only those of the kind "
            f"{_listed(fit.targets)} are right; {allowed}{hint}",
            place,
        )


def field_for(augment: Mapping[str, Any], task: Task) -> str:
    """The field of a task's examples that an augmentation of the spec works on: the first of a kind that it fits."""
    (name,) = augment
    kinds = AUGMENTS.fit(name).inputs
    return next(field for field, kind in task.wanted.fields.items() if kind in kinds)


def _unchanged_by(task: Task, task_name: str) -> tuple[str, ...]:
    names = tuple(task.unchanged_by or ())
    allowed = [name for name in AUGMENTS if not AUGMENTS.fit(name).blends]
    for index, name in enumerate(names):
        place = ("task", task_name, "unchanged_by", index)
        if name not in AUGMENTS:
            raise SpecError(f"unknown augmentation '{name}'{did_you_mean(name, allowed)}", place)
        if name not in allowed:
            raise SpecError(f"{name} blends the targets of several examples, so none stays as it is", place)
    return names


def _listed(kinds: Iterable[str]) -> str:
    return " or ".join(sorted(kinds)) or "none"
