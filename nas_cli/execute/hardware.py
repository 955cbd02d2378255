"""What this machine has: devices, cores and memory that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from nas_cli.errors import UserError

GPU_WORKERS = 3
"""Workers a GPU: small candidates leave most of it idle."""
NO_SUCH_KERNEL = "torch.use_deterministic_algorithms"
"""What torch names in its error where a layer cannot add in one order."""
CGROUP = Path("/sys/fs/cgroup")


def find_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises UserError where `name` is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[name]:
        raise UserError(f"hardware.device is {name}, and torch finds no such device here; use auto or cpu")
    return torch.device(name)


def repeat_exactly(device: torch.device, strictly: bool = False) -> None:
    """Has the kernels of a GPU add in one order, in this process and those it starts: a training repeats bit for bit.

    A layer without such a kernel runs as it is; `strictly`, it raises RuntimeError, with NO_SUCH_KERNEL in its text,
    and attention over long sequences keeps its order too. To be called before the first product of matrices, since
    cuBLAS reads its setting once. A CPU needs none of it.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=not strictly)
    # No layer reads what it has not written, and filling all memory first takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def cores() -> int:
    """CPU cores that this process may use: its affinity, and the quota of its container where there is one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        count = min(count, max(1, round(int(quota) / int(period))))
    return count


def count_workers(wanted: int | str, device: torch.device) -> int:
    """How many worker processes. `auto`: as many as cores on a CPU, three a CUDA device, one on Apple's GPU."""
    if isinstance(wanted, int):
        return wanted
    if device.type == "cuda":
        return min(GPU_WORKERS * torch.cuda.device_count(), max(cores(), torch.cuda.device_count()))
    return 1 if device.type == "mps" else cores()


def worker_device(device: torch.device, worker: int) -> torch.device:
    """The device of worker number `worker`: CUDA devices are dealt in turn."""
    if device.type != "cuda":
        return device
    return torch.device("cuda", worker % torch.cuda.device_count())


def available_memory() -> int | None:
    """Bytes that processes may still take, of the machine and of the container; None where that cannot be read."""
    found = []
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _read(CGROUP / "memory.max"), _read(CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        found.append(int(limit) - int(used))
    return max(0, min(found)) if found else None


def private_memory(process: int) -> int | None:
    """Bytes of memory that process `process` has for itself, the shared data left out; None where it cannot be read."""
    for line in _read(Path(f"/proc/{process}/status")).splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
