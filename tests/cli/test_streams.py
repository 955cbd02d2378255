"""What is printed reaches any stream, and a stream that takes nothing ends no work."""

from __future__ import annotations

import io
import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import NAS, environment
from rich.table import Table
from rich.text import Text

from nas_cli.cli import output
from nas_cli.cli.output import SafeConsole, console, draw, fail, json_escaped, print_json, say
from nas_cli.cli.streams import steady
from nas_cli.cli.tables import table
from nas_cli.words import printable, shell

SPEC = """\
name: tiny
task: image-classification
data: {source: digits}
model: [{conv: {channels: 2, stride: 2}}, relu]
train: {epochs: 1, batch_size: 512}
search: {strategy: random, stop: {trials: 1}}
final: {top: 1, seeds: 1}
hardware: {workers: 0, precision: float32, layout: channels-first}
"""
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\x7f\r\b"


def run(words: list[str], cwd: Path, redirect: str = "", **more: str) -> subprocess.CompletedProcess[bytes]:
    """`nas` in a shell, its streams led where `redirect` says."""
    command = f"{shlex.join([*NAS, *words])} {redirect}"
    return subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, env=environment(**more), timeout=120)


def quiet(stderr: bytes) -> None:
    for word in (b"this is a bug", b"Traceback", b"Exception ignored"):
        assert word not in stderr, stderr


@pytest.mark.parametrize(
    ("redirect", "code", "complaint"),
    [
        (">&-", 0, b""),
        (">/dev/full", 1, b"could be written: No space left on device"),
        ("| head -c 1", 0, b""),
        (">&- 2>&- <&-", 0, b""),
        ("2>/dev/full >/dev/full", 1, b""),
    ],
)
@pytest.mark.parametrize("words", [["plan", "--help"], ["--version"]])
def test_streams_that_take_nothing(
    tmp_path: Path, words: list[str], redirect: str, code: int, complaint: bytes
) -> None:
    done = run(words, tmp_path, redirect)
    quiet(done.stderr)
    assert done.returncode == code
    assert complaint in done.stderr


@pytest.mark.parametrize("redirect", [">/dev/full 2>/dev/full", "| head -n 1"])
def test_a_search_comes_to_its_end(tmp_path: Path, redirect: str) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    done = run(["search", "s.yaml"], tmp_path, redirect)
    quiet(done.stderr)
    (made,) = (tmp_path / "runs").glob("tiny-*")
    lines = (made / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines][-1] == "run_finished"
    assert (made / "report.html").exists()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_streams_without_utf8(tmp_path: Path, encoding: str) -> None:
    with (tmp_path / "out").open("w", encoding=encoding) as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", steady(file, file.fileno()))
        say("8×8, µ ± 1 … größe 表 \ud800")
        console().print(Table("×", "表"))
        print_json({"größe 表": "\ud800"})
        sys.stdout.flush()
    text = (tmp_path / "out").read_text(encoding=encoding)
    assert "8x8" in text or "8×8" in text
    assert "表" in text or "\\u8868" in text
    assert json.loads(text[text.index("{") :]) == {"größe 表": "\ud800"}


def test_a_process_without_utf8(tmp_path: Path) -> None:
    done = run(["show", "ops", "conv"], tmp_path, PYTHONIOENCODING="latin-1")
    quiet(done.stderr)
    assert done.returncode == 0
    assert b"kernel" in done.stdout


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_the_locale_of_a_bare_machine(tmp_path: Path, locale: dict[str, str]) -> None:
    (tmp_path / "größe\udcff.yaml").write_text("task: [")
    done = subprocess.run(
        [*NAS, "plan", b"gr\xc3\xb6\xc3\x9fe\xff.yaml"],
        cwd=tmp_path,
        capture_output=True,
        env=environment(**locale),
    )
    quiet(done.stderr)
    assert done.returncode == 2
    assert b".yaml" in done.stderr


@pytest.mark.parametrize("columns", ["0", "1", "20", "²", "-5", "x", "99999999999999999999", ""])
def test_any_width(nas: Any, tmp_path: Path, columns: str) -> None:
    done = nas("show", "ops", cwd=tmp_path, COLUMNS=columns, LINES=columns)
    assert done.returncode == 0
    assert "affine" in done.stdout
    assert "upsample" in done.stdout


