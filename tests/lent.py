"""A Python with torch that is started once and lent to one program after the other: each of them is forked from it.

For tests of what a program does, not of how its process starts, since loading torch takes two seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

SERVE = """
import gc, json, os, sys, traceback
import torch, torch.fx.experimental.symbolic_shapes
gc.freeze()
for line in sys.stdin:
    process = os.fork()
    if process == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
else:
    sys.exit()
asked, status = json.loads(line), 1
os.chdir(asked["cwd"])
for number, path in enumerate(asked["streams"]):
    os.dup2(os.open(path, os.O_RDWR), number)
sys.argv = ["-c", *asked["arguments"]]
try:
    exec(compile(asked["code"], "<string>", "exec"), {"__name__": "__main__"})
    status = 0
except Exception:
    traceback.print_exc()
finally:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # tearing torch down would take as long as the program
"""


class Lent:
    """`run` stands in for `subprocess.run`, for a Python that is kept away from its surroundings by -I."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: str | Path,
        capture_output: bool = True,
        text: bool = True,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        python, *options, switch, code = command[: command.index("-c") + 2]
        assert (python, {*options, "-B"}, switch) == (sys.executable, {"-I", "-B"}, "-c")
        assert (capture_output, text, check) == (True, True, False)
        if sys.platform != "linux":  # elsewhere a process that has loaded torch cannot be forked safely
            return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        with tempfile.TemporaryDirectory() as folder:
            streams = [os.devnull, *(os.path.join(folder, name) for name in ("out", "err"))]
            for stream in streams[1:]:
                Path(stream).touch()
            arguments = list(command[command.index("-c") + 2 :])
            asked = {"code": code, "arguments": arguments, "cwd": os.fspath(cwd), "streams": streams}
            status = self._ask(json.dumps(asked))
            out, err = (Path(stream).read_text() for stream in streams[1:])
        return subprocess.CompletedProcess(command, status, out, err)

    def _ask(self, line: str) -> int:
        if self._process is None:
            command = [sys.executable, "-I", "-B", "-c", SERVE]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """The process ends by itself where nobody can ask it any more."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


@contextlib.contextmanager
def lent_python() -> Iterator[Lent]:
    lent = Lent()
    try:
        yield lent
    finally:
        lent.close()
