"""What may be trained is known before: strategies stay inside the constraints, and say which one leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import inputs_of
from hypothesis import given
from hypothesis import strategies as st
from journals import recorded

from nas_cli.errors import Infeasible, NasError
from nas_cli.execute.executor import Job, JobResult
from nas_cli.model.build import plan
from nas_cli.record.directory import RunDirectory
from nas_cli.record.journal import Journal
from nas_cli.run.compose import Experiment, compose
from nas_cli.run.controller import Controller
from nas_cli.run.estimate import Estimate
from nas_cli.run.observer import Silent
from nas_cli.run.screen import Screen
from nas_cli.space.edit import replay, sample
from nas_cli.space.nodes import Op, Seq
from nas_cli.space.space import Resolved
from nas_cli.spec.load import parse_document

MODEL = """
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {int: [1, 64]}, kernel: {choice: [1, 3, 5]}}
  - repeat: {times: {int: [0, 3]}, body: [{conv: {channels: {int: [1, 64]}, kernel: 3}}, relu]}
train: {epochs: 3}
"""


def experiment_of(constraints: dict[str, Any], strategy: str = "random", trials: int = 12) -> Experiment:
    objective = {"maximize": "accuracy", "constraints": constraints}
    search = {"strategy": strategy, "stop": {"trials": trials}}
    return compose(parse_document(f"{MODEL}objective: {json.dumps(objective)}\nsearch: {json.dumps(search)}\n", "s"))


def counted(resolved: Resolved) -> Estimate:
    """What `plan` counts of such a chain for 8x8 pixels and ten classes, without building it."""
    channels, params, macs = 1, 0, 0
    for layer in resolved.model.layers:
        assert isinstance(layer, Op)
        if layer.name == "conv":
            weights = channels * int(layer.args["channels"]) * int(layer.args["kernel"]) ** 2
            channels = int(layer.args["channels"])
            params, macs = params + weights + channels, macs + 64 * weights
    weights = 64 * channels * 10
    return Estimate({"params": params + weights + 10.0, "macs": float(macs + weights)})


def test_the_costs_here_are_those_of_plan() -> None:
    space = experiment_of({}).space
    for seed in range(5):
        resolved = replay(space, sample(space, np.random.default_rng(seed)))
        program = plan(resolved.model, inputs_of((1, 8, 8)), lambda shape: Seq((Op("linear", {"units": 10}),)))
        assert counted(resolved).counted == {"params": program.params, "macs": program.macs}


class Pretend:
    """Finishes every job at once; `latency_ms` is measured as `latency` says, and a bound that it breaks is heeded."""

    slots = 1

    def __init__(self, latency: float = 1.0) -> None:
        self.jobs: list[Job] = []
        self.latency = latency

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self, timeout: float | None = None) -> JobResult:
        job = self.jobs[-1]
        measurement = {**job.costs, "accuracy": 0.5, "loss": 1.0}
        if "latency_ms" in job.measure:
            measurement["latency_ms"] = self.latency
        broken = any(not low <= measurement[name] <= high for name, low, high in job.bounds)
        return JobResult(job.number, job.rung, "infeasible" if broken else "finished", measurement, "", 0.1)

    def cancel(self) -> None: ...
    def close(self) -> None: ...


def search(experiment: Experiment, path: Path, executor: Pretend, costs: Any = counted) -> tuple[str, list[Any]]:
    with Journal(path / "journal.jsonl") as journal:
        reason = Controller(experiment, RunDirectory(path), journal, executor, Silent(), costs).search()
    return reason, recorded(path / "journal.jsonl")


@pytest.mark.parametrize("strategy", ["random", "evolution", "genetic", "reinforce"])
def test_strategies_propose_inside_the_constraints(strategy: str, tmp_path: Path) -> None:
    """About one in fifty random architectures has so few parameters."""
    executor = Pretend()
    _, events = search(experiment_of({"params": {"max": 3_000}}, strategy, 30), tmp_path, executor)
    assert len(executor.jobs) == 30
    assert all(job.costs["params"] <= 3_000 for job in executor.jobs)
    assert sum(event["event"] == "trial_infeasible" for event in events) <= 3


def test_a_constraint_that_leaves_nothing_is_named_with_the_nearest_candidate(tmp_path: Path) -> None:
    executor = Pretend()
    with pytest.raises(NasError, match="no candidate could be trained") as caught:
        search(experiment_of({"params": {"max": 11}, "macs": {"min": 1}}), tmp_path, executor)
    assert not executor.jobs
    assert "params at most 11 refuses" in str(caught.value)
    assert "the nearest: params is " in str(caught.value)


def test_a_latency_over_its_bound_is_measured_and_not_trained(tmp_path: Path) -> None:
    experiment = experiment_of({"latency_ms": {"max": 2}}, trials=3)
    slow = Pretend(latency=2.5)
    with pytest.raises(NasError):
        search(experiment, tmp_path, slow, lambda r: counted(r) if len(slow.jobs) < 5 else _nothing())
    events = recorded(tmp_path / "journal.jsonl")
    measured = [e for e in events if e["event"] == "trial_infeasible" and e.get("measurement")]
    assert len(measured) == 5
    assert measured[0]["reason"] == "latency_ms is 2.5, above the maximum of 2"
    assert measured[0]["measurement"]["latency_ms"] == 2.5


def _nothing() -> Estimate:
    raise Infeasible("no more")


def test_a_predicted_latency_refuses_only_what_is_out_of_reach() -> None:
    experiment = experiment_of({"latency_ms": {"max": 2}})
    genotypes = [sample(experiment.space, np.random.default_rng(seed)) for seed in range(2)]
    for predicted, margin, reason in (
        (2.3, 0.2, ""),
        (2.6, 0.2, "latency_ms is 2.08, above the maximum of 2 (predicted)"),
        (1.0, 0.9, ""),
    ):
        screen = Screen(experiment, lambda _, p=predicted, m=margin: Estimate({}, None, p, m))  # type: ignore[misc]
        assert screen.look(genotypes[0]).reason == reason
        assert screen.accept(genotypes[1]) == (not reason)


@given(st.floats(0.01, 100), st.floats(0, 0.99), st.floats(0.01, 50), st.floats(0, 50))
def test_optimistic_is_inside_the_margin_and_as_near_to_the_bounds_as_that_allows(
    latency: float, margin: float, low: float, width: float
) -> None:
    high = low + width
    value = Estimate({}, None, latency, margin).optimistic(low, high)
    assert value is not None
    fastest, slowest = latency * (1 - margin), latency * (1 + margin)
    assert fastest <= value <= slowest or low <= value <= high
    assert (low <= value <= high) == (fastest <= high and slowest >= low)
