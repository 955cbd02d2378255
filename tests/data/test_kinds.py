"""Kinds of inputs and of targets: a new one is a function that registers itself, and an unknown one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas_cli.data import Wanted, load_other, load_test, load_training, parse_data
from nas_cli.errors import PluginError, SpecError
from nas_cli.plugins import import_plugin, taking_back

MASKS = """
import numpy as np
from nas_cli.data.source import Dataset, Examples
from nas_cli.plugins import source, target

class Masks:
    names, notes, facts, ragged = ("ground", "thing"), (), {"sides": 4}, False
    def encode(self, examples): return examples.labels.astype(np.uint8)
    def strata(self, targets): return targets.any(axis=(1, 2)).astype(np.int64)
    def others(self, examples): return ()

@target("my-masks")
def masks(dataset, labels=None, origin=None): return Masks()

@source("squares")
def squares():
    images = np.random.default_rng(0).integers(0, 255, (60, 1, 4, 4)).astype(np.uint8)
    return Dataset(Examples("squares", (images[:, 0] > 200).astype(np.int64), lambda rows: images[rows]))
"""


def plugin(folder: Path, text: str) -> None:
    (folder / "mine.py").write_text(text)
    import_plugin(folder / "mine.py")


def test_a_target_for_every_pixel_comes_from_a_plugin(tmp_path: Path) -> None:
    with taking_back():
        plugin(tmp_path, MASKS)
        settings, wanted = parse_data({"source": "squares"}), Wanted("images", "my-masks")
        data = load_training(settings, 0, wanted=wanted)
        assert data.labels == ("ground", "thing")
        assert (data.facts["labels"], data.facts["sides"]) == (2, 4)
        test = load_test(settings, 0, data.labels, wanted=wanted, fields=data.fields)
        for part in (data.train, data.validation, test):
            assert part.targets.dtype == np.uint8
            np.testing.assert_array_equal(part.targets, part.inputs[:, 0] > 200)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("return examples.labels.astype(np.uint8)", "return [1]"), r"target 'my-masks' gave .* in encode"),
        (
            ("return examples.labels.astype(np.uint8)", "return np.zeros((3, 4))"),
            r"numbers \(60, …\) is wanted",
        ),
        (("return Masks()", "return 3"), "gave 3, and Targets, which have names, are wanted"),
        (("def others", "def some_others"), "which have others, are wanted"),
    ],
)
def test_targets_of_a_plugin_are_held_to_the_contract(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with taking_back():
        plugin(tmp_path, MASKS.replace(*change))
        with pytest.raises(PluginError, match=words):
            load_training(parse_data({"source": "squares"}), 0, wanted=Wanted("images", "my-masks"))


def test_an_unknown_kind_of_target_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"unknown kind of target 'numbre'.*number"):
        load_training(parse_data({"source": "digits"}), 0, wanted=Wanted("images", "numbre"))


def test_labels_for_every_pixel_are_no_classes(tmp_path: Path) -> None:
    with taking_back():
        plugin(tmp_path, MASKS)
        for target in ("class", "number", "tags"):
            with pytest.raises(PluginError, match=r"labels \(60, 4, 4\), and an array \(N,.*\).* is wanted"):
                load_training(parse_data({"source": "squares"}), 0, wanted=Wanted("images", target))


def test_other_examples_are_targets_as_a_network_learned_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", x=np.arange(640).reshape(40, 4, 4).astype(np.uint8), y=np.arange(40) % 2 + 3)
    np.savez(tmp_path / "other.npz", x=np.zeros((2, 4, 4), np.uint8), y=np.array([4, 3]))
    settings = parse_data({"source": "npz", "path": str(tmp_path / "train.npz")})
    data = load_training(settings, 0)
    other = load_other(settings, tmp_path / "other.npz", data.labels, Wanted(), data.fields)
    assert other.targets.tolist() == [1, 0]
