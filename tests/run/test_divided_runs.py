"""Runs on data that is divided by its columns, and by plugins: every command has the same parts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_cli.data import load_test, load_training
from nas_cli.deliver.evaluate import evaluate
from nas_cli.errors import UserError
from nas_cli.plugins import taking_back
from nas_cli.run.compose import compose
from nas_cli.run.search import resume_search, start_search
from nas_cli.spec.load import load_document

SPEC = """\
task: {task}
data: {data}
model: {model}
train: {{epochs: 1, batch_size: 64}}
search: {{strategy: random, stop: {{trials: 1}}}}
final: {{top: 1, seeds: 1}}
hardware: {{workers: 0, precision: float32, layout: channels-first}}
{plugins}
"""
ROWS = [[f"u{k % 9}", f"{1 + k % 28}/{1 + k // 28}/2024", k, k % 2] for k in range(150)]
PLUGIN = """\
import numpy as np
from nas_cli.data import Dataset, Examples, by_group, by_order, by_position, latest_of_group
from nas_cli.plugins import source

labels, speakers = np.arange(60) % 2, np.repeat(np.arange(12), 5)
images = np.broadcast_to(np.arange(60, dtype=np.uint8)[:, None, None, None], (60, 1, 6, 6))

@source("mine")
def mine() -> Dataset:
    return Dataset(Examples("mine", labels, lambda rows: images[rows]), divide={divide})
"""


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with taking_back():
        yield


def write_table(folder: Path) -> None:
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["user", "day", "x", "y"], *ROWS])


def write_spec(folder: Path, keys: str) -> Path:
    write_table(folder)
    data = f"{{source: csv, path: t.csv, target: y, {keys}}}"
    model = "[{linear: {units: {choice: [4, 8, 16]}}}, relu]"
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(task="table-classification", data=data, model=model, plugins=""))
    return path


@pytest.mark.parametrize(("keys", "size"), [("group: user", 33), ("time: day", 30), ("group: user, time: day", 33)])
def test_every_command_has_the_same_parts(tmp_path: Path, keys: str, size: int) -> None:
    start_search(write_spec(tmp_path, keys))
    run = next((tmp_path / "runs").glob("spec-*"))
    report = evaluate(run)
    assert report["validation"]["equal"]
    assert abs(report["samples"] - size) <= 4
    resume_search(run, ["search.stop.trials=2"])
    again = evaluate(run)
    assert again["validation"]["equal"]
    assert again["samples"] == report["samples"]
    notes = (run / "environment.json").read_text()
    assert "divided by '" in notes
    assert "read as dates (day, month, year)" in notes or "time" not in keys


def test_a_division_that_cannot_be_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"t\.csv has no column 'usr' to divide by \(group\); did you mean 'user'\?"):
        start_search(write_spec(tmp_path, "group: usr"))
    assert not [file for file in (tmp_path / "runs").glob("*") if file.name[0] != "."]


def write_plugin(folder: Path, divide: str) -> Path:
    (folder / "mine.py").write_text(PLUGIN.format(divide=divide))
    model = "[{conv: {channels: {choice: [2, 4]}}}, {global_pool: avg}]"
    path = folder / "spec.yaml"
    path.write_text(
        SPEC.format(task="image-classification", data="{source: mine}", model=model, plugins="plugins: [mine.py]")
    )
    return path


@pytest.mark.parametrize(
    ("divide", "learned", "chosen", "tested"),
    [
        ("by_position", range(38), range(38, 48), range(48, 60)),
        ("by_order(-np.arange(60))", range(22, 60), range(12, 22), range(12)),
        (
            "lambda among, share, rng: (among[among < 40 - 10 * share], among[among >= 40 - 10 * share])",
            *[range(0)] * 3,
        ),
    ],
)
def test_a_plugin_divides_as_it_likes(
    tmp_path: Path, divide: str, learned: range, chosen: range, tested: range
) -> None:
    document = load_document(write_plugin(tmp_path, divide))
    data = compose(document).data
    if not tested:
        with pytest.raises(UserError, match=r"too few to hold 0\.2 of them out as the validation part"):
            load_training(data, 0)
        return
    parts = [load_training(data, 0).train, load_training(data, 0).validation, load_test(data, 0)]
    for part, wanted in zip(parts, (learned, chosen, tested), strict=True):
        assert sorted(part.inputs[:, 0, 0, 0].tolist()) == list(wanted)


@pytest.mark.parametrize(
    ("divide", "words"),
    [
        ("lambda among, share, rng: among", "two arrays of indices are wanted: what stays"),
        ("lambda among, share, rng: (among, among)", "divides 60 examples into 60 and 60, and each is wanted once"),
        ("lambda among, share, rng: (among[:50], among[51:])", "divides 60 examples into 50 and 9, and each is wanted"),
        ("lambda among, share, rng: (among < 9, among >= 9)", "two arrays of indices are wanted"),
        ("lambda among, share: (among[9:], among[:9])", "failed in divide: TypeError"),
        ("by_group(speakers[:10])", "failed in divide: IndexError"),
    ],
)
def test_a_plugins_wrong_division_is_told_in_its_words(tmp_path: Path, divide: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        start_search(write_plugin(tmp_path, divide))
    assert "mine.py" in str(caught.value)
    assert words in str(caught.value)


def test_speakers_of_a_plugin_are_in_one_part(tmp_path: Path) -> None:
    data = compose(load_document(write_plugin(tmp_path, "by_group(speakers)"))).data
    found = load_training(data, 0)
    parts = [found.train, found.validation, load_test(data, 0)]
    speakers = [set((part.inputs[:, 0, 0, 0] // 5).tolist()) for part in parts]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 12
