"""A plugin's mistake is told in its own words before anything is written: file, what it gave, what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from wrong_plugins import CASES, STRATEGY

from nas_cli.describe.plan import plan
from nas_cli.errors import UserError
from nas_cli.plugins import taking_back
from nas_cli.run.search import start_search

SPEC = """\
task: {task}
data: {{source: {source}}}
model: [{op}, {{global_pool: avg}}]
train: {{epochs: 1, batch_size: 256, optimizer: {optimizer}, schedule: {schedule}, loss: {loss}, augment: [{augment}]}}
search: {{strategy: {strategy}, schedule: {scheduler}, stop: {{trials: 1}}}}
final: {{top: 1, seeds: 1}}
hardware: {{workers: 0, precision: float32, layout: channels-first}}
plugins: [mine.py]
"""
USUAL = {
    "task": "image-classification",
    "source": "digits",
    "op": "{conv: {channels: {choice: [2, 4]}}}",
    "optimizer": "sgd",
    "schedule": "cosine",
    "loss": "cross_entropy",
    "augment": "flip",
    "strategy": "random",
    "scheduler": "full",
}


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with taking_back():
        yield


def written(folder: Path, kind: str, code: str) -> Path:
    (folder / "mine.py").write_text(code + "\n")
    mine = "{mine: {}}" if kind == "op" else "mine"
    (folder / "spec.yaml").write_text(SPEC.format(**{**USUAL, kind: mine}))
    return folder / "spec.yaml"


@pytest.mark.parametrize("case", CASES)
def test_a_plugins_mistake_is_told_in_its_words(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, code, words = CASES[case]
    monkeypatch.chdir(tmp_path)
    spec = written(tmp_path, kind, code)
    with pytest.raises(UserError) as caught:
        start_search(spec)
    assert caught.value.exit_code == 2
    for word in ["mine" if kind == "loss" else "mine.py", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [file for file in (tmp_path / "runs").glob("*") if file.suffix != ".cache" and file.name[0] != "."]


@pytest.mark.parametrize("case", ["a strategy that gives None", "a metric that is None", "an op that fails"])
def test_a_plan_says_the_same(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, code, words = CASES[case]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        plan(written(tmp_path, kind, code))
    for word in ["mine.py", *words]:
        assert word in str(caught.value)


def test_a_plugin_that_is_mended_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it registered before it failed is not in the way."""
    monkeypatch.chdir(tmp_path)
    good = STRATEGY + "    def ask(self, number): return {'model[0].conv.channels': 2}\n"
    spec = written(tmp_path, "strategy", good + "raise KeyError(1)")
    with pytest.raises(UserError, match=r"mine\.py:8 failed: KeyError: 1"):
        start_search(spec)
    (tmp_path / "mine.py").write_text(good)
    start_search(spec)
    assert (tmp_path / "runs").is_dir()
