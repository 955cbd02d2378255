"""Constraints that the kept network breaks are said first of all, in the verdict that console and report show."""

from __future__ import annotations

from pathlib import Path

from journals import recorded

from nas_cli.record.directory import RunDirectory
from nas_cli.record.events import FinalFinished
from nas_cli.run.final.selection import select, warned
from nas_cli.run.search import start_search
from nas_cli.search.objective import parse_objective

METRICS = {"accuracy": "maximize", "loss": "minimize"}
LIMIT = {"maximize": "accuracy", "constraints": {"loss": {"max": 0.5}}}


def verdict(*done: FinalFinished) -> tuple[str, tuple[str, ...]]:
    objective = parse_objective(LIMIT, METRICS, ("params",))  # type: ignore[arg-type]
    selection = warned(select(list(done), objective.goals, "accuracy", 100), objective)
    return selection.verdict, selection.broken


def of(name: str, seed: int, loss: float, accuracy: float = 0.9) -> FinalFinished:
    return FinalFinished(name, seed, {"accuracy": accuracy, "loss": loss}, accuracy, loss <= 0.5)


def test_where_all_break_one_the_verdict_begins_with_it() -> None:
    text, broken = verdict(of("trial-1", 1, 0.7), of("baseline-plain", 1, 0.9, 0.2))
    assert text.startswith("no network keeps every constraint: trial 1, which is kept, breaks loss is 0.7, above")
    assert "Among those that break one, trial 1 is the best by validation" in text
    assert len(broken) == 1


def test_where_one_keeps_all_nothing_is_said() -> None:
    text, broken = verdict(of("trial-1", 1, 0.7, 0.99), of("trial-2", 1, 0.4, 0.5))
    assert text.startswith("trial 2 is the best")
    assert broken == ()


def test_a_network_that_keeps_it_with_one_seed_only() -> None:
    text, broken = verdict(of("trial-1", 1, 0.7), of("trial-1", 2, 0.3))
    assert text.startswith("no network keeps every constraint with each of its seeds: trial 1, which is kept, does so")
    assert broken == ()


def test_a_real_run_says_it_in_its_journal_and_beside_its_weights(tmp_path: Path) -> None:
    spec = tmp_path / "s.yaml"
    spec.write_text(
        "task: image-classification\ndata: {source: digits}\n"
        "model: [{conv: {channels: {choice: [2, 3]}, stride: 4}}]\ntrain: {epochs: 1, batch_size: 1000}\n"
        "objective: {maximize: accuracy, constraints: {accuracy: {min: 0.999}}}\n"
        "search: {strategy: random, stop: {trials: 1}}\nfinal: {top: 1, seeds: 1}\n"
        "hardware: {workers: 0, precision: float32, layout: channels-first}\n"
    )
    run: RunDirectory = start_search(spec, tmp_path / "runs").run
    (selected,) = [event for event in recorded(run.journal) if event["event"] == "final_selected"]
    assert selected["verdict"].startswith(
        "no network keeps every constraint: trial 0, which is kept, breaks accuracy is"
    )
    assert "below the minimum of 0.999" in selected["broken"][0]
    assert "no network keeps every constraint" in run.best.metrics.read_text()
