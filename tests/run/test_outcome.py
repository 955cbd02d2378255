"""What a job that ended makes of its trial, where its numbers are beyond those that a journal takes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from nas_cli.execute.executor import JobResult
from nas_cli.record.events import TrialEvent, TrialFailed, TrialFinished, TrialStarted
from nas_cli.record.journal import Journal, read_journal
from nas_cli.run.outcome import outcome
from nas_cli.search.objective import parse_objective
from nas_cli.trial import Trial

METRICS: dict[str, Literal["maximize", "minimize"]] = {"accuracy": "maximize", "rmse": "minimize"}


def ended(reward: str, **measurement: float) -> TrialEvent:
    objective = parse_objective({"reward": reward}, METRICS, ("params",))
    result = JobResult(0, 0, "finished", measurement, "", 1.0)
    return outcome(Trial(0, {}), result, objective, last=True, cut=False)


@pytest.mark.parametrize(
    ("reward", "measurement", "said"),
    [
        ("accuracy", {"accuracy": 0.5, "rmse": 1e300}, "rmse is 1e+300, and numbers of 1e+300 and more are not"),
        ("accuracy", {"accuracy": 0.5, "rmse": -1e305}, "rmse is -1e+305, and numbers"),
        ("accuracy * 10 ** 301", {"accuracy": 0.5}, "maximize accuracy * 10 ** 301 is 5e+300"),
    ],
)
def test_a_number_that_is_too_large_fails_its_trial(reward: str, measurement: dict[str, float], said: str) -> None:
    event = ended(reward, **measurement)
    assert isinstance(event, TrialFailed)
    assert event.reason.startswith(said)


@pytest.mark.parametrize("value", [9e299, -9e299, 0.0, 1e-320])
def test_any_other_is_recorded(tmp_path: Path, value: float) -> None:
    event = ended("accuracy", accuracy=value)
    assert isinstance(event, TrialFinished)
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(TrialStarted(0, 0, {}))
        journal.append(event)
    assert read_journal(tmp_path / "journal.jsonl")[1] == event
