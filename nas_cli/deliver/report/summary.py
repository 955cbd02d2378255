"""The first rows of the report: the search, and the quality, size and latency of the kept network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas_cli.deliver.report.front import words
from nas_cli.figures import plural
from nas_cli.record.candidates import training
from nas_cli.record.directory import RunDirectory
from nas_cli.record.record import Record
from nas_cli.task import name_of
from nas_cli.trial import History, prediction_error
from nas_cli.words import shell

Row = tuple[str, str]


def summary_rows(
    run: RunDirectory, record: Record, metrics: Mapping[str, Any] | None, evaluation: Mapping[str, Any] | None
) -> list[Row]:
    """(term, text) of each row; `metrics` and `evaluation` are those of the kept network, where there is one."""
    spec = record.spec
    rows = [("Task", f"{name_of(spec.task)}, data: {spec.data.get('source')}"), ("Search", _counts(record.history))]
    predicted = prediction_error(record.history)
    if predicted is not None:
        off = f"{100 * predicted[0]:.0f} % off the measured (median of {predicted[1]:,} trials)"
        rows.append(("Predicted latency", off))
    if record.course.stopped:
        rows.append(("Search ended", record.course.stopped))
    else:
        rows.append(("State", f"not finished; go on with: {shell('nas', 'search', '--resume', run.path)}"))
    if metrics:
        rows += _kept(metrics)
    if evaluation:
        rows += _tested(evaluation)
    return rows


def _counts(history: History) -> str:
    """The number of trials by outcome; zeros are left out, except for trained trials."""
    counts = {
        "trained": sum(1 for t in history.trained() if t.rungs or t.status == "failed"),
        "failed": sum(t.status == "failed" for t in history),
        "cannot be built or over a constraint": sum(t.status == "infeasible" for t in history),
        "known already": sum(t.status == "duplicate" for t in history),
    }
    return ", ".join(f"{number:,} {what}" for what, number in counts.items() if number or what == "trained")


def _kept(metrics: Mapping[str, Any]) -> list[Row]:
    size = f"{metrics['params']:,.0f} parameters, {metrics['macs']:,.0f} multiply-accumulates"
    return [
        ("Kept", training(metrics["candidate"], metrics["seed"])),
        ("Validation", _scores(metrics["validation"])),
        ("Size", size),
    ]


def _tested(evaluation: Mapping[str, Any]) -> list[Row]:
    latency = evaluation["latency"]
    times = f"{latency['p50_ms']:.3g} ms median, {latency['p95_ms']:.3g} ms 95th percentile"
    conditions = f"batch of {latency['batch_size']}, {plural(latency['threads'], 'thread')}, {latency['device']}"
    return [
        ("Test", f"{_scores(evaluation['metrics'])} ({evaluation['samples']:,} samples)"),
        ("Latency", f"{times}; {conditions}"),
    ]


def _scores(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{words(name)} {value:.4f}" for name, value in metrics.items())
