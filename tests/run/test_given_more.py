"""A finished run that is given more trains what is new, and nothing that it has kept."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench import steps
from journals import recorded

import nas_cli
from nas_cli.run.observer import Silent
from nas_cli.run.search import resume_search


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one objective: a finalist and a baseline, two seeds each. Not to be changed."""
    return steps.whole_run(tmp_path_factory.mktemp("one"), steps.ONE)[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of two objectives."""
    return steps.whole_run(tmp_path_factory.mktemp("two"), steps.TWO)[1]


@pytest.fixture
def run(one: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(one, tmp_path / one.name))


def trained(run: Path, overrides: Sequence[str]) -> Counter[tuple[str, int]]:
    """The final trainings that giving it more starts."""
    before = len(recorded(run / "journal.jsonl"))
    resume_search(run, overrides)
    events = recorded(run / "journal.jsonl")[before:]
    assert events[-1]["event"] == "run_finished"
    assert not (run / "final").exists()
    return Counter((event["candidate"], event["seed"]) for event in events if event["event"] == "final_started")


def test_another_finalist_is_trained_alone(run: Path) -> None:
    kept = (run / "best" / "weights.safetensors").read_bytes()
    (first,) = {name for name, _ in steps.finals(run) if name.startswith("trial-")}
    other = "trial-1" if first == "trial-0" else "trial-0"
    assert trained(run, ["final.top=2"]) == Counter({(other, 1): 1, (other, 2): 1})
    if json.loads((run / "best" / "metrics.json").read_text())["candidate"] == first:
        assert (run / "best" / "weights.safetensors").read_bytes() == kept
    assert trained(run, ["final.top=3"]) == Counter()  # there are no more


def test_another_seed_is_trained_alone(run: Path) -> None:
    started = trained(run, ["final.seeds=3"])
    assert {seed for _, seed in started} == {3}
    assert len(started) == 2


def test_other_epochs_are_other_trainings(run: Path) -> None:
    assert set(trained(run, ["final.epochs=2"])) == set(steps.finals(run))
    assert max(Counter(steps.finals(run)).values()) == 2


def test_of_several_objectives_too(two: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(two, tmp_path / two.name))
    started = trained(run, ["final.seeds=3"])
    assert {seed for _, seed in started} == {3}


@pytest.mark.parametrize("name", ["weights.safetensors", "metrics.json"])
@pytest.mark.parametrize("damage", [b"", b"[]", None])
def test_what_was_kept_and_is_damaged_costs_a_training(run: Path, name: str, damage: bytes | None) -> None:
    file = run / "best" / name
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    trained(run, ["final.top=2"])
    assert max(Counter(steps.finals(run)).values()) <= 2
    assert nas_cli.load(run).metrics["validation"]


def test_a_finished_run_is_known_however_its_journal_is_spaced(run: Path) -> None:
    events = recorded(run / "journal.jsonl")
    (run / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    before = (run / "journal.jsonl").read_bytes()
    assert resume_search(run).was_over
    assert (run / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("where", ["best", "baselines/plain", "best/mine"])
def test_what_somebody_put_beside_the_network_is_kept(run: Path, where: str) -> None:
    (run / where).mkdir(exist_ok=True)
    (run / where / "model.onnx").write_text("exported there")
    (run / where / ".DS_Store").write_text("")
    top = where.split("/")[0]
    (run / f"{top}-before-1").write_text("taken")
    watch = Notes()
    resume_search(run, ["final.seeds=3"], watch)
    (kept,) = run.glob(f"{top}-before-2/**/model.onnx")
    assert kept.read_text() == "exported there"
    assert any(f"{where}/model.onnx is not of nas" in note for note in watch.said)
    assert nas_cli.load(run).metrics["validation"]
    resume_search(run, ["final.seeds=4"], watch)
    assert not (run / f"{top}-before-3").exists()
