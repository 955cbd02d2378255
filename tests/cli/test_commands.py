"""What every command does with right and wrong words: exit codes, one clear sentence, nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GOOD = """\
task: image-classification
data: {source: digits}
model:
  - conv: {channels: {choice: [4, 8]}, kernel: 3}
  - global_pool: avg
train: {epochs: 1}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
"""

SHORT = "task: image-classification\ndata: {source: digits}\n"


def refused(done: Any, *words: str) -> None:
    """Exit code 2 and one sentence on stderr that has all of `words`."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr, done.stderr


def test_help_names_every_command(nas_process: Any, tmp_path: Path) -> None:
    done = nas_process("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("search", "evaluate", "export", "predict", "plan", "show", "init"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [["search", "--help"], ["show", "--help"], ["init", "--help"], ["--version"]])
def test_words_come_without_torch(nas_process: Any, tmp_path: Path, arguments: list[str]) -> None:
    blocker = tmp_path / "torch.py"
    blocker.write_text("raise ImportError('torch was imported')\n")
    done = nas_process(*arguments, cwd=tmp_path, PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["serch"],
        ["search", "a.yaml", "--oot", "x"],
        ["export", "--format", "tflite"],
        ["show"],
        ["predict"],
        ["predict", ""],
        ["predict", "a.png", "--json", "--out", "a.csv"],
        ["predict", "a.png", "--format", "csv", "--out", "/dev/null", "--force"],
        ["init", "/dev/null"],
        [],
    ],
)
def test_unknown_words(nas: Any, tmp_path: Path, arguments: list[str]) -> None:
    done = nas(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


WRONG: list[tuple[str, str, list[str]]] = [
    ("an unknown key", GOOD + "serch: {}\n", ["spec.yaml:9:1", "did you mean 'search'?"]),
    ("an unknown op", GOOD.replace("conv:", "convv:"), ["spec.yaml:4:5", "did you mean 'conv'?"]),
    ("an unknown argument", GOOD.replace("kernel:", "kernal:"), ["spec.yaml:4", "did you mean 'kernel'?"]),
    ("an unknown metric", GOOD + "objective: {maximize: acuracy}\n", ["spec.yaml:9", "did you mean 'accuracy'?"]),
    ("an unknown strategy", GOOD.replace("random", "randem"), ["spec.yaml:7", "did you mean 'random'?"]),
    ("an unknown space", SHORT + "space: mobil\n", ["spec.yaml:3", "did you mean 'mobile'?"]),
    ("an unknown task", GOOD.replace("image-class", "imge-class"), ["spec.yaml:1:", "'image-classification'"]),
    ("an unknown source", GOOD.replace("digits", "digit"), ["spec.yaml:2", "did you mean 'digits'?"]),
    ("a wrong type", GOOD.replace("epochs: 1", "epochs: ten"), ["spec.yaml:6:17", "a whole number", "'ten'"]),
    ("a wrong range", GOOD.replace("epochs: 1", "epochs: 0"), ["spec.yaml:6:17", "from 1 to 1,000,000"]),
    ("a list", "- a\n- b\n", ["spec.yaml:1:1", "a list"]),
    ("nothing", "", ["empty"]),
    ("no YAML", "task: [\n", ["spec.yaml:2:1"]),
    ("a tag", "task: !!python/object:os.system x\n", ["spec.yaml:1:7", "tag"]),
    ("a missing path", GOOD.replace("{source: digits}", "{source: idx, path: nowhere}"), ["nowhere"]),
    ("an unsafe reward", GOOD + "objective: {reward: \"__import__('os')\"}\n", ["spec.yaml:9"]),
]


@pytest.mark.parametrize(("text", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_spec_is_one_sentence(nas: Any, tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "spec.yaml").write_text(text)
    refused(nas("search", "spec.yaml", cwd=tmp_path), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_files_that_are_no_spec(nas: Any, tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    refused(nas("search", "binary.yaml", cwd=tmp_path), "binary.yaml")
    (tmp_path / "large.yaml").write_text("a: b\n" * 2_500_000)
    refused(nas("search", "large.yaml", cwd=tmp_path), "more than 1,000,000 bytes")
    refused(nas("search", "missing.yaml", cwd=tmp_path), "there is no file missing.yaml")
    refused(nas("search", cwd=tmp_path), "takes a spec")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [("search.stop.trials=none", "--set search.stop.trials=none"), ("nothing", "--set nothing"), ("a.b=1", "no 'a'")],
)
def test_a_wrong_change(nas: Any, tmp_path: Path, change: str, word: str) -> None:
    (tmp_path / "spec.yaml").write_text(GOOD)
    refused(nas("search", "spec.yaml", "--set", change, cwd=tmp_path), word)


def test_no_run_to_go_on_with(nas: Any, tmp_path: Path) -> None:
    refused(nas("search", "--resume", "runs/x", cwd=tmp_path), "runs/x")
    refused(nas("search", "--resume", "latest", cwd=tmp_path), "no run under runs/")
    refused(nas("evaluate", cwd=tmp_path), "no run under runs/")
    refused(nas("export", cwd=tmp_path), "no run under runs/")
    refused(nas("show", "run", cwd=tmp_path), "no run under runs/")
    assert not list(tmp_path.iterdir())


def test_a_fault_of_ours_says_so(nas_process: Any, tmp_path: Path) -> None:
    (tmp_path / "nas_broken.py").write_text(
        "import nas_cli.describe.starter\ndef broken(*_): raise ZeroDivisionError('oh')\n"
        "nas_cli.describe.starter.survey = broken\n"
    )
    (tmp_path / "sitecustomize.py").write_text("import nas_broken\n")
    paths = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = nas_process("init", cwd=tmp_path, PYTHONPATH=paths)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this is a bug in nas: ZeroDivisionError: oh")
    assert "Traceback" not in done.stderr
    for arguments, environment in ((["--debug", "init"], {}), (["init"], {"NAS_DEBUG": "1"})):
        done = nas_process(*arguments, cwd=tmp_path, PYTHONPATH=paths, **environment)
        assert done.returncode == 1
        assert "Traceback" in done.stderr


def test_ops(nas: Any, tmp_path: Path) -> None:
    done = nas("show", "ops", "--json", cwd=tmp_path)
    ops = {op["name"]: op for op in json.loads(done.stdout)}
    assert {"conv", "mbconv", "zero", "global_pool"} <= set(ops)
    assert all(op["summary"] for op in ops.values())
    channels, kernel = ops["conv"]["arguments"][:2]
    assert channels["required"]
    assert kernel["default"] == 3
    assert "whole number" in kernel["type"]
    table = nas("show", "ops", cwd=tmp_path, COLUMNS="80")
    assert "mbconv" in table.stdout
    refused(nas("show", "ops", "convv", cwd=tmp_path), "did you mean 'conv'?")


def test_spaces(nas: Any, tmp_path: Path) -> None:
    done = nas("show", "space", "cnn", cwd=tmp_path)
    assert "times: $stages" in done.stdout
    assert "let.stages" in done.stdout
    (tmp_path / "spec.yaml").write_text(GOOD)
    facts = json.loads(nas("show", "space", "spec.yaml", "--json", cwd=tmp_path).stdout)
    assert (facts["size"], facts["networks"]) == (2, 2)
    assert facts["decisions"] == [{"path": "model[0].conv.channels", "values": "4, 8", "conditional": False}]
    assert "nasbench201" in nas("show", "space", cwd=tmp_path).stdout
    refused(nas("show", "space", "resnets", cwd=tmp_path), "did you mean 'resnet'?")
