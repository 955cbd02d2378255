"""A paused training on disk: tensors in safetensors, the rest as text in its header. Nothing is pickled."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nas_cli.errors import RunError
from nas_cli.files import draft

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
OPTIMIZER, AVERAGE, MODEL = "optimizer.", "average.", "model."


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Writes a safetensors file that appears whole or not at all; `metadata` is JSON data. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = draft(path)
    try:
        content = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(content, temporary, {"nas": json.dumps(metadata, sort_keys=True)})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except SafetensorError as error:
        full = "No space left" in str(error) or "quota" in str(error).lower()
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata. Raises RunError where the file is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("nas", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (SafetensorError, ValueError, OSError) as error:
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
    """The state after `epoch` epochs and the metrics of its training. Randomness needs no state: it follows from the
    seed and the epoch.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    tensors = {MODEL + name: tensor for name, tensor in network.state_dict().items()}
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if value is not None:
                tensors[f"{OPTIMIZER}{names[id(parameter)]}:{key}"] = torch.as_tensor(value)
    tensors |= {AVERAGE + name: tensor for name, tensor in (average or {}).items()}
    save_tensors(path, tensors, {"epoch": epoch, "metrics": dict(metrics), "scaler": scaler.state_dict()})


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor] | None,
    scaler: torch.amp.GradScaler,
) -> tuple[int, dict[str, float]]:
    """Puts a saved state back and returns its epoch and metrics.

    Raises RunError where the file is damaged or another network's.
    """
    tensors, metadata = load_tensors(path)
    parameters = dict(network.named_parameters())
    try:
        network.load_state_dict({n.removeprefix(MODEL): t for n, t in tensors.items() if n.startswith(MODEL)})
        for name, tensor in tensors.items():
            if name.startswith(OPTIMIZER):
                parameter, key = name.removeprefix(OPTIMIZER).rsplit(":", 1)
                like = parameters[parameter]
                # A moment goes where its parameter is and lies as that lies; so does the step counter of a fused
                # optimizer, while another's stays on the CPU.
                counter = tensor.to(like.device) if optimizer.defaults.get("fused") else tensor
                optimizer.state[like][key] = counter if key == "step" else torch.empty_like(like).copy_(tensor)
            elif name.startswith(AVERAGE) and average is not None:
                average[name.removeprefix(AVERAGE)].copy_(tensor)
        if scaler.is_enabled():
            scaler.load_state_dict(metadata["scaler"])
        return int(metadata["epoch"]), {name: float(value) for name, value in metadata["metrics"].items()}
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        first = str(error).split("\n", 1)[0]
        raise RunError(f"{path} is no checkpoint of this network: {first}") from None
