"""Process-wide settings that a candidate may change, saved and restored: a process runs one job after another."""

from __future__ import annotations

import gc
import locale
import os
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch.nn.modules import module as hooks

Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""A getter and a setter of a process-wide value."""


def _setting(holder: Any, name: str) -> Setting:
    return lambda: getattr(holder, name), lambda value: setattr(holder, name, value)


def _set_deterministic(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def _autocast(device: str) -> list[Setting]:
    return [
        (lambda: torch.is_autocast_enabled(device), lambda value: torch.set_autocast_enabled(device, value)),
        (lambda: torch.get_autocast_dtype(device), lambda value: torch.set_autocast_dtype(device, value)),
    ]


TORCH: list[Setting] = [
    (torch.get_default_device, lambda value: torch.set_default_device(None if value.type == "cpu" else value)),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        _set_deterministic,
    ),
    _setting(torch.utils.deterministic, "fill_uninitialized_memory"),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    *_autocast("cpu"),
    *_autocast("cuda"),
    _setting(torch.backends.mkldnn, "enabled"),
    _setting(torch.backends.cudnn, "enabled"),
    _setting(torch.backends.cudnn, "benchmark"),
    _setting(torch.backends.cudnn, "deterministic"),
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (torch.backends.cuda.mem_efficient_sdp_enabled, torch.backends.cuda.enable_mem_efficient_sdp),
    (torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp),
]
PYTHON: list[Setting] = [
    _setting(sys, "stdout"),
    _setting(sys, "stderr"),
    _setting(sys, "excepthook"),
    _setting(sys, "dont_write_bytecode"),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.gettrace, sys.settrace),
    (sys.getprofile, sys.setprofile),
    (lambda: list(sys.path), lambda value: sys.path.__setitem__(slice(None), value)),
    (lambda: list(warnings.filters), lambda value: cast(list[Any], warnings.filters).__setitem__(slice(None), value)),
    (gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
    (gc.get_threshold, lambda value: gc.set_threshold(*value)),
    (lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    (np.geterr, lambda value: np.seterr(**value)),
]
GLOBAL_HOOKS = [found for name, found in vars(hooks).items() if name.startswith("_global") and isinstance(found, dict)]
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
FILES_SHARE = 0.5
"""The share of a process's limit on open files that its candidates may leave open."""


@dataclass(frozen=True)
class ProcessState:
    """A snapshot of the process-wide settings. `put_back` restores them as far as a process can."""

    values: list[tuple[Setting, Any]]
    environment: dict[str, str]
    folder: int | None
    files: dict[int, int]
    umask: int
    handlers: dict[int, Any]
    blocked: set[signal.Signals]
    cores: set[int]
    niceness: int
    limits: dict[int, tuple[int, int]]
    global_hooks: list[dict[Any, Any]]
    modes: tuple[bool, int]
    gpu: int | None

    @classmethod
    def take(cls) -> ProcessState:
        """The state of this process now. It holds open copies of the standard files and of the folder until `close`."""
        settings = TORCH + PYTHON
        return cls(
            values=[(setting, setting[0]()) for setting in settings],
            environment=dict(os.environ),
            folder=_folder(),
            files={file: os.dup(file) for file in (0, 1, 2) if _identity(file) is not None},
            umask=_umask(),
            handlers={number: signal.getsignal(number) for number in signal.valid_signals()},
            blocked=signal.pthread_sigmask(signal.SIG_BLOCK, ()),  # type: ignore[arg-type]
            cores=_cores(),
            niceness=os.getpriority(os.PRIO_PROCESS, 0),
            limits={kind: resource.getrlimit(kind) for kind in _limits()},
            global_hooks=[dict(found) for found in GLOBAL_HOOKS],
            modes=_modes(),
            gpu=_current_gpu(),
        )

    def put_back(self) -> list[str]:
        """Restores whatever a candidate changed. Returns the settings that cannot be restored, in words."""
        left = [name for name, act in self._acts() if not _succeeds(act)]
        if _modes() != self.modes:
            left.append("a mode of torch")
        if len(os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ()) > _most_files():
            left.append("open files")
        return left

    def limits_changed(self) -> bool:
        """A resource limit (time, memory, size of files) is not what it was."""
        return any(resource.getrlimit(kind) != limits for kind, limits in self.limits.items())

    def close(self) -> None:
        """Closes the copies of files."""
        for file in (*self.files.values(), *([] if self.folder is None else [self.folder])):
            os.close(file)

    def _acts(self) -> list[tuple[str, Callable[[], object]]]:
        return [
            ("the limits of the process", self._put_limits_back),
            ("its standard files", self._put_files_back),
            ("its folder", self._put_folder_back),
            ("its environment", self._put_environment_back),
            ("its file mode", lambda: os.umask(self.umask)),
            ("its signals", self._put_signals_back),
            ("its processors", self._put_cores_back),
            ("its hooks", self._put_hooks_back),
            ("a setting of torch or Python", self._put_values_back),
        ]

    def _put_values_back(self) -> None:
        torch.set_flush_denormal(False)
        for (read, write), value in self.values:
            if read() != value:
                write(value)
        if self.gpu is not None:
            torch.cuda.set_device(self.gpu)

    def _put_environment_back(self) -> None:
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)

    def _put_folder_back(self) -> None:
        if self.folder is not None:
            os.fchdir(self.folder)

    def _put_files_back(self) -> None:
        for file, copy in self.files.items():
            if _identity(file) != _identity(copy):
                os.dup2(copy, file)

    def _put_signals_back(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread can set them
        for timer in TIMERS:
            if signal.getitimer(timer) != (0.0, 0.0):
                signal.setitimer(timer, 0.0)
        for number, handler in self.handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)

    def _put_cores_back(self) -> None:
        if _cores() != self.cores:
            os.sched_setaffinity(0, self.cores)
        if os.getpriority(os.PRIO_PROCESS, 0) != self.niceness:
            os.setpriority(os.PRIO_PROCESS, 0, self.niceness)

    def _put_limits_back(self) -> None:
        for kind, limits in self.limits.items():
            if resource.getrlimit(kind) != limits:
                resource.setrlimit(kind, limits)

    def _put_hooks_back(self) -> None:
        for current, before in zip(GLOBAL_HOOKS, self.global_hooks, strict=True):
            if current != before:
                current.clear()
                current.update(before)


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except Exception:  # noqa: BLE001 - a setting that cannot be restored, for any reason, costs the process its place
        return False
    return True


def _modes() -> tuple[bool, int]:
    """Torch modes that only the code that entered them can leave."""
    return torch.is_inference_mode_enabled(), torch._C._len_torch_function_stack()


def _current_gpu() -> int | None:
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.cuda.current_device() if begun else None  # asking earlier would allocate memory of a GPU


def _folder() -> int | None:
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # the folder was deleted, or may not be read
        return None


def _identity(file: int) -> tuple[int, int] | None:
    try:
        state = os.fstat(file)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _umask() -> int:
    before = os.umask(0o077)
    os.umask(before)
    return before


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _limits() -> list[int]:
    return [value for name, value in vars(resource).items() if name.startswith("RLIMIT_")]


def _most_files() -> float:
    return FILES_SHARE * resource.getrlimit(resource.RLIMIT_NOFILE)[0]
