"""A loss with a weight for each class is checked against the classes of the data before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_cli.errors import DataError, SpecError
from nas_cli.run.search import start_search

SPEC = """
name: weighted
task: image-classification
data: {source: digits}
model: [{conv: 4}, relu, {max_pool: 4}]
train: {epochs: 1, loss: LOSS}
search: {strategy: random, schedule: full, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""
TEN = "[1, 2, 1, 1, 1, 1, 1, 1, 0.5, 0]"


def written(folder: Path, loss: str) -> Path:
    (folder / "spec.yaml").write_text(SPEC.replace("LOSS", loss))
    return folder / "spec.yaml"


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("{cross_entropy: {weights: [1, 4]}}", "weights are 2 numbers, and the data has 10 classes: 0, 1, 2"),
        ("{cross_entropy: {weights: []}}", "all 0"),
        ("{cross_entropy: {weights: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}}", "weights are all 0"),
        (f"{{choice: [focal, {{cross_entropy: {{weights: {TEN[:-4]}]}}}}]}}", "weights are 9 numbers"),
        (f"{{cross_entropy: {{weights: {{choice: [{TEN}, [1, 2, 3]]}}}}}}", "weights are 3 numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(loss: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        start_search(written(tmp_path, loss), tmp_path / "runs")
    assert not list(tmp_path.glob("runs/weighted*"))


@pytest.mark.parametrize("weights", ["[1, -1]", "3", "[a, b]", "[.inf, 1]"])
def test_weights_that_are_none_are_refused(weights: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"weights(\[\d\])? takes"):
        start_search(written(tmp_path, f"{{cross_entropy: {{weights: {weights}}}}}"), tmp_path / "runs")


def test_weights_that_fit_are_trained_with(tmp_path: Path) -> None:
    outcome = start_search(written(tmp_path, f"{{cross_entropy: {{weights: {TEN}}}}}"), tmp_path / "runs")
    assert (outcome.run.path / "best").is_dir()


def test_a_loss_of_places_is_no_loss_of_examples(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="image-classification cannot be trained with dice"):
        start_search(written(tmp_path, "dice"), tmp_path / "runs")
