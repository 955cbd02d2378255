"""Reads the JSON files of a finished run, and checks the keys and types that readers rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas_cli.errors import RunError, UserError
from nas_cli.record.candidates import is_candidate
from nas_cli.record.directory import Kept, RunDirectory
from nas_cli.record.stored import (
    MOST_TABLES,
    are_numbers,
    is_count,
    is_flag,
    is_number,
    is_task,
    is_text,
    list_of,
    mapping_of,
    none_or,
    read_json,
    record_of,
)
from nas_cli.task import TASKS, name_of, open_task
from nas_cli.words import shell

SCORES = mapping_of(is_number, 1)


METRICS = record_of(
    {"candidate": is_candidate, "seed": is_count, "validation": SCORES, "params": is_number, "macs": is_number}
)
LATENCY = record_of(
    {"p50_ms": is_number, "p95_ms": is_number, "batch_size": is_count, "threads": is_count, "device": is_text}
)
EVALUATION = record_of(
    {
        "candidate": is_candidate,
        "samples": is_count,
        "metrics": SCORES,
        "latency": LATENCY,
        "validation": record_of({"logged": SCORES, "equal": is_flag, "largest_difference": is_number}),
    },
    {
        "task": is_task,
        "beside": list_of(record_of({"name": is_text, "metrics": are_numbers})),
        "classes": list_of(record_of({"label": is_text}), 1),
        "confusion": list_of(list_of(is_count), 1),
        "notes": list_of(is_text),
    },
)
FRONT = record_of(
    {
        "objectives": list_of(lambda goal: is_text(goal) and " " in goal, 2),
        "knee": none_or(is_count),
        "members": list_of(record_of({"trial": is_count, "measurement": are_numbers})),
    }
)


def read_metrics(kept: Kept) -> dict[str, Any]:
    """metrics.json: `candidate`, `seed`, `validation` (name → number), `params`, `macs`, … Raises RunError."""
    content = read_json(kept.metrics)
    if not METRICS(content):
        raise RunError(
            f"{kept.metrics} is damaged: it must name a candidate, its seed, validation metrics, params and macs"
        )
    return dict(content)


def read_evaluation(run: RunDirectory) -> dict[str, Any] | None:
    """evaluation.json of the best network; None where the run was not evaluated yet. Raises RunError."""
    path = run.best.evaluation
    if not path.exists():
        return None
    content = read_json(path, MOST_TABLES)
    if not EVALUATION(content) or not _is_square(content) or not _has_tables(content):
        again = shell("nas", "evaluate", run.path)
        raise RunError(f"{path} is damaged, or of another version: it is written again by: {again}")
    return dict(content)


def _is_square(evaluation: Mapping[str, Any]) -> bool:
    """Whether the confusion matrix, if any, is square with a row for each class."""
    rows = evaluation.get("confusion", [])
    return all(len(row) == len(rows) for row in rows) and (not rows or len(evaluation.get("classes", ())) == len(rows))


def _has_tables(evaluation: Mapping[str, Any]) -> bool:
    """Whether its task can display it. The other keys are the task's own, which may be a plugin's."""
    try:
        return not is_known(evaluation) or bool(open_task(evaluation["task"]).blocks(evaluation))
    except (LookupError, TypeError, ValueError, AttributeError, UserError):
        return False


def is_known(evaluation: Mapping[str, Any]) -> bool:
    """Whether its task is registered: the task of a plugin that was not imported cannot display its report."""
    return "task" in evaluation and name_of(evaluation["task"]) in TASKS


def read_front(run: RunDirectory) -> dict[str, Any] | None:
    """front.json; None where there is none. Raises RunError."""
    if not run.front.exists():
        return None
    content = read_json(run.front)
    if not FRONT(content):
        raise RunError(f"{run.front} is damaged: it must have objectives, knee, and members with their measurements")
    return dict(content)


def read_environment(run: RunDirectory) -> dict[str, Any] | None:
    """environment.json; None where there is none. Raises RunError."""
    if not run.environment.exists():
        return None
    content = read_json(run.environment)
    if not isinstance(content, dict):
        raise RunError(f"{run.environment} is damaged: a mapping is expected")
    return content


def is_of(evaluation: Mapping[str, Any], metrics: Mapping[str, Any]) -> bool:
    """Whether the evaluation is of the network that is kept now: a resumed run may have kept another one since."""
    logged = evaluation["validation"]["logged"]
    return bool(evaluation["candidate"] == metrics["candidate"] and logged == metrics["validation"])
