"""Words of the command line that are no paths, no keys or nothing at all, and standard output of every kind."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer

from nas_cli.cli.command import guarded
from nas_cli.cli.output import DataOut
from nas_cli.deliver.predictions import stream_predictions

TABLE = "a,b,target\n" + "".join(f"{k},{k % 7},{'xy'[k % 2]}\n" for k in range(40))
SPEC = "task: table-classification\ndata: {source: csv, path: t.csv}\nmodel: [features]\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "s.yaml").write_text(SPEC)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


EMPTY: list[tuple[str, ...]] = [
    ("plan", ""),
    ("search", ""),
    ("search", "s.yaml", "--out", ""),
    ("search", "--resume="),
    ("show", "run", ""),
    ("evaluate", ""),
    ("evaluate", "--data", ""),
    ("export", "--output", ""),
    ("predict", "x", "--out", ""),
    ("init", ""),
    ("init", "table-classification", ""),
    ("init", "table-classification", "t.csv", "--out", ""),
]


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_an_empty_word_is_not_the_folder_of_this_moment(nas: Any, here: Path, words: tuple[str, ...]) -> None:
    before = sorted(here.iterdir())
    done = nas(*words, cwd=here)
    assert done.returncode == 2
    assert "it takes a path, not an empty text" in done.stderr
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("words", [*EMPTY[:3], EMPTY[4], *EMPTY[7:]], ids=" ".join)
def test_a_word_that_no_file_system_takes(nas: Any, here: Path, words: tuple[str, ...]) -> None:
    for word, rule in {"n" * 300: "255 in a name", "d/" * 3000: "at most 4,096 bytes"}.items():
        done = nas(*(word if each == "" else each for each in words), cwd=here)
        assert done.returncode == 2
        assert rule in done.stderr
        assert len(done.stderr) < 300


PLACES = [
    (("search", "s.yaml", "--out", "t.csv"), "t.csv is no folder"),
    (("search", "s.yaml", "--out", "t.csv/runs"), "t.csv is no folder"),
    (("search", "s.yaml", "--out", "dangling/runs"), "dangling is no folder"),
    (("init", "table-classification", "t.csv", "--out", "t.csv/x.yaml"), "t.csv is no folder"),
    (("init", "table-classification", "t.csv", "--out", "."), "is a folder; name a file"),
    (("init", "table-classification", "t.csv", "--out", "dangling"), "dangling is there already"),
    (("init", "table-classification", "t.csv", "--out", "/dev/null"), "/dev/null is there already"),
    (("init", "pipe"), "pipe is no data that can be read"),
    (("init", "table-classification", "pipe"), "pipe"),
    (("show", "space", "pipe"), "is a device or a pipe"),
]


@pytest.mark.parametrize(("words", "said"), PLACES, ids=[" ".join(words) for words, _ in PLACES])
def test_a_place_that_cannot_be_is_named(nas: Any, here: Path, words: tuple[str, ...], said: str) -> None:
    (here / "dangling").symlink_to("nowhere")
    done = nas(*words, cwd=here)
    assert done.returncode == 2
    assert said in done.stderr
    assert (here / "dangling").is_symlink()
    assert not (here / "nowhere").exists()


def test_a_spec_from_a_pipe_is_shown_whole(nas: Any, here: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, SPEC.encode())
    os.close(writing)
    done = nas("show", "space", f"/dev/fd/{reading}", cwd=here)
    os.close(reading)
    assert done.stdout.startswith(SPEC)


ANSWERS = [
    {"input": "a\x1b[2J.png", "file": "a\x1b[2J.png", "label": "→\u202e×\x7f", "probability": 0.5, "text": ""},
    {"input": "b\udcff", "file": "b\udcff", "label": "é", "probability": 0.5, "text": ""},
]


def streamed(monkeypatch: pytest.MonkeyPatch, form: Any, encoding: str, terminal: bool) -> str:
    """What comes out where stdout has `encoding`."""

    class Stdout(io.TextIOWrapper):
        def isatty(self) -> bool:
            return terminal

    out = Stdout(io.BytesIO(), encoding)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", out)
        stream_predictions(DataOut(form), ANSWERS, form)
    out.flush()
    content: bytes = out.buffer.getvalue()  # type: ignore[attr-defined]
    return content.decode(encoding)


@pytest.fixture(params=["utf-8", "ascii", "latin-1"])
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("terminal", [False, True])
def test_json_lines_keep_their_values(monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: bool) -> None:
    text = streamed(monkeypatch, "jsonl", encoding, terminal)
    wanted = [{key: value for key, value in answer.items() if key != "text"} for answer in ANSWERS]
    assert [json.loads(line) for line in text.splitlines()] == wanted
    assert not {"\x1b", "\x7f", "\u202e"} & set(text)


def test_csv_never_holds_a_letter_that_looks_alike(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    text = streamed(monkeypatch, "csv", encoding, False)
    assert "\x1b[2J" in text  # for programs, as it is
    assert "\\udcff" in text
    arrow, accent = {"utf-8": "→é", "latin-1": ("\\u2192", "é"), "ascii": ("\\u2192", "\\xe9")}[encoding]
    assert arrow in text
    assert accent in text


def test_csv_on_a_terminal_does_not_act_on_it(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    text = streamed(monkeypatch, "csv", encoding, True)
    assert not {"\x1b", "\x7f", "\u202e"} & set(text)
    assert "a\\x1b[2J.png" in text
    assert len(text.splitlines()) == 3


def test_a_folder_that_is_no_utf8(nas: Any, tmp_path: Path) -> None:
    """Runs may lie there, with all that follows; data may not, since the spec of a run names it."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "t.csv").write_text(TABLE)
    (folder / "s.yaml").write_text(SPEC)
    quick = "{task: image-classification, data: {source: digits}, model: [{global_pool: avg}], train: {epochs: 1}, "
    quick += "search: {stop: {trials: 1}}, final: {seeds: 1}, hardware: {workers: 0}}"
    (tmp_path / "quick.yaml").write_text(quick)
    done = nas("search", "quick.yaml", "--out", folder / "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (folder / "runs").glob("quick-*")
    for words in (["evaluate"], ["export"], ["export", "--format", "torch"], ["show", "run"]):
        done = nas(*words, run, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for words in (["plan", "s.yaml"], ["search", "s.yaml"], ["init", "table-classification", folder / "t.csv"]):
        done = nas(*words, cwd=folder)
        assert done.returncode == 2
        assert "is no UTF-8, and a spec is: rename the folder or file" in done.stderr
    assert not list(folder.glob("runs/s-*"))
    assert not (folder / "t.yaml").exists()


def test_a_folder_that_was_deleted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def gone() -> str:
        raise FileNotFoundError

    with monkeypatch.context() as patch:
        patch.setattr("os.getcwd", gone)
        with pytest.raises(typer.Exit) as caught:
            guarded(lambda: None)()
    assert caught.value.exit_code == 2
    assert "the folder that you are in is not there any more" in capsys.readouterr().err
