"""How long a network takes, measured."""

from __future__ import annotations

import copy
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nas_cli.model.network import Network

MIN_RUNS, MAX_RUNS = 10, 1000


@dataclass(frozen=True)
class Latency:
    """Milliseconds from raw samples to outputs: the median and the 95th percentile of `runs` runs on `device`."""

    p50_ms: float
    p95_ms: float
    runs: int
    device: str
    batch_size: int
    threads: int


def measure_latency(
    network: Network, device: torch.device | str = "cpu", batch_size: int = 1, threads: int = 1, seconds: float = 1.0
) -> Latency:
    """Runs `network` in eval mode and float32 on uint8-like samples, after warming up, for about `seconds`.

    At least 10 runs and at most 1,000. On a CPU it runs on `threads` threads, and the number set before is restored.
    The network itself, its mode and its device are left as they are. Raises whatever the network raises.
    """
    device = torch.device(device)
    twin = copy.deepcopy(network).to(device).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (batch_size, *network.input_shape), dtype=np.uint8)
    raw = torch.from_numpy(pixels).to(device)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            warm_until = time.perf_counter() + 0.2 * seconds
            _timed(twin, raw)
            while _timed(twin, raw) and time.perf_counter() < warm_until:
                pass
            times: list[float] = []
            until = time.perf_counter() + 0.8 * seconds
            while len(times) < MIN_RUNS or (len(times) < MAX_RUNS and time.perf_counter() < until):
                times.append(_timed(twin, raw))
    finally:
        torch.set_num_threads(before)
    p50, p95 = np.percentile(np.array(times) * 1000.0, [50, 95])
    return Latency(float(p50), float(p95), len(times), device_name(device), batch_size, threads)


def _timed(network: Network, raw: torch.Tensor) -> float:
    """Seconds of one run, the device's queue emptied before and after."""
    _wait(raw.device)
    started = time.perf_counter()
    network(raw)
    _wait(raw.device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
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
