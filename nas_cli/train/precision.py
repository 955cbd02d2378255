"""Which threads, number format and memory layout train fastest here, found by timing rather than by guessing."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

Format = Literal["float32", "bf16"]
WORTHWHILE = 1.1
"""How many times faster than float32 in the plain layout another choice must be."""
TIMED_PIXELS = 64 * 64 * 64
"""Pixels of a timed batch at most: timing must not take long, nor run out of memory, where images are large."""
WORTHWHILE_THREADS = 1.2
"""How many times faster than one thread all cores must be."""


@dataclass(frozen=True)
class Precision:
    """`bf16` computes convolutions and products in bfloat16 (autocast) and keeps the weights in float32."""

    format: Format = "float32"
    channels_last: bool = False

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        if self.format == "float32":
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)

    @property
    def layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        return f"{self.format}, {'channels last' if self.channels_last else 'channels first'}"


def choose_precision(
    wanted: str, device: torch.device, input_shape: tuple[int, ...], batch_size: int = 64
) -> tuple[Precision, dict[str, Any]]:
    """The precision to train with, and why, as JSON data.

    `wanted` is `float32` or `bf16`, in the plain layout and without a look at the clock, so that a run repeats exactly
    anywhere; or `auto`, which times a small convolutional network on inputs of `input_shape`.
    """
    if wanted != "auto" or len(input_shape) != 3:
        return Precision("bf16" if wanted == "bf16" else "float32"), {"chosen_by": "the spec"}
    batch_size = max(1, min(batch_size, TIMED_PIXELS // (input_shape[1] * input_shape[2])))
    formats: tuple[Format, ...] = ("float32", "bf16")
    options = [Precision(kind, last) for kind in formats for last in (False, True)]
    seconds = {option: _time(option, device, input_shape, batch_size) for option in options}
    best = min(options, key=seconds.__getitem__)
    if seconds[options[0]] < WORTHWHILE * seconds[best]:
        best = options[0]
    timed: Mapping[str, float] = {str(option): round(1000 * seconds[option], 3) for option in options}
    return best, {"chosen_by": "timing", "milliseconds_per_step": timed}


def choose_threads(
    device: torch.device, input_shape: tuple[int, ...], batch_size: int = 64
) -> tuple[int, dict[str, Any]]:
    """How many CPU threads train fastest, one or all cores, and why, as JSON data.

    More threads lose where layers are small or the cores have other work: all of them wait for the slowest.
    """
    cores = os.cpu_count() or 1
    if device.type != "cpu" or cores == 1 or len(input_shape) != 3:
        return 1 if device.type == "cpu" else cores, {}
    before = torch.get_num_threads()
    seconds = {}
    for threads in (1, cores):
        torch.set_num_threads(threads)
        seconds[threads] = _time(Precision(), device, input_shape, batch_size)
    torch.set_num_threads(before)
    best = cores if seconds[1] > WORTHWHILE_THREADS * seconds[cores] else 1
    return best, {f"milliseconds_per_step_on_{n}_threads": round(1000 * t, 3) for n, t in seconds.items()}


def lay_out(network: nn.Module, layout: torch.memory_format) -> None:
    """Puts the images' filters of `network` into `layout`; what is no filter has one layout only."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)


def _time(option: Precision, device: torch.device, input_shape: tuple[int, ...], batch_size: int) -> float:
    """Seconds of a training step: the median of a few."""
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(
            nn.Conv2d(input_shape[0], 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, 10),
        )
    lay_out(network.to(device), option.layout)
    x = torch.zeros(batch_size, *input_shape, device=device).contiguous(memory_format=option.layout)
    y = torch.zeros(batch_size, dtype=torch.int64, device=device)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        with option.autocast(device):
            loss = functional.cross_entropy(network(x).float(), y)
        torch.autograd.backward(loss)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])
