"""What early stopping gains: the time to a given quality, and how well low rungs foretell the last."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from bench.speed import NAS, spread, subset

from nas_cli.errors import Infeasible
from nas_cli.execute.executor import Job
from nas_cli.execute.hardware import cores
from nas_cli.execute.session import Session
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.hardware import open_executor
from nas_cli.run.observer import Silent
from nas_cli.run.search import open_session
from nas_cli.seeds import trial_seed
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import to_yaml
from nas_cli.space.space import Resolved
from nas_cli.spec.load import parse_document

RUNGS = (1, 3, 9)
TRIALS = 16
SPEC: dict[str, Any] = {
    "name": "quality",
    "task": "image-classification",
    "space": "cnn",
    "train": {
        "epochs": 9,
        "batch_size": 128,
        "optimizer": {"sgd": {"lr": {"float": [0.01, 0.3], "log": True}, "momentum": 0.9, "weight_decay": 5.0e-4}},
        "schedule": "cosine",
        "augment": [{"crop": {"padding": 2}}, "flip"],
    },
    "objective": {"maximize": "accuracy", "constraints": {"macs": {"max": 6_000_000}}},
    "final": {"epochs": 1, "top": 1, "seeds": 1},
}


def search(folder: Path, name: str, data: Path, section: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    """The events of one `nas search`."""
    spec = {**SPEC, "name": name, "seed": seed, "search": section}
    spec["data"] = {"source": "idx", "path": str(data), "validation": 0.1}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    subprocess.run([*NAS, "search", str(path), "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    (run,) = folder.glob(f"{name}-*/journal.jsonl")
    return [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()]


def best_until(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """(seconds since the search began, best validation accuracy so far), whenever it rose."""
    began = events[0]["time"]
    steps: list[tuple[float, float]] = []
    for event in events:
        if event["event"] == "trial_finished":
            accuracy = event["measurement"]["accuracy"]
            if not steps or accuracy > steps[-1][1]:
                steps.append((event["time"] - began, accuracy))
    return steps


def time_to_quality(minutes: int = 30, seeds: Sequence[int] = range(5)) -> Iterator[tuple[str, str, str]]:
    """Random search at full fidelity for `minutes`, then evolution with ASHA until it is as good, once a seed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = subset(folder / "data")
        reference = search(folder, "random", data, {"strategy": "random", "stop": {"time": f"{minutes}m"}})
        found_after, wanted = best_until(reference)[-1]
        section = {
            "strategy": {"evolution": {"population": 10, "sample": 5}},
            "schedule": {"asha": {"min_epochs": 1, "reduction": 3}},
            "stop": {"time": f"{minutes}m", "target": wanted},
        }
        ours = [best_until(search(folder, f"ours{seed}", data, section, seed)) for seed in seeds]
    trained = [event["measurement"]["training_seconds"] for event in reference if event["event"] == "trial_finished"]
    seconds = next(event["time"] for event in reference if event["event"] == "search_finished") - reference[0]["time"]
    yield (
        f"wall time over time in training steps, {minutes} min of random search",
        f"{seconds * cores() / sum(trained):.2f}",
        "at most 1.08",
    )
    shares = [
        next((second for second, accuracy in steps if accuracy >= wanted), math.inf) / (60 * minutes) for steps in ours
    ]
    yield (
        f"time of evolution + ASHA, {len(seeds)} seeds, to the {wanted:.4f} of {minutes} min of random search "
        f"({sum(event['event'] == 'trial_finished' for event in reference)} trials; found after {found_after:.0f} s)",
        f"{60 * minutes * statistics.median(shares):.0f} s: {spread(shares)} of it",
        "a fifth",
    )


def rung_correlation() -> Iterator[tuple[str, str, str]]:
    """Spearman's correlation of the accuracy after 1 and 3 of 9 epochs with that after 9, where every trial goes on."""
    from scipy.stats import spearmanr

    with tempfile.TemporaryDirectory() as name:
        scores = train_through(Path(name))
    last = [trial[-1] for trial in scores]
    figures = [
        f"{epochs} of {RUNGS[-1]} epochs: {spearmanr([trial[rung] for trial in scores], last).statistic:.2f}"
        for rung, epochs in enumerate(RUNGS[:-1])
    ]
    yield (
        f"rank correlation of low rungs with the last ({TRIALS} trials of the cnn space)",
        ", ".join(figures),
        "report",
    )


def train_through(folder: Path) -> list[list[float]]:
    """The validation accuracy of each trial at the end of each rung, trained as a search would train it."""
    data = {"source": "idx", "path": str(subset(folder / "data")), "validation": 0.1}
    experiment = compose(parse_document(yaml.safe_dump({**SPEC, "data": data}), "bench.yaml"))
    scores: list[list[float]] = [[] for _ in range(TRIALS)]
    with open_session(experiment) as session, open_executor(experiment, session, Silent()) as executor:
        models = draw(experiment, session)
        jobs = [job(experiment, models[number], number, 0, folder) for number in range(TRIALS)]
        running = 0
        while jobs or running:
            while jobs and running < executor.slots:
                executor.submit(jobs.pop(0))
                running += 1
            result = executor.wait()
            running -= 1
            assert result is not None
            assert result.status == "finished", result.reason
            scores[result.number].append(result.measurement["accuracy"])
            if result.rung + 1 < len(RUNGS):
                jobs.insert(0, job(experiment, models[result.number], result.number, result.rung + 1, folder))
    return scores


def draw(experiment: Experiment, session: Session) -> list[Resolved]:
    rng = np.random.default_rng(1)
    drawn: list[Resolved] = []
    while len(drawn) < TRIALS:
        resolved = replay(experiment.space, sample(experiment.space, rng))
        try:
            broken = experiment.objective.broken(session.problem.costs(resolved.model))
        except Infeasible:
            continue
        if not broken:
            drawn.append(resolved)
    return drawn


def job(experiment: Experiment, resolved: Resolved, number: int, rung: int, folder: Path) -> Job:
    checkpoint = str(folder / f"{number}.safetensors")
    return Job(
        number=number,
        rung=rung,
        label=f"trial {number}",
        architecture=to_yaml(resolved.model),
        train=resolved.train,
        first_epoch=RUNGS[rung - 1] if rung else 0,
        last_epoch=RUNGS[rung],
        total_epochs=RUNGS[-1],
        seed=trial_seed(experiment.spec.seed, number),
        checkpoint_in=checkpoint if rung else None,
        checkpoint_out=checkpoint,
        weights_out=None,
    )


def rows() -> Iterator[tuple[str, str, str]]:
    yield from rung_correlation()
    yield from time_to_quality()
