"""A search that is ended by a signal: its exit code, its journal, and that nothing of it is left."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import NAS
from journals import recorded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PLUGIN = """
import os, time
from torch import nn
from nas_cli.plugins import op

class Starts(nn.Module):
    def forward(self, x):
        if x.device.type != "meta" and self.training:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.closerange(0, 64)
                    with open("started.tmp", "w") as file:
                        file.write(f"{os.getpid()} {worker}")
                    os.replace("started.tmp", "started")
                    time.sleep(600)
                os._exit(0)
            time.sleep(600)
        return x

@op("starts")
def starts(shape):
    "Starts a process in a session of its own, and waits."
    return Starts()

worker = os.getpid()
"""
SPEC = """
name: ended
task: image-classification
data: {source: digits}
plugins: [plugin.py]
model: [{conv: {channels: {choice: [2, 3]}}}, starts]
train: {epochs: 1}
search: {strategy: random, stop: {trials: 2}}
hardware: {workers: 1, precision: float32, layout: channels-first}
"""


def until(holds: Callable[[], bool], seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not holds():
        time.sleep(0.02)
    return holds()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def are_gone(folder: Path) -> bool:
    """The worker, and what its candidate started."""
    started = (folder / "started").read_text(encoding="ascii").split()
    return not any(os.path.exists(f"/proc/{each}") for each in started)


def search(folder: Path, terminal: int | None = None, **streams: object) -> Iterator[subprocess.Popen[bytes]]:
    """A search with a candidate at work, and with what that started. What it says on `terminal` is read meanwhile."""
    command = [*NAS, "search", "spec.yaml"]
    process = subprocess.Popen(command, cwd=folder, start_new_session=True, **streams)  # type: ignore[call-overload]
    try:
        while terminal is not None and not (folder / "started").exists():
            assert select.select([terminal], [], [], 120.0)[0]
            os.read(terminal, 1 << 16)
        assert until((folder / "started").exists)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_nothing_is_left_of_a_search_that_a_signal_ends(folder: Path, number: signal.Signals) -> None:
    for process in search(folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE):
        assert not are_gone(folder)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        assert b"Traceback" not in said
        if number != signal.SIGKILL:
            assert b"nas search --resume runs/ended-" in said
        assert until(lambda: are_gone(folder), 120.0)
    only_started(folder)


def only_started(folder: Path) -> None:
    (journal,) = folder.glob("runs/*/journal.jsonl")
    assert [event["event"] for event in recorded(journal)] == ["run_started", "trial_started"]


def test_a_terminal_that_is_closed_ends_a_search_in_order(folder: Path) -> None:
    ours, theirs = pty.openpty()
    for process in search(folder, ours, stdin=theirs, stdout=theirs, stderr=theirs):
        os.kill(process.pid, signal.SIGHUP)  # as the system sends it to whom the terminal belongs
        os.close(theirs)
        os.close(ours)
        assert process.wait(60) == 128 + signal.SIGHUP
        assert until(lambda: are_gone(folder), 120.0)
    only_started(folder)


def test_what_ignores_the_end_of_its_terminal_goes_on_doing_so(folder: Path) -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from nas_cli.cli import app; app._end_in_order();"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN; assert signal.getsignal(signal.SIGTERM) is app._end"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
