"""The `data:` section: what is wrong in it is said with its place, before any file is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas_cli.data import SOURCES, parse_data, source_params
from nas_cli.errors import SpecError


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ([], (), "data takes a mapping"),
        (
            {},
            (),
            "data needs source, the format of the data; allowed: conll, csv, digits, idx, image-folder, image-masks, "
            "image-table, npz, text",
        ),
        ({"source": "digit"}, ("source",), "unknown source 'digit'; did you mean 'digits'?"),
        ({"source": 3}, ("source",), "unknown source 3"),
        ({"source": None}, ("source",), "unknown source nothing"),
        ({"source": "idx"}, ("source",), "source idx needs path"),
        ({"source": "digits", "vaildation": 0.1}, ("vaildation",), "did you mean 'validation'?"),
        ({"source": "digits", "path": "x"}, ("path",), "data has no 'path' for source digits"),
        ({"source": "digits", 7: "x"}, ("7",), "data has no '7' for source digits"),
        ({"source": "digits", "validation": 0.0}, ("validation",), "from 0.001 to 0.9"),
        ({"source": "digits", "validation": 1}, ("validation",), "from 0.001 to 0.9"),
        ({"source": "digits", "validation": True}, ("validation",), "got true"),
        ({"source": "digits", "validation": {"choice": [0.1, 0.2]}}, ("validation",), "got a mapping {choice}"),
        ({"source": "digits", "test": "my/test"}, ("test",), "source digits reads no files"),
        ({"source": "idx", "path": 3}, ("path",), "path takes a path; got 3"),
        ({"source": "idx", "path": ""}, ("path",), "not an empty text"),
        ({"source": "idx", "path": "x", "test": ""}, ("test",), "not an empty text"),
        ({"source": "idx", "path": "x", "labels": "cat"}, ("labels",), "labels takes a list"),
        ({"source": "npz", "path": "x", "layout": "NHCW"}, ("layout",), "NHWC"),
        ({"source": "image-folder", "path": "x", "size": 0}, ("size",), "from 1 to 1,000,000"),
        ({"source": "image-folder", "path": "x", "size": [32]}, ("size",), "size takes"),
        ({"source": "image-folder", "path": "x", "color": "gray"}, ("color",), "did you mean 'grey'?"),
        ({"source": "image-folder", "path": "x", "fit": "squash"}, ("fit",), "stretch, crop, pad"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(raw: Any, path: tuple[str, ...], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_data(raw)
    assert caught.value.path == path
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_defaults_are_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = parse_data({"source": "image-folder", "path": "my-images", "size": [32, 48], "validation": "held"})
    assert settings.written_out() == {
        "source": "image-folder",
        "path": str(tmp_path / "my-images"),
        "size": [32, 48],
        "color": "auto",
        "fit": "stretch",
        "levels": "auto",
        "cache_above": 4_000_000_000,
        "validation": str(tmp_path / "held"),
        "test": "auto",
    }


def test_a_home_directory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    assert parse_data({"source": "idx", "path": "~/mnist"}).arguments["path"] == Path("/somebody/mnist")


@pytest.mark.parametrize("source", list(SOURCES))
def test_every_source_says_what_it_is(source: str) -> None:
    assert SOURCES.describe(source).endswith((".", ":")) or len(SOURCES.describe(source)) > 20
    assert not {"source", "validation", "test"} & {p.name for p in SOURCES.params(source)}
    assert [p.name for p in source_params(source)][-2:] == ["validation", "test"]
