"""Runs that an earlier version wrote, tests/assets/VERSION/NAME: they are shown, tested, exported and gone on with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fuzz.runs import quick

from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.deliver.report import write_report
from nas_cli.record.directory import open_run
from nas_cli.record.journal import read_journal
from nas_cli.record.record import Record
from nas_cli.run.search import resume_search

ASSETS = Path(__file__).parents[1] / "assets" / "0.1.0"
NAMES = ("digits", "table", "tags")
TRIALS = {"digits": 4, "table": 4, "tags": 3}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(name: str, tmp_path: Path) -> Path:
    copied = Path(shutil.copytree(ASSETS / name, tmp_path / "runs" / name))
    spec = copied / "spec.yaml"
    spec.write_text(spec.read_text().replace("/DATA", str(ASSETS / "data")))
    return copied


def expected(name: str) -> dict[str, Any]:
    """What the version that wrote the run said of it."""
    content: dict[str, Any] = json.loads((ASSETS / name / "expected.json").read_text())
    return content


def test_it_is_shown_as_it_was(run: Path, name: str) -> None:
    record = Record()
    record.open(run)
    shown, before = record.summary(), expected(name)["show"]
    for summary in (shown, before):
        del summary["run"], summary["search_seconds"]
    assert shown == before
    assert 0 < record.course.seconds < 60
    assert "Final training" in write_report(run).read_text()


def test_it_is_tested_and_exported_as_it_was(run: Path, name: str) -> None:
    with quick():
        report = evaluate(run)
    before = expected(name)["test"]
    assert report["validation"]["equal"]
    assert report["samples"] == before["samples"]
    assert report["metrics"] == pytest.approx(before["metrics"], abs=1e-5)
    assert [other["name"] for other in report["beside"]] == [other["name"] for other in before["beside"]]
    export(run, "source")
    assert (run / "export").is_dir()
    for candidate in open_run(run).kept:
        with quick():
            assert evaluate(run, member=candidate)["candidate"] == candidate


def test_it_is_over_and_takes_more(run: Path, name: str) -> None:
    before = len(read_journal(run / "journal.jsonl"))
    assert resume_search(run).was_over
    assert len(read_journal(run / "journal.jsonl")) == before
    again = resume_search(run, [f"search.stop.trials={TRIALS[name] + 1}"])
    assert not again.was_over
    record = Record()
    record.open(run)
    assert (record.state, record.done) == ("finished", TRIALS[name] + 1)


def test_it_goes_on_from_the_middle_of_its_search_to_the_same_trials(run: Path, name: str) -> None:
    """By the seed the last trial is proposed again, whichever version proposed it before."""
    journal = run / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if '"trial_started"' in line)
    journal.write_text("".join(lines[:last]))
    shutil.rmtree(run / "best")
    record, before = Record(), expected(name)["show"]
    resume_search(run)
    record.open(run)
    assert record.state == "finished"
    assert record.done == before["trials"]["trained"]
    genotypes = [json.loads(line)["genotype"] for line in lines if '"trial_started"' in line]
    assert sorted(map(str, genotypes)) == sorted(
        str(dict(trial.genotype)) for trial in record.history for _ in range(max(1, len(trial.rungs)))
    )
