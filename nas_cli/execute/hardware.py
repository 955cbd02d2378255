"""The devices, cores and memory of this machine that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from nas_cli.errors import UserError

GPU_WORKERS = 3
"""Workers per GPU: one small candidate leaves most of it idle."""
NO_SUCH_KERNEL = "torch.use_deterministic_algorithms"
"""Part of torch's error message where a layer has no deterministic kernel."""
CGROUP = Path("/sys/fs/cgroup")


def find_device(name: str) -> torch.device:
    """The device `name`; `auto` is a GPU where there is one. Raises UserError where torch finds no such device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[name]:
        raise UserError(f"hardware.device is {name}, and torch finds no such device here; use auto or cpu")
    return torch.device(name)


def repeat_exactly(device: torch.device, strictly: bool = False) -> None:
    """Chooses deterministic GPU kernels, in this process and those it starts: a training repeats bit for bit.

    A layer without a deterministic kernel runs as it is. With `strictly` it raises RuntimeError, with NO_SUCH_KERNEL in
    its message, and attention over long sequences is deterministic too. To be called before the first matrix product,
    since cuBLAS reads its setting once. Does nothing on a CPU.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=not strictly)
    # No layer reads uninitialised memory, and filling all of it takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def cores() -> int:
    """CPU cores that this process may use, by its affinity and the CPU quota of its container."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        count = min(count, max(1, round(int(quota) / int(period))))
    return count


def count_workers(wanted: int | str, device: torch.device) -> int:
    """The number of worker processes. `auto`: one per core on a CPU, three per CUDA device, one on Apple's GPU."""
    if isinstance(wanted, int):
        return wanted
    if device.type == "cuda":
        return min(GPU_WORKERS * torch.cuda.device_count(), max(cores(), torch.cuda.device_count()))
    return 1 if device.type == "mps" else cores()


def worker_device(device: torch.device, worker: int) -> torch.device:
    """The device of worker number `worker`: CUDA devices are assigned in turn."""
    if device.type != "cuda":
        return device
    return torch.device("cuda", worker % torch.cuda.device_count())


def available_memory() -> int | None:
    """Bytes of memory still free, in the machine or in the container, whichever is less; None where unknown."""
    available = []
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            available.append(int(line.split()[1]) * 1024)
    limit, used = _read(CGROUP / "memory.max"), _read(CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        available.append(int(limit) - int(used))
    return max(0, min(available)) if available else None


def private_memory(process: int) -> int | None:
    """Bytes of private memory of process `process`, without the shared data; None where they cannot be read."""
    for line in _read(Path(f"/proc/{process}/status")).splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
