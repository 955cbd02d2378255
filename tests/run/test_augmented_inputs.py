"""Augmentations of a plugin for inputs that are no images, from the first look at them to a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import nas_cli
from nas_cli.errors import UserError
from nas_cli.plugins import taking_back

PLUGIN = '''
import torch
from nas_cli.plugins import augmentation

@augmentation("lost-words", inputs={"texts", "sentences"}, targets={"class", "tags"})
def lost_words(share: float = 0.2):
    """Takes some words for unknown ones."""
    def apply(batch, generator):
        lost = torch.rand(batch.inputs.shape, generator=generator) < share
        return batch.with_(batch.inputs.masked_fill(lost & (batch.inputs > 0), 1))
    return apply

@augmentation("jitter", inputs={"table rows"}, targets={"class", "number"})
def jitter():
    """A little noise."""
    def apply(batch, generator):
        return batch.with_(batch.inputs + 0.01 * torch.randn(batch.inputs.shape, generator=generator))
    return apply
'''
SPEC = """\
task: {task}
data: {{source: {source}, path: data.csv}}
model: {model}
train: {{epochs: 1, batch_size: 16, augment: [{augment}]}}
search: {{stop: {{trials: 1}}}}
final: {{top: 1, seeds: 1}}
hardware: {{workers: 0, precision: float32}}
plugins: [mine.py]
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with taking_back():
        yield


def written(kind: str, augment: str, code: str = PLUGIN) -> Path:
    rng = np.random.default_rng(0)
    Path("mine.py").write_text(code)
    if kind == "texts":
        words = ["good", "bad", "film", "music", "long", "short"]
        rows = [f"{' '.join(rng.choice(words, 5))} number {k},{'ab'[k % 2]}" for k in range(80)]
        Path("data.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
        filled = {"task": "text-classification", "source": "text", "model": "[{embedding: 4}, {global_pool: avg}]"}
    else:
        target = "ab" if kind == "classes" else range(80)
        rows = [f"{a:.3f},{b:.3f},{target[k % len(target)]}" for k, (a, b) in enumerate(rng.normal(size=(80, 2)))]
        Path("data.csv").write_text("first,second,y\n" + "\n".join(rows) + "\n")
        task = "table-classification" if kind == "classes" else "table-regression"
        filled = {"task": task, "source": "csv, target: y", "model": "[{linear: 4}]"}
    Path("spec.yaml").write_text(SPEC.format(**filled, augment=augment))
    return Path("spec.yaml")


@pytest.mark.parametrize(("kind", "augment"), [("texts", "lost-words"), ("numbers", "jitter")])
def test_what_is_no_image_is_augmented_by_a_plugin(kind: str, augment: str) -> None:
    run = nas_cli.search(written(kind, augment))
    assert [trial["status"] for trial in run.trials] == ["finished"]


@pytest.mark.parametrize(
    ("kind", "augment", "words"),
    [
        ("texts", "jitter", "text-classification learns from texts, and jitter is for table rows; allowed: lost-words"),
        ("classes", "lost-words", "table-classification learns from table rows, and lost-words is for sentences or t"),
        ("numbers", "crop", "table-regression learns from table rows, and crop is for images; allowed: jitter"),
    ],
)
def test_one_for_other_inputs_is_refused(kind: str, augment: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        nas_cli.search(written(kind, augment))
    assert not Path("runs").exists()


def test_a_mistake_with_whole_numbers_is_found_before_the_search() -> None:
    code = PLUGIN.replace("batch.inputs.masked_fill(lost & (batch.inputs > 0), 1)", "batch.inputs * 0.5")
    words = r"mine\.py: augmentation 'lost-words' made inputs 8x\d+x\d+ float32 of 8x\d+x\d+ int32"
    with pytest.raises(UserError, match=words):
        nas_cli.search(written("texts", "lost-words", code))
