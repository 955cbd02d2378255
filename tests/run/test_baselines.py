"""Baselines are looked at before the search, as candidates are: names, shapes, limits; by `plan` and by `search`."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_cli.describe.plan import plan
from nas_cli.errors import SpecError
from nas_cli.run.observer import Silent
from nas_cli.run.search import start_search

SPEC = """
task: image-classification
data: {source: digits}
model: [{conv: {channels: {choice: [2, 3]}, stride: 4}}, relu]
train: {epochs: 1, batch_size: 1000}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""
DEEP = "[{max_pool: {size: 2}}, {max_pool: {size: 2}}, {max_pool: {size: 2}}, {max_pool: {size: 2}}]"


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def spec_with(folder: Path, baselines: str, more: str = "") -> Path:
    path = folder / "s.yaml"
    path.write_text(f"{SPEC}{more}baselines:\n  {baselines}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("baselines", "words"),
    [
        (f"deep: {DEEP}", r"s\.yaml:10:9: the baseline deep cannot be built: .*max_pool"),
        ("wide: [{conv: {channels: 7, groups: 3}}]", r"s\.yaml:10:9: the baseline wide cannot be built"),
        (
            "fine: [relu]\n  flat: [{nn.Conv2d: {out_channels: 4, kernel_size: 64}}]",
            r"s\.yaml:11:9: the baseline flat ",
        ),
        (
            "joined: [{tap: a}, {max_pool: 2}, {conv: {channels: 3}}, {upsample: 9}, {join: {with: a, by: concat}}]",
            "joined",
        ),
        (
            f"{'b' * 81}: [relu]",
            r"s\.yaml:10:3: a baseline's name has letters, .* at most 80; got 'bbbbbbbbbbbbbbbbbbbb…",
        ),
        ("'../up': [relu]", r"a baseline's name has letters"),
        ("'a b': [relu]", r"a baseline's name has letters"),
        (f"{'é' * 41}: [relu]", r"at most 80"),
    ],
)
def test_what_cannot_be_built_or_named_is_refused_before_anything_is_written(
    baselines: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = spec_with(tmp_path, baselines)
    for action in (lambda: plan(spec), lambda: start_search(spec, tmp_path / "runs")):
        with pytest.raises(SpecError, match=words):
            action()
    assert not (tmp_path / "runs").exists()


def test_the_longest_name_names_files(tmp_path: Path) -> None:
    run = start_search(spec_with(tmp_path, f"{'b' * 80}: [relu]"), tmp_path / "runs").run
    assert (run.path / "baselines" / ("b" * 80) / "weights.safetensors").exists()


def test_a_baseline_over_a_limit_is_told_of_and_trained_all_the_same(tmp_path: Path) -> None:
    limit = "objective: {maximize: accuracy, constraints: {params: {max: 150}}}\n"
    spec = spec_with(tmp_path, "big: [{conv: {channels: 64}}]", limit)
    said = "the baseline big breaks a constraint: params is 1,"
    assert any(note.startswith(said) for note in plan(spec)["notes"])
    notes = Notes()
    run = start_search(spec, tmp_path / "runs", observer=notes).run
    assert any(note.startswith(said) for note in notes.said)
    assert (run.path / "baselines" / "big").exists()
    assert '"candidate": "trial-0"' in run.best.metrics.read_text()
