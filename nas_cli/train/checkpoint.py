"""A paused training on disk: tensors in safetensors, the rest as JSON in its header. Nothing is pickled."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nas_cli.errors import RunError, TrialFailed
from nas_cli.files import draft, utf8_path

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
OWN_LIMITS = (errno.EMFILE, errno.ENOMEM)
"""Errors of a process that has used up its own limits: no fault of the disk."""
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
"""An error of the operating system in a message of safetensors."""
LONGEST_HEADER = 100_000_000
"""Bytes of the longest header that safetensors reads."""
MOST_STATES = 20
"""A checkpoint may take so many times the bytes of its network: weights, their average and the optimizer's state."""
OPTIMIZER, AVERAGE, MODEL = "optimizer.", "average.", "model."


class DiskFault(OSError):
    """A file of a run cannot be written, which is no fault of the candidate whose training it holds."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Writes a safetensors file atomically; `metadata` is JSON data.

    Raises DiskFault where the file cannot be written, TrialFailed where safetensors cannot store the tensors.
    """
    content = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = {"nas": json.dumps(metadata, sort_keys=True)}
    with _disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = draft(path)
        try:
            save_file(content, temporary, header)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _disk_faults(path: Path) -> Iterator[None]:
    """Turns errors while `path` is written into DiskFault: only our own code runs within, none of a candidate."""
    try:
        yield
    except SafetensorError as error:
        match = SYSTEM_ERROR.search(str(error))
        if match is None:
            raise TrialFailed(f"its weights cannot be stored: {error}") from error
        number = int(match.group(1))
        raise DiskFault(number, os.strerror(number), str(path)) from error
    except OSError as error:
        if error.errno in OWN_LIMITS:
            raise TrialFailed(f"its weights cannot be stored: {error.strerror}") from error
        raise DiskFault(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def load_tensors(path: Path, most: float = math.inf) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata. Raises RunError where the file is missing or damaged, or where its tensors would take more
    than `most` bytes of memory.
    """
    with _opened(path, most) as file:
        metadata = json.loads((file.metadata() or {}).get("nas", "{}"))
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


def require_tensors(path: Path) -> None:
    """Raises RunError where the file is missing, incomplete or no safetensors file. Reads the header only."""
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path, most: float = math.inf) -> Iterator[Any]:
    try:
        size = path.stat().st_size
        if size > most + LONGEST_HEADER:
            raise ValueError(f"it has {size:,} bytes, and about {most:,.0f} are wanted")
        with utf8_path(path) as opened, safe_open(opened, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from None


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Mapping[str, Tensor] | None,
    scaler: torch.amp.GradScaler,
    epoch: int,
    metrics: Mapping[str, float],
) -> None:
    """Writes the state after `epoch` epochs and the training's metrics. The state of random generators is not needed:
    it follows from the seed and the epoch. Raises as `save_tensors` does.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    tensors = {MODEL + name: tensor for name, tensor in network.state_dict().items()}
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if value is not None:
                tensors[f"{OPTIMIZER}{names[id(parameter)]}:{key}"] = torch.as_tensor(value)
    tensors |= {AVERAGE + name: tensor for name, tensor in (average or {}).items()}
    state = {"epoch": epoch, "metrics": dict(metrics), "scaler": scaler.state_dict(), "checksum": _checksum(tensors)}
    save_tensors(path, tensors, state)


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor] | None,
    scaler: torch.amp.GradScaler,
) -> tuple[int, dict[str, float]]:
    """Restores a saved state and returns its epoch and metrics.

    Raises RunError where the file is damaged or of another network; `network` may then be half restored.
    """
    size = sum(tensor.nbytes for tensor in network.state_dict().values())
    tensors, metadata = load_tensors(path, MOST_STATES * size)
    try:
        if metadata.get("checksum", _checksum(tensors)) != _checksum(tensors):  # earlier versions wrote none
            raise ValueError("its tensors are not those that were written")
        _put_back(tensors, network, optimizer, average)
        if scaler.is_enabled():
            scaler.load_state_dict(metadata["scaler"])
        metrics = {name: float(value) for name, value in metadata["metrics"].items()}
        if not all(map(math.isfinite, metrics.values())):
            raise ValueError("its metrics are not finite")
        return int(metadata["epoch"]), metrics
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        first = str(error).split("\n", 1)[0]
        raise RunError(f"{path} is no checkpoint of this network: {first}") from None


def _put_back(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor] | None,
) -> None:
    """Raises KeyError, ValueError or an error of torch where the tensors are not those of this training."""
    parameters = dict(network.named_parameters())
    network.load_state_dict({n.removeprefix(MODEL): t for n, t in tensors.items() if n.startswith(MODEL)})
    for name, tensor in tensors.items():
        if name.startswith(OPTIMIZER):
            parameter, key = name.removeprefix(OPTIMIZER).rsplit(":", 1)
            like = parameters[parameter]
            # A moment gets the device and memory layout of its parameter. The step counter of a fused optimizer lies on
            # the parameter's device, that of any other on the CPU.
            counter = tensor.to(like.device) if optimizer.defaults.get("fused") else tensor
            optimizer.state[like][key] = counter if key == "step" else _copy(tensor, torch.empty_like(like))
        elif name.startswith(AVERAGE) and average is not None:
            _copy(tensor, average[name.removeprefix(AVERAGE)])


def _copy(tensor: Tensor, into: Tensor) -> Tensor:
    if tensor.shape != into.shape:
        raise ValueError(f"a tensor of {list(tensor.shape)} stands for one of {list(into.shape)}")
    return into.copy_(tensor)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of the tensors' names and bytes: it detects a file that a crash left with blocks of zeros."""
    checksum = 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous().reshape(-1)
        checksum = zlib.crc32(name.encode(), checksum)
        checksum = zlib.crc32(tensor.view(torch.uint8).numpy().data, checksum)
    return checksum
