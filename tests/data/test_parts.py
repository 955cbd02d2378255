"""A part is known by whole words of a name, in any case."""

from __future__ import annotations

import pytest

from nas_cli.data.formats.parts import is_only_a_part, part_of


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("seg_train", "train"),
        ("train2017", "train"),
        ("trainData", "train"),
        ("train.csv.gz", "train"),
        ("VAL", "validation"),
        ("Validation set", "validation"),
        ("de-ud-dev.conllu", "validation"),
        ("eng.testa", "validation"),
        ("Test", "test"),
        ("testing", "test"),
        ("eng.testb", "test"),
        ("restaurants.csv", None),
        ("latest.csv", None),
        ("strain.csv", None),
        ("devices", None),
        ("contest", None),
        ("values.csv", None),
        ("retraining", None),
        ("train-test", None),
        ("trainé", None),
        ("", None),
    ],
)
def test_the_part_of_a_name(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    ("name", "only"),
    [("train", True), ("Training Set", True), ("test_images", True), ("seg_train", False), ("train station", False)],
)
def test_a_name_that_is_nothing_but_a_part(name: str, only: bool) -> None:
    assert is_only_a_part(name) is only
