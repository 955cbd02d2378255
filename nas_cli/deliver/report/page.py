"""report.html: one self-contained page on a run. It loads nothing, runs no script, and escapes what it quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_cli.deliver.report import charts
from nas_cli.deliver.report.elements import Child, Element, document, element, group, table
from nas_cli.deliver.report.front import front_section, words
from nas_cli.deliver.report.importance import importance
from nas_cli.deliver.report.style import STYLE
from nas_cli.deliver.report.tested import tested
from nas_cli.deliver.stored import is_of, read_environment, read_evaluation, read_metrics
from nas_cli.files import write_text
from nas_cli.record.candidates import spoken, training, trial_of
from nas_cli.record.directory import RunDirectory, open_run
from nas_cli.record.record import Record
from nas_cli.record.stored import read_text
from nas_cli.trial import History, prediction_error
from nas_cli.words import sentence, shell

SHOWN_DECISIONS = 15


def write_report(run: Path | RunDirectory | None = None) -> Path:
    """Writes report.html of a run, finished or not, from its journal and files; returns its path. Raises RunError."""
    directory = run if isinstance(run, RunDirectory) else open_run(run)
    write_text(directory.report, render(directory))
    return directory.report


def render(run: RunDirectory) -> str:
    """The page as text."""
    record = Record()
    record.open(run.path)
    metrics = read_metrics(run.best) if run.best.metrics.exists() else None
    evaluation = read_evaluation(run)
    if evaluation is not None and metrics is not None and not is_of(evaluation, metrics):
        evaluation = None  # of a network that is not kept any more
    name = record.spec.name
    sections = [
        _summary(run, record, metrics, evaluation),
        _data(run),
        front_section(run),
        _final(record),
        tested(evaluation),
        _progress(record),
        _decisions(record.history),
        _architecture(run, record.history, metrics),
        _environment(run),
    ]
    return document(f"{name} – nas", STYLE, element("h1", name), *sections)


# Sections -------------------------------------------------------------------------------------------------------------


def _summary(
    run: RunDirectory, record: Record, metrics: Mapping[str, Any] | None, evaluation: Mapping[str, Any] | None
) -> Element:
    spec, history, stopped = record.spec, record.history, record.course.stopped
    counts = {
        "trained": sum(1 for t in history.trained() if t.rungs or t.status == "failed"),
        "failed": sum(t.status == "failed" for t in history),
        "cannot be built or over a constraint": sum(t.status == "infeasible" for t in history),
        "known already": sum(t.status == "duplicate" for t in history),
    }
    rows = [
        ("Task", f"{spec.task}, data: {spec.data.get('source')}"),
        ("Search", ", ".join(f"{number:,} {what}" for what, number in counts.items() if number or what == "trained")),
    ]
    predicted = prediction_error(history)
    if predicted is not None:
        off = f"{100 * predicted[0]:.0f} % off the measured (median of {predicted[1]:,} trials)"
        rows.append(("Predicted latency", off))
    if stopped:
        rows.append(("Search ended", stopped))
    else:
        rows.append(("State", f"not finished; go on with: {shell('nas', 'search', '--resume', run.path)}"))
    if metrics:
        scores = ", ".join(f"{words(key)} {value:.4f}" for key, value in metrics["validation"].items())
        rows.append(("Kept", training(metrics["candidate"], metrics["seed"])))
        rows.append(("Validation", scores))
        size = f"{metrics['params']:,.0f} parameters, {metrics['macs']:,.0f} multiply-accumulates"
        rows.append(("Size", size))
    if evaluation:
        scores = ", ".join(f"{words(key)} {value:.4f}" for key, value in evaluation["metrics"].items())
        rows.append(("Test", f"{scores} ({evaluation['samples']:,} samples)"))
        latency = evaluation["latency"]
        threads = f"{latency['threads']} thread{'s' if latency['threads'] > 1 else ''}"
        rows.append(
            (
                "Latency",
                f"{latency['p50_ms']:.3g} ms median, {latency['p95_ms']:.3g} ms 95th percentile; batch of "
                f"{latency['batch_size']}, {threads}, {latency['device']}",
            )
        )
    verdict = element("p", sentence(record.verdict), class_="verdict") if record.verdict else None
    listed = [element(tag, text) for row in rows for tag, text in zip(("dt", "dd"), row, strict=True)]
    return group(verdict, element("dl", *listed))


def _final(record: Record) -> Element | None:
    selected, goal = record.selected, record.goal
    if selected is None:
        return None
    rows = []
    for standing in selected.ranking:
        spread = f" ± {standing.spread:.4f}" if standing.spread is not None else ""
        sizes = record.measured.get(standing.candidate, {})
        notes = []
        if standing.candidate == selected.candidate:
            notes.append("kept")
        if standing.candidate in selected.within_noise:
            notes.append("within noise")
        if not standing.feasible:
            notes.append("breaks a constraint")
        rows.append(
            [
                spoken(standing.candidate),
                f"{goal.shown(standing.mean):.4f}{spread}",
                str(len(standing.rewards)),
                f"{sizes.get('params', 0):,.0f}",
                f"{sizes['latency_ms']:.3g}" if "latency_ms" in sizes else "",
                ", ".join(notes),
            ]
        )
    header = ["candidate", f"{goal.name} (validation)", "seeds", "parameters", "latency ms", ""]
    if not any(row[4] for row in rows):
        header, rows = _without(4, header), [_without(4, row) for row in rows]
    failures = []
    for final in record.failures:
        failures.append(element("p", f"{training(final.candidate, final.seed)}, failed: {final.reason}"))
    said = "Trained from scratch under one protocol; the spread is the standard deviation between seeds."
    return group(element("h2", "Final training"), element("p", said), table(header, rows, words=True), *failures)


def _progress(record: Record) -> Element | None:
    """Every trial as the objective words it: of an RMSE that is minimised the RMSE, and the lowest is the best."""
    goal, known = record.goal, []
    for trial in record.history:
        reward = trial.rungs[-1][2] if trial.rungs else None
        if reward is not None:
            known.append((trial.number, goal.shown(reward), trial.feasible))
    if len(known) < 2:
        return None
    minimised = goal.kind == "minimize"
    label = f"{goal.name} (lower is better)" if minimised else goal.name
    return group(
        element("h2", "Search"),
        element(
            "p",
            "Each dot is a trained candidate, at the highest rung that it reached; the line is the best so far.",
        ),
        element("figure", charts.progress(known, label, minimised), class_="plot"),
    )


def _decisions(history: History) -> Element | None:
    # Rewards of different rungs do not compare: the first rung has all trials.
    measured = [(t.genotype, t.rungs[0][2]) for t in history if t.rungs]
    known = [(genotype, float(reward)) for genotype, reward in measured if reward is not None]
    found = importance([genotype for genotype, _ in known], [reward for _, reward in known])
    if not found:
        return None
    return group(
        element("h2", "Which decisions mattered"),
        element(
            "p",
            "The share of the objective's variance over the trials that each decision explains by itself. A hint: "
            "decisions act together, and the search did not try all values equally often.",
        ),
        element("figure", charts.bars(found[:SHOWN_DECISIONS]), class_="wide"),
    )


def _architecture(run: RunDirectory, history: History, metrics: Mapping[str, Any] | None) -> Element | None:
    if metrics is None or not run.best.architecture.exists():
        return None
    text = read_text(run.best.architecture)
    number = trial_of(metrics["candidate"])
    decisions: Child = None
    if number is not None and number in history.trials:
        genotype = history.trials[number].genotype
        decisions = table(("decision", "value"), [(path, str(value)) for path, value in genotype.items()], words=True)
    return group(element("h2", "Architecture"), decisions, element("pre", text))


def _data(run: RunDirectory) -> Element | None:
    """What the search said of the data at its start: what was guessed, passed over, or makes scores doubtful."""
    notes = (read_environment(run) or {}).get("notes")
    if not isinstance(notes, list) or not notes:
        return None
    said = [element("li", sentence(str(note))) for note in notes]
    return group(element("h2", "The data"), element("ul", *said))


def _environment(run: RunDirectory) -> Element | None:
    environment = read_environment(run)
    if environment is None:
        return None
    rows = [(key, _flat(value)) for key, value in environment.items() if key != "notes"]
    return group(element("h2", "Environment"), table(("", ""), rows, words=True))


# Pieces ---------------------------------------------------------------------------------------------------------------


def _without(column: int, row: Sequence[str]) -> list[str]:
    return [*row[:column], *row[column + 1 :]]


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    return str(value)
