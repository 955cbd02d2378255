"""Measured latency of a network."""

from __future__ import annotations

import copy
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nas_cli.model.network import Network

LEAST_RUNS, MIN_RUNS, MAX_RUNS = 10, 30, 1000
"""Least number of runs where the time limit is reached first; least number otherwise; greatest number."""
LOOK_EVERY = 10
WARM_RUNS, WARM_SHARE = 20, 0.2


@dataclass(frozen=True)
class Latency:
    """Milliseconds from raw samples to outputs: the median and the 95th percentile of `runs` runs on `device`.

    `spread` is half the width of the median's 95 % confidence interval, as a share of the median.
    """

    p50_ms: float
    p95_ms: float
    spread: float
    runs: int
    device: str
    batch_size: int
    threads: int


def measure_latency(
    network: Network,
    samples: Sequence[torch.Tensor],
    device: torch.device | str = "cpu",
    threads: int = 1,
    spread: float = 0.02,
    seconds: float = 1.0,
) -> Latency:
    """Runs `network` in eval mode and float32 on a batch of `samples`, after warming up, until the median is precise.

    `samples` are the network's inputs: raw fields of some examples, and lengths. Runs end when the spread of the median
    is at most `spread` (after 30 runs at least), after 1,000 runs, or after `seconds`. On a CPU it runs on `threads`
    threads and restores torch's setting afterwards. The network's mode and device do not change. Raises whatever the
    network raises.
    """
    device = torch.device(device)
    twin = copy.deepcopy(network).to(device).eval()
    raw = [sample.to(device) for sample in samples]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            until = time.perf_counter() + seconds
            warm_until = time.perf_counter() + WARM_SHARE * seconds
            for _ in range(WARM_RUNS):
                _timed(twin, raw)
                if time.perf_counter() > warm_until:
                    break
            times: list[float] = []
            while len(times) < LEAST_RUNS or (len(times) < MAX_RUNS and time.perf_counter() < until):
                times.append(_timed(twin, raw))
                if len(times) >= MIN_RUNS and len(times) % LOOK_EVERY == 0 and median_spread(times) <= spread:
                    break
    finally:
        torch.set_num_threads(before)
    p50, p95 = np.percentile(np.array(times) * 1000.0, [50, 95])
    reached = median_spread(times)
    return Latency(float(p50), float(p95), reached, len(times), device_name(device), len(raw[0]), threads)


def median_spread(values: Sequence[float]) -> float:
    """Half the width of the 95 % confidence interval of the median of `values`, as a share of the median.

    The interval lies between the order statistics of ranks n/2 - 0.98 √n and 1 + n/2 + 0.98 √n (Conover, Practical
    Nonparametric Statistics, 1999, 3.2): no distribution is assumed, and a few slow runs do not widen it.
    """
    ordered = sorted(values)
    count = len(ordered)
    low = max(0, math.floor(count / 2 - 0.98 * math.sqrt(count)) - 1)
    high = min(count - 1, math.ceil(1 + count / 2 + 0.98 * math.sqrt(count)) - 1)
    median = float(np.median(ordered))
    return (ordered[high] - ordered[low]) / (2 * median) if median > 0 else 0.0


def _timed(network: Network, raw: Sequence[torch.Tensor]) -> float:
    """Seconds of one run; the device is synchronised before and after."""
    device = raw[0].device
    wait_for(device)
    started = time.perf_counter()
    network(*raw)
    wait_for(device)
    return time.perf_counter() - started


def wait_for(device: torch.device) -> None:
    """Waits until the device has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def device_name(device: torch.device | str) -> str:
    """The device as a person knows it: the model of the card or of the processor."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else _processor()


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "CPU"
