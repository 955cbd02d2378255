"""Ops that misbehave on purpose, for workers to import as a plugin. On the meta device each is a sound layer."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from nas_cli.model.ops import op


class Misbehaving(nn.Module):
    said = False

    def __init__(self, how: str, path: str = "") -> None:
        super().__init__()
        self.how = how
        self.path = path
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta" and self.training:
            getattr(self, self.how)()
        return x + self.weight

    def fine(self) -> None: ...

    def error(self) -> None:
        raise ZeroDivisionError("division by zero\nsecond line")

    def unrepeatable(self) -> None:
        """On a GPU torch says this of a kernel that adds in any order, in its strict mode; here, the first time."""
        if not Misbehaving.said:
            Misbehaving.said = True
            torch.use_deterministic_algorithms(True)
            try:
                torch.zeros(2).put_(torch.tensor([1]), torch.tensor([1.0]))
            finally:
                torch.use_deterministic_algorithms(False)

    def segfault(self) -> None:
        ctypes.string_at(0)

    def abort(self) -> None:
        os.abort()

    def killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self) -> None:
        print("about to leave")
        os._exit(7)

    def sleep(self) -> None:
        time.sleep(600)

    def slow(self) -> None:
        time.sleep(0.05)

    def greedy(self) -> None:
        hoard = []
        while True:
            hoard.append(torch.ones(10_000_000))
            time.sleep(0.02)

    def fill_gpu(self) -> None:
        torch.empty(10**13, device="cuda")

    def code(self) -> None:
        """Whatever a test wants, in the words of `path`."""
        exec(self.path, {})  # noqa: S102

    def disk(self) -> None:
        raise OSError(28, "No space left on device")

    def orphan(self) -> None:
        """Dies, and leaves a process behind that holds the worker's pipe open."""
        if os.fork() == 0:
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGSEGV)

    def child(self) -> None:
        """Leaves a process behind that would outlive it."""
        if os.fork() == 0:
            time.sleep(600)
        Path(self.path).touch()
        time.sleep(600)


@op("misbehaving")
def misbehaving(shape: tuple[int, ...], how: str = "fine", path: str = "") -> nn.Module:
    """Does what `how` says, in training and on a real device only."""
    return Misbehaving(how, path)
