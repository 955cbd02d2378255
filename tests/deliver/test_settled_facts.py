"""What a source settled is a mapping among the facts of a network, and the only one."""

from __future__ import annotations

from typing import Any

import pytest

from nas_cli.deliver.load import WHOLE

STORED = {
    "name": "n",
    "task": "image-classification",
    "labels": ["a", "b"],
    "input": {"shape": [1, 8, 8], "dtype": "uint8"},
    "model": [],
}


@pytest.mark.parametrize(
    ("facts", "whole"),
    [
        ({"labels": 2, "settled": {"image": "file", "target": ["label"]}}, True),
        ({"labels": 2, "settled": {"classes": {"a": [0, 0, 0]}, "ignore": "none"}}, True),
        ({"labels": 2}, True),
        ({"labels": {}}, False),
        ({"levels": {"low": 0}}, False),
        ([], False),
        ("settled", False),
    ],
)
def test_only_what_was_settled_is_a_mapping(facts: Any, whole: bool) -> None:
    assert WHOLE({**STORED, "facts": facts}) is whole
