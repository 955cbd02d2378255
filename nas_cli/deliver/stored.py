"""The JSON files of a finished run, read with what a reader relies on checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nas_cli.errors import RunError
from nas_cli.run.directory import RunDirectory, read_json
from nas_cli.words import shell


def read_metrics(run: RunDirectory) -> dict[str, Any]:
    """best/metrics.json: `candidate`, `seed`, `validation` (name → number), `params`, `macs`, … Raises RunError."""
    content = read_json(run.metrics)
    whole = (
        isinstance(content, dict)
        and isinstance(content.get("candidate"), str)
        and all(_is_number(content.get(key)) for key in ("seed", "params", "macs"))
        and _holds_numbers(content.get("validation"))
    )
    if not whole:
        raise RunError(
            f"{run.metrics} is damaged: it must name a candidate, its seed, validation metrics, params and macs"
        )
    return dict(content)


def read_evaluation(run: RunDirectory) -> dict[str, Any] | None:
    """evaluation.json; None where the run was not evaluated yet. Raises RunError."""
    if not run.evaluation.exists():
        return None
    content = read_json(run.evaluation)
    whole = (
        isinstance(content, dict)
        and _is_number(content.get("samples"))
        and _holds_numbers(content.get("metrics"))
        and all(isinstance(content.get(key), dict) for key in ("latency", "validation"))
    )
    if not whole:
        raise RunError(f"{run.evaluation} is damaged: it is written again by: {shell('nas', 'evaluate', run.path)}")
    return dict(content)


def is_of(evaluation: Mapping[str, Any], metrics: Mapping[str, Any]) -> bool:
    """Was the network tested that is kept now? A run that went on may have kept another one since."""
    logged = evaluation["validation"].get("logged")
    return bool(evaluation.get("candidate") == metrics["candidate"] and logged == metrics["validation"])


def _holds_numbers(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(_is_number, value.values()))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
