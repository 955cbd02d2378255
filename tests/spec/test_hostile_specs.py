"""Specs that nobody means: each is answered with its place, in time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fuzz import harness

from nas_cli.errors import SpecError, UserError
from nas_cli.run.compose import compose
from nas_cli.spec.load import load_document, parse_document

START = "task: image-classification\ndata: {source: digits}\n"
MODEL = START + "model: [{conv: 4}, {global_pool: avg}]\n"


def answer(text: str) -> str:
    """What is said of a spec; "" where it is right."""
    with harness.limited():
        try:
            compose(parse_document(text, "s.yaml"), "plugins are not imported here")
        except SpecError as error:
            return str(error)
    return ""


DIGITS = "1" + "0" * 309
ENTRIES = {
    # A mapping or a list where a word or a number is expected.
    "hardware: {workers: {choice: [2, 4]}}": "s.yaml:4:21: workers takes auto or a whole number from 0 to 1,024; got",
    "hardware: {workers: {int: [2, 4]}}": "s.yaml:4:21: workers takes auto or a whole number from 0 to 1,024; got",
    "search: {limits: {memory: {max: 4GB}}}": "s.yaml:4:27: memory takes auto or a size such as 500MB or 2GB; got a",
    "search: {limits: [1]}": "s.yaml:4:18: limits takes a mapping; got [1]",
    "search: {strategy: [evolution]}": "s.yaml:4:20: strategy takes a text or a mapping; got",
    "search: {strategy: {evolution: {population: {int: [1, 3]}}}}": "s.yaml:4:45: population takes a whole",
    "final: {front: {choice: [knee]}}": "s.yaml:4:16: front takes one of knee, all; got a mapping",
    "objective: {maximize: {choice: [accuracy]}}": "s.yaml:4:23: unknown metric",
    "plugins: {a: b}": "s.yaml:4:10: plugins takes a list; got a mapping {a}",
    "name: [x]": "s.yaml:4:7: name takes letters, digits, '.', '_' and '-'",
    # Numbers out of range.
    "hardware: {threads: 10000000000}": "s.yaml:4:21: threads takes a whole number from 1 to 1,024; got 1000",
    "hardware: {latency: {batch_size: 1000000000}}": "s.yaml:4:34: batch_size takes a whole number from 1 to 65,536",
    "hardware: {latency: {threads: 5000}}": "threads takes a whole number from 1 to 1,024",
    "train: {epochs: 1000000000}": "s.yaml:4:17: epochs takes a whole number from 1 to 1,000,000; got 1000000000",
    "train: {batch_size: {int: [1, 100000000000000000000]}}": "s.yaml:4:27: int takes two whole numbers",
    "train: {ema: {float: [0, 0.9], step: 1.0e-200}}": "s.yaml:4:38: a range has at most 1,000,000,000,000 values",
    "train: {clip: {float: [0, 1e400]}}": "s.yaml:4:23: float takes two numbers, [low, high], each a finite number",
    "train: {clip: .nan}": "s.yaml:4:15: clip takes a finite number of at least 0; got nan",
    "search: {stop: {target: .nan}}": "s.yaml:4:25: target takes a finite number; got nan",
    "search: {stop: {target: true}}": "s.yaml:4:25: target takes a number; got true",
    "search: {stop: {trials: true}}": "trials takes a whole number from 1 to 1,000,000,000; got true",
    "search: {stop: {time: 1e400}}": "time takes a finite number; got inf",
    "search: {stop: {time: 99999d}}": "time takes a duration above 0 and of less than 10,000 days",
    "search: {strategy: {evolution: {sample: 1000000000000}}}": "sample takes a whole number from 1 to 10,000",
    "search: {strategy: {reinforce: {learning_rate: 1.0e+300}}}": "learning_rate takes a number from 0 to 10",
    "final: {seeds: 1000000000}": "seeds takes a whole number from 1 to 10,000; got 1000000000",
    f"objective: {{constraints: {{params: {{max: {DIGITS}}}}}}}": "s.yaml:4:41: max takes a finite number; got 1000",
    f"objective: {{constraints: {{params: {{min: -{DIGITS}}}}}}}": "min takes a finite number; got -1000",
    f"train: {{clip: {DIGITS}}}": "clip takes a finite number of at least 0; got 1000",
    "objective: {reward: 'accuracy * ²'}": "column 12 of the reward",
    # A word that is nearly right, and an item of a list.
    "hardware: {device: cudda}": "device takes one of auto, cpu, cuda, mps; did you mean 'cuda'?; got 'cudda'",
    "final: {front: knees}": "s.yaml:4:16: front takes one of knee, all; did you mean 'knee'?; got 'knees'",
    "hardware: {workers: outo}": "takes auto or a whole number from 0 to 1,024; did you mean 'auto'?; got 'outo'",
    "objective: [{maximize: accuracy}, 3]": "s.yaml:4:35: objective[1] takes a mapping; got 3",
    "plugins: [a.py, 3]": "s.yaml:4:17: plugins[1] takes a path; got 3",
    "search: {stop: {trials: {int: [1, 3]}}}": "got a mapping {int}; what is searched stands under model: and train:",
    # Texts and paths that nothing takes.
    'let: {"\\ud800": 1}': "s.yaml:4:7: '\\ud800' holds half of a pair of surrogates, which is no character",
    'name: "a\\udfff"': "s.yaml:4:7: 'a\\udfff' holds half of a pair",
    '"a\\e[2J": 1': "s.yaml:4:1: a spec has no 'a\\x1b[2J'",
    "plugins: [~nosuchuser/x.py]": "s.yaml:4:11: plugins[0] takes a path; ~nosuchuser is a user's folder",
    'plugins: ["a\\0b"]': "plugins[0] takes a path without a NUL character",
    f"plugins: [{'a' * 300}]": "plugins[0] takes a path of at most 4,096 bytes, and 255 in a name",
    # YAML.
    "let: &x {<<: *x}": "nested more than 100 deep; does an alias contain itself?",
    "let: &x {a: {<<: [*x, *x]}}": "does an alias contain itself?",
    "seed: !!bool maybe": "s.yaml:4:7: 'maybe' is tagged as bool and is none",
    "seed: !!int 0x1F": "s.yaml:4:7: '0x1F' is tagged as int and is none",
    "seed: ٣": "s.yaml:4:7: seed takes a whole number from 0 to 9,223,372,036,854,775",
    "seed: 2026-01-01": "s.yaml:4:7: seed takes a whole number from 0 to 9,223",
    "seed: 1:30": "seed takes a whole number from 0 to 9,223,372,036,854,775,807; got '1:30'",
    "? [1, 2]\n: 3": "s.yaml:4:3: a key must be a text",
    "!!python/name:os.system seed: 1": "s.yaml:4:1: the tag !!python/name:os.system is not allowed in a spec",
    "let: {!x a: 1}": "s.yaml:4:7: the tag !x is not allowed in a spec",
    "objective: [" + "{minimize: macs}, " * 21 + "]": "a list of objectives has at most 20 entries; got 21",
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_wrong_entry_is_answered_with_its_place(entry: str) -> None:
    said = answer(MODEL + entry + "\n")
    assert ENTRIES[entry] in said
    assert said.startswith("s.yaml:")


def test_a_wrong_path_of_data_is_answered_with_its_place() -> None:
    for path, rule in {"~nosuchuser/x": "no such user", '"a\\0"': "NUL", "x" * 300: "255 in a name"}.items():
        for key in ("path", "validation"):
            more = ", path: x" if key == "validation" else ""
            said = answer(f"task: image-classification\ndata: {{source: idx, {key}: {path}{more}}}\nmodel: [relu]\n")
            assert rule in said
            assert said.startswith("s.yaml:2:")


RIGHT = {
    "a step of a trillionth": "train: {ema: {float: [0, 0.9], step: 1.0e-12}}",
    "many epochs in many brackets": "train: {epochs: 1000000}\nsearch: {schedule: {hyperband: {reduction: 2}}}",
    "a range of a million": "train: {batch_size: {int: [1, 1000000]}}\nsearch: {strategy: reinforce}",
    "as many trials as nobody trains": "search: {stop: {trials: 1000000000}}",
    "nested powers": "objective: {reward: 'accuracy * 9**9**9**9'}",
}


@pytest.mark.parametrize("name", RIGHT)
def test_large_things_are_right(name: str) -> None:
    assert answer(MODEL + RIGHT[name] + "\n") == ""


def test_files_that_end_never_or_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "long.yaml").write_text("a: [" + "b, " * 40_000 + "]", encoding="utf-8")
    (tmp_path / "utf16.yaml").write_bytes("task: x".encode("utf-16"))
    (tmp_path / "nul.yaml").write_bytes(b"task: \0")
    for path, words in {
        Path("/dev/zero"): "is a device or a pipe",
        tmp_path / "pipe.yaml": "is a device or a pipe",
        tmp_path / "long.yaml": "it holds more than 30,000 keys and values",
        tmp_path / "utf16.yaml": "byte 0 is not UTF-8",
        tmp_path / "nul.yaml": "no readable text",
        tmp_path / ("x" * 300): "cannot be read",
        tmp_path / "a\0b": "there is no file",
    }.items():
        with harness.limited(), pytest.raises(UserError, match=words):
            load_document(path)


def test_a_pipe_that_somebody_writes_into_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, MODEL.encode())
    os.close(writing)
    assert load_document(Path(f"/dev/fd/{reading}")).data["task"] == "image-classification"
    os.close(reading)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (".=5", "a key and a value are expected"),
        ("[]=5", "a key and a value are expected"),
        ("..[.]=", "a key and a value are expected"),
        ("model.²=5", "the list has the places 0 to 1; got '²'"),
        ("model.٣=5", "the list has the places"),
        ("model.99999999999999999999=5", "the list has the places"),
        ("model.-1=5", "the list has the places"),
        ("plugins.0=5", "the list is empty"),
        (".".join("a" * 200) + "=5", "nested more than 100 deep"),
        ("seed=\x1b[2J", "no readable text"),
        ("\udcff=1", "a key and a value are expected"),
        ("seed=1\rplugins: [x.py]", "no valid YAML"),
        ("seed=1\x85plugins: [x.py]", "no valid YAML"),
        ("seed=1\u2028plugins: [x.py]", "no valid YAML"),
        ("seed=1\n---\nplugins: [x.py]", "no valid YAML"),
        ("name=" + "x" * 5000 + ": y", "no valid YAML"),
    ],
)
def test_a_wrong_set_is_answered(change: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(MODEL + "plugins: []\nfinal: {top: 3}\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        compose(load_document(path, [change]))
    said = str(caught.value)
    assert said.startswith("--set ")
    assert len(said) < 400
    assert words in said


def data_of(section: str, changes: tuple[str, ...] = ()) -> dict[str, Any]:
    text = f"task: table-classification\ndata: {section}\nmodel: [features]\n"
    path = Path(os.environ["SPEC_FOLDER"]) / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return dict(compose(load_document(path, changes)).data.arguments)


def test_a_number_is_taken_as_its_text_where_a_text_is_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEC_FOLDER", str(tmp_path))
    assert data_of("{source: csv, path: t.csv, missing: [-999]}")["missing"] == ["-999"]
    spelled = data_of("{source: csv, path: t.csv, missing: [-9.990, 007, 1e3, null, true, NA, '?']}")
    assert spelled["missing"] == ["-9.990", "007", "1e3", "null", "true", "NA", "?"]
    assert data_of("{source: csv, path: t.csv, target: 3}")["target"] == "3"
    assert data_of("{source: csv, path: t.csv, target: 007}")["target"] == "007"
    assert data_of("{source: csv, path: t.csv, target: null}")["target"] is None
    changed = data_of("{source: csv, path: t.csv, missing: [007]}", ("data.missing=[1_0, -0]", "data.target=1.0"))
    assert (changed["missing"], changed["target"]) == (["1_0", "-0"], "1.0")
    with pytest.raises(SpecError, match="missing takes a list; got a mapping"):
        data_of("{source: csv, path: t.csv, missing: {a: 1}}")
    with pytest.raises(SpecError, match="validation takes"):
        data_of("{source: csv, path: t.csv, validation: 5}")
