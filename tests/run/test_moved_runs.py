"""A run directory that is moved or deleted while it is written: the search pauses, and goes on where the run is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import steps

from nas_cli.errors import NasError
from nas_cli.record.events import Event, RunStarted
from nas_cli.record.journal import read_journal
from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search, start_search
from nas_cli.trial import Trial


class Meanwhile(Silent):
    """Does something to the run directory after the first event of a kind."""

    def __init__(self, kind: str, act: Callable[[Path], object]) -> None:
        self.kind = kind
        self.act = act
        self.run = Path()

    def event(self, event: Event, trial: Trial | None = None) -> None:
        if isinstance(event, RunStarted):
            self.run = Path(event.run)
        if event.kind == self.kind:
            self.kind = ""
            self.act(self.run)


def moved(run: Path) -> None:
    run.rename(run.with_name("moved"))


@pytest.mark.parametrize("kind", ["trial_started", "trial_finished", "final_finished", "final_selected"])
def test_a_run_that_is_moved_pauses_and_goes_on_where_it_is(tmp_path: Path, kind: str) -> None:
    (tmp_path / "tiny.yaml").write_text(steps.ONE)
    watch = Meanwhile(kind, moved)
    with pytest.raises(NasError, match=r"it was moved or deleted meanwhile .*Nothing that was recorded is lost"):
        start_search(tmp_path / "tiny.yaml", tmp_path / "runs", observer=watch)
    assert read_journal(tmp_path / "runs" / "moved" / "journal.jsonl")[-1].kind == kind
    run = resume_search(tmp_path / "runs" / "moved").run
    assert read_journal(run.journal)[-1].kind == "run_finished"
    assert (run.path / "best" / "weights.safetensors").exists()


@pytest.mark.parametrize("act", [shutil.rmtree, lambda run: (run / "journal.jsonl").unlink()])
def test_a_run_that_is_deleted_ends_with_a_sentence(tmp_path: Path, act: Callable[[Path], object]) -> None:
    (tmp_path / "tiny.yaml").write_text(steps.ONE)
    with pytest.raises(NasError, match=r"it was moved or deleted meanwhile"):
        start_search(tmp_path / "tiny.yaml", tmp_path / "runs", observer=Meanwhile("trial_finished", act))
