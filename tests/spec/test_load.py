"""Spec files as people write them, and as they should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_cli.errors import SpecError, UserError
from nas_cli.spec.load import load_document, parse_document
from nas_cli.spec.schema import check_spec
from nas_cli.units import parse_duration

GOOD = "task: image-classification\ndata: {source: digits}\nspace: cnn\n"


def check_file(path: Path, overrides: tuple[str, ...]) -> None:
    document = load_document(path, overrides)
    try:
        check_spec(document.data)
    except SpecError as error:
        raise document.locate(error) from None


def answer(text: str, *overrides: str, tmp_path: Path) -> str:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        check_file(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path), "spec.yaml")


BOMB = "a: &a [1,2,3,4,5,6,7,8,9,0]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)
)
WRONG = {
    "a list": ("- a\n", "spec.yaml:1:1: a spec is a mapping such as 'task: …', not a list"),
    "a word": ("hello", "not a single value"),
    "nothing": ("# only a comment\n", "the file is empty"),
    "no YAML": ("task: [1, 2", "spec.yaml:1:12: no valid YAML"),
    "a tab": ("task: x\n\tdata: y\n", "no valid YAML"),
    "a key twice": ("task: x\ntask: y\n", "spec.yaml:2:1: the key 'task' stands twice"),
    "a tag": ("task: !!python/object/apply:os.system [ls]\n", "the tag !!python/object/apply:os.system is not allowed"),
    "an own tag": ("task: !secret x\n", "the tag !secret is not allowed"),
    "a bomb": (BOMB, "more than 30,000 values"),
    "a loop": ("a: &a [*a]\n", "does an alias contain itself"),
    "two documents": ("a: 1\n---\nb: 2\n", "no valid YAML"),
    "a control character": ("task: \x07\n", "no readable text"),
    "an unknown section": (GOOD + "serch: {}\n", "spec.yaml:4:1: a spec has no 'serch'; did you mean 'search'?"),
    "an unknown key": (
        GOOD + "search: {stop: {tials: 3}}\n",
        "spec.yaml:4:17: search.stop has no 'tials'; did you mean 'trials'?",
    ),
    "a fraction": (
        GOOD + "search: {stop: {trials: 2.5}}\n",
        "spec.yaml:4:25: trials takes a whole number from 1 to",
    ),
    "zero": (GOOD + "final: {seeds: 0}\n", "spec.yaml:4:16: seeds takes a whole number from 1 to 10,000; got 0"),
    "a text": (GOOD + "seed: yes\n", "spec.yaml:4:7: seed takes a whole number from 0 to 9,223,372"),
    "a time": (GOOD + "search: {stop: {time: 10 minutes}}\n", "time takes a duration such as 90s, 10m or 1h30m"),
    "a device": (GOOD + "hardware: {device: gpu}\n", "device takes one of"),
    "a name": (GOOD + "name: a/b\n", "name takes letters"),
    "no space": ("task: x\ndata: {source: digits}\n", "a spec needs a search space"),
    "two spaces": (GOOD + "model: [relu]\n", "model and space exclude each other"),
    "no data": ("task: x\nspace: cnn\n", "a spec needs data"),
    "data that is a list": ("task: x\nspace: cnn\ndata: []\n", "spec.yaml:3:7: data takes a mapping; got []"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_a_wrong_spec_is_answered(case: tuple[str, str], tmp_path: Path) -> None:
    assert case[1] in answer(case[0], tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("search.stop.trials=x", "--set search.stop.trials=x: trials takes a whole number from 1"),
        ("search.stop.trails=3", "--set search.stop.trails=3: search.stop has no 'trails'; did you mean 'trials'?"),
        ("search", "a key and a value are expected"),
        ("=3", "a key and a value are expected"),
        ("seed.a=3", "seed"),
    ],
)
def test_a_wrong_override_is_answered(override: str, expected: str, tmp_path: Path) -> None:
    assert expected in answer(GOOD + "seed: 3\n", override, tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("overrides", "where", "place"),
    [
        (["train.augment=[flip, flipp]"], (1,), "--set train.augment=[flip, flipp]"),
        (["train.augment=[flipp]", "train.augment=[a]"], (0,), "--set train.augment=[a]"),
        (["train.augment.0=flipp"], (0,), "--set train.augment.0=flipp"),
        (["train.augment.1=crop", "train={augment: [flipp]}"], (1,), "--set train={augment: [flipp]}"),
        (["train.augment.1=flipp", "train.epochs=3"], (1,), "--set train.augment.1=flipp"),
        (["train.augment.0=flip"], (1, 0), "spec.yaml:1:26"),
    ],
)
def test_what_is_overridden_has_no_place_in_the_file(
    overrides: list[str], where: tuple[int, ...], place: str, tmp_path: Path
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("train: {augment: [crop, [flipp]]}\n")
    assert load_document(path, overrides).place(("train", "augment", *where)).endswith(place)


def test_overrides_reach_lists_and_new_sections(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("task: x\ndata: {source: digits}\nmodel:\n  - conv: {channels: 4}\n")
    data = load_document(path, ["model.0.conv.channels={choice: [1, 2]}", "search.stop.time=90s", "final.top=1"]).data
    assert data["model"][0]["conv"]["channels"] == {"choice": [1, 2]}
    spec = check_spec(data)
    assert (spec.search.stop.time, spec.final.top) == (90.0, 1)


def test_files_that_are_no_spec(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"a: 1\n" * 2_100_000)
    (tmp_path / "binary.yaml").write_bytes(b"\x93NUMPY\xff\xfe\x00")
    for name, expected in {
        "large.yaml": "more than 1,000,000 bytes",
        "binary.yaml": "byte 0 is not UTF-8",
        "missing.yaml": "there is no file",
        ".": "is a folder",
        "no/such/folder.yaml": "and no folder",
    }.items():
        with pytest.raises(UserError, match=expected):
            load_document(tmp_path / name)


def test_plain_texts_mean_what_they_look_like() -> None:
    data = parse_document("a: 1e-3\nb: 200_000\nc: no\nd: 1:30\ne: .5\nf: ~\ng: true\nh: 0o7\ni: 08\nj: -2\n", "s").data
    assert data == {
        "a": 0.001,
        "b": 200_000,
        "c": "no",
        "d": "1:30",
        "e": 0.5,
        "f": None,
        "g": True,
        "h": "0o7",
        "i": 8,
        "j": -2,
    }


def test_aliases_and_merges_repeat_the_text() -> None:
    data = parse_document("a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\n", "s").data
    assert data["b"] == {"x": 1, "y": 2}
    assert data["c"] == {"x": 1, "y": 3}
    data["b"]["x"] = 9
    assert data["a"]["x"] == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), (5, 5), ("1.5m", 90), ("1d", 86400)]
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10", "10x", -1, 0, True, None, "0s"])
def test_wrong_durations(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
