"""report.html: one self-contained page on a run. It loads nothing, has no scripts, and escapes all quoted text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.report.front import front_of
from nas_cli.deliver.report.html import fill
from nas_cli.deliver.report.importance import importance
from nas_cli.deliver.report.summary import summary_rows
from nas_cli.deliver.report.tested import tested
from nas_cli.deliver.stored import is_of, read_environment, read_evaluation, read_metrics
from nas_cli.files import write_text
from nas_cli.record.candidates import spoken, training, trial_of
from nas_cli.record.directory import RunDirectory, open_run
from nas_cli.record.events import FinalSelected, Standing
from nas_cli.record.record import Record
from nas_cli.record.stored import read_text
from nas_cli.trial import History

SHOWN_DECISIONS = 15


@dataclass(frozen=True)
class Final:
    """The candidates of the final phase, best first, and the reasons of the trainings that failed."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    failures: Sequence[str]


@dataclass(frozen=True)
class Architecture:
    text: str
    genotype: Sequence[tuple[str, str]] | None
    """(decision, value); None for a baseline, which has no decisions."""


def write_report(run: Path | RunDirectory | None = None) -> Path:
    """Writes report.html of a run, finished or not, from its journal and files; returns its path. Raises RunError."""
    directory = run if isinstance(run, RunDirectory) else open_run(run)
    write_text(directory.report, render(directory))
    return directory.report


def render(run: RunDirectory) -> str:
    """The HTML of the page."""
    record = Record()
    record.open(run.path)
    metrics = read_metrics(run.best) if run.best.metrics.exists() else None
    evaluation = read_evaluation(run)
    if evaluation is not None and metrics is not None and not is_of(evaluation, metrics):
        evaluation = None  # it is of a network that is no longer kept
    surroundings = read_environment(run)
    return fill(
        "page.html",
        name=record.spec.name,
        verdict=record.verdict,
        summary=summary_rows(run, record, metrics, evaluation),
        notes=_notes(surroundings),
        front=front_of(run),
        final=_final(record),
        test=tested(evaluation),
        progress=_progress(record),
        decisions=_decisions(record.history),
        architecture=_architecture(run, record.history, metrics),
        environment=_environment(surroundings),
    )


# Sections -------------------------------------------------------------------------------------------------------------


def _notes(surroundings: Mapping[str, Any] | None) -> list[str]:
    """The notes on the data from the start of the search: guesses, skipped examples, reasons to doubt the scores."""
    notes = (surroundings or {}).get("notes")
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _final(record: Record) -> Final | None:
    selected, goal = record.selected, record.goal
    if selected is None:
        return None
    rows = []
    for standing in selected.ranking:
        spread = f" ± {standing.spread:.4f}" if standing.spread is not None else ""
        sizes = record.measured.get(standing.candidate, {})
        rows.append(
            [
                spoken(standing.candidate),
                f"{goal.shown(standing.mean):.4f}{spread}",
                str(len(standing.rewards)),
                f"{sizes.get('params', 0):,.0f}",
                f"{sizes['latency_ms']:.3g}" if "latency_ms" in sizes else "",
                _remarks(standing, selected),
            ]
        )
    columns = ["candidate", f"{goal.name} (validation)", "seeds", "parameters", "latency ms", ""]
    if not any(row[4] for row in rows):
        for line in (columns, *rows):
            del line[4]
    failures = [f"{training(final.candidate, final.seed)}, failed: {final.reason}" for final in record.failures]
    return Final(columns, rows, failures)


def _remarks(standing: Standing, selected: FinalSelected) -> str:
    remarks = {
        "kept": standing.candidate == selected.candidate,
        "within noise": standing.candidate in selected.within_noise,
        "breaks a constraint": not standing.feasible,
    }
    return ", ".join(remark for remark, holds in remarks.items() if holds)


def _progress(record: Record) -> charts.Chart | None:
    """The values of the objective of all trials, in its own sign: a minimised RMSE is shown as the RMSE."""
    goal, known = record.goal, []
    for trial in record.history:
        reward = trial.rungs[-1][2] if trial.rungs else None
        if reward is not None:
            known.append((trial.number, goal.shown(reward), trial.feasible))
    if len(known) < 2:
        return None
    minimised = goal.kind == "minimize"
    label = f"{goal.name} (lower is better)" if minimised else goal.name
    return charts.progress(known, label, minimised)


def _decisions(history: History) -> charts.Chart | None:
    # Rewards of different rungs are not comparable. All trials have the first rung.
    measured = [(t.genotype, t.rungs[0][2]) for t in history if t.rungs]
    known = [(genotype, float(reward)) for genotype, reward in measured if reward is not None]
    found = importance([genotype for genotype, _ in known], [reward for _, reward in known])
    return charts.bars(found[:SHOWN_DECISIONS]) if found else None


def _architecture(run: RunDirectory, history: History, metrics: Mapping[str, Any] | None) -> Architecture | None:
    if metrics is None or not run.best.architecture.exists():
        return None
    number = trial_of(metrics["candidate"])
    genotype = None
    if number is not None and number in history.trials:
        genotype = [(path, str(value)) for path, value in history.trials[number].genotype.items()]
    return Architecture(read_text(run.best.architecture), genotype)


def _environment(surroundings: Mapping[str, Any] | None) -> list[tuple[str, str]] | None:
    if surroundings is None:
        return None
    return [(key, _flat(value)) for key, value in surroundings.items() if key != "notes"]


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    return str(value)