def test_nothing_acts_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    file = io.StringIO()
    target = SafeConsole(file=file, width=200, force_terminal=True, color_system=None, markup=False)
    made = Table()
    made.add_column(ESCAPES)
    made.add_row(Text(ESCAPES))
    made.add_row(ESCAPES)
    target.print(made)
    target.print(Text(ESCAPES, style="bold"), ESCAPES)
    printed = file.getvalue()
    assert printable(printed, lines=True) == printed
    assert printed.count("\\x1b]0;owned") == 5
    say(ESCAPES)
    say("a\nkept: trial 4")
    fail(ESCAPES)
    print_json({ESCAPES: [ESCAPES, "\ud800", "\u2028", "\U000e0001", "é"]})
    out, err = capsys.readouterr()
    assert printable(out, lines=True) == out
    assert printable(err, lines=True) == err
    assert "\nkept" not in out
    read = json.loads(out[out.index("{") :])
    assert read == {ESCAPES: [ESCAPES, "\ud800", "\u2028", "\U000e0001", "é"]}


def test_a_document_keeps_its_values() -> None:
    content = {"a": ESCAPES, "b": ["\u200d", "\n\t", '"\\', "\U0001f600"]}
    assert json.loads(json_escaped(json.dumps(content, ensure_ascii=False, indent=1))) == content


def test_wrong_words_are_printed_safely(nas: Any, tmp_path: Path) -> None:
    for words in (
        ["\x1b[2J"],
        ["search", "--\x1b[2J"],
        ["export", "--format", "\x1b[2J"],
        ["show", "run", "\x1b[2J\n"],
    ):
        done = nas(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
        assert "\\x1b[2J" in done.stderr


def test_commands_that_can_be_copied() -> None:
    assert shell("nas", "plan", Path("my data.yaml")) == "nas plan 'my data.yaml'"
    assert shell("nas", "plan", Path("-x.yaml")) == "nas plan ./-x.yaml"
    assert shell("nas", "plan", Path("~/x")) == "nas plan '~/x'"
    assert shlex.split(shell("nas", "export", Path("$(touch x)"), "--format", "onnx"))[2] == "$(touch x)"


def test_the_home_folder(nas: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "s.yaml").write_text(SPEC)
    done = nas("init", "--out=~/x.yaml", cwd=tmp_path, HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert (home / "x.yaml").exists()
    done = nas("search", "--resume=~/runs/x", cwd=tmp_path, HOME=str(home))
    assert f"there is no run directory {home}/runs/x" in done.stderr
    for words in (["search", "s.yaml", "--out=~no-such-user/runs"], ["plan", "~no-such-user/s.yaml"]):
        done = nas(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "~no-such-user" in done.stderr
    assert not list(tmp_path.glob("~*"))


INTERRUPTED_AT = ["typer", "nas_cli.cli.streams", "nas_cli.cli.command", "nas_cli.describe.catalog", "rich.console"]


@pytest.mark.parametrize("module", INTERRUPTED_AT)
def test_an_interruption_while_a_module_is_read(tmp_path: Path, module: str) -> None:
    code = (
        "import sys, signal, os\n"
        "class Now:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Now())\n"
        "from nas_cli.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "space", "cnn"], cwd=tmp_path, capture_output=True, env=environment()
    )
    assert (done.returncode, done.stderr, done.stdout) == (130, b"error: interrupted\n", b"")


def test_an_interruption_as_python_ends(tmp_path: Path) -> None:
    code = (
        "import atexit, os, signal\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "from nas_cli.cli.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "--version"], cwd=tmp_path, capture_output=True)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == b""


def test_the_console_asks_the_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width == output.PIPE_WIDTH
    monkeypatch.setenv("COLUMNS", "72")
    assert console().width == 72


@pytest.mark.parametrize("columns", ["1", "20", "40", "200"])
def test_no_figure_is_cut(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    names = tuple(f"column {place}" for place in range(8))
    made = table(*names, right=names)
    made.add_row(*(f"{place}234567.890123" for place in range(8)))
    draw(made)
    printed = capsys.readouterr().out
    assert all(f"{place}234567.890123" in printed for place in range(8))
    assert "…" not in printed
