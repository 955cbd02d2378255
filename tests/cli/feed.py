"""A made-up run: the events of a search in the order in which a journal has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from journals import made

from nas_cli.record.directory import RunDirectory, create_run
from nas_cli.record.journal import Journal

SPEC = """\
name: made-up
task: image-classification
data: {source: digits}
space: cnn
objective: {maximize: accuracy}
search: {stop: {trials: 4, time: 600}}
final: {top: 2, seeds: 2}
baselines: {plain: [flatten]}
"""

Happening = tuple[str, dict[str, Any]]


def measured(accuracy: float, params: int = 12_345) -> dict[str, float]:
    return {"accuracy": accuracy, "loss": 0.1, "params": params, "macs": 2_345_678, "seconds": 3.14}


def happenings(run: Path) -> Iterator[Happening]:
    yield "run_started", {"version": "0", "run": str(run)}
    genotype = {"let.stages": 2, "model[0].repeat[0].conv.channels": 32, "model[1].choice": "flatten"}
    yield "trial_started", {"number": 0, "genotype": genotype, "rung": 0}
    yield "trial_finished", {"number": 0, "rung": 0, "measurement": measured(0.91), "reward": 0.91}
    yield "trial_infeasible", {"number": 1, "genotype": genotype, "reason": "model[0].pool: 1×1 is too small"}
    yield "duplicate", {"number": 2, "genotype": genotype, "equals": 0}
    yield "trial_started", {"number": 3, "genotype": genotype, "rung": 0}
    yield "trial_failed", {"number": 3, "rung": 0, "reason": "the loss is not a number"}
    yield "trial_started", {"number": 4, "genotype": genotype, "rung": 0}
    yield "trial_finished", {"number": 4, "rung": 0, "measurement": measured(0.97), "reward": 0.97}
    yield "search_finished", {"reason": "4 trials were trained", "trials": 4}
    ranking = []
    for candidate, score in (("trial-4", 0.98), ("trial-0", 0.95), ("baseline-plain", 0.93)):
        ranking.append(
            {"candidate": candidate, "rewards": [score, score], "mean": score, "spread": 0.0, "feasible": True}
        )
        for seed in (1, 2):
            yield "final_started", {"candidate": candidate, "seed": seed}
            outcome = {"measurement": measured(score), "reward": score, "feasible": True}
            yield "final_finished", {"candidate": candidate, "seed": seed, **outcome}
    verdict = "trial 4 is the best by validation, but within noise of trial 0"
    kept = {"candidate": "trial-4", "seed": 1, "within_noise": ["trial-0"]}
    yield "final_selected", {**kept, "ranking": ranking, "verdict": verdict}
    yield "run_finished", {}


def make_run(root: Path, upto: int | None = None) -> RunDirectory:
    """A run directory on disk with the first `upto` events."""
    run = create_run(root, "made-up", {"spec.yaml": SPEC})
    with Journal(run.journal) as journal:
        for kind, fields in list(happenings(run.path))[:upto]:
            journal.append(made(kind, **fields))
    return run
