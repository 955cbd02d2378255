"""The only training loop, and the only evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas_cli.errors import RunError, TrialFailed
from nas_cli.model.network import Network
from nas_cli.task import Task
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.checkpoint import load_checkpoint, save_checkpoint
from nas_cli.train.losses import LOSSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.precision import Precision, lay_out
from nas_cli.train.schedules import SCHEDULES

EVALUATION_BATCH, EVALUATION_VALUES = 512, 512 * 3 * 32 * 32
"""At most so many examples, and so many input values, are evaluated at once: large images would not fit otherwise."""
CHECK_EVERY = 50
"""Steps between looks at the loss on a GPU, where every look waits for the device."""

Progress = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Tensors:
    """The data on the device that trains. Inputs are raw: uint8 (N, C, H, W) for images. Targets are int64 (N,)."""

    train_inputs: Tensor
    train_targets: Tensor
    validation_inputs: Tensor
    validation_targets: Tensor
    classes: int


@dataclass(frozen=True)
class Epochs:
    """A training of `total` epochs, of which those from `first` to `last` are due now."""

    first: int
    last: int
    total: int


def train_network(
    network: Network,
    data: Tensors,
    task: Task,
    settings: Mapping[str, Any],
    epochs: Epochs,
    seed: int,
    precision: Precision,
    checkpoint_in: Path | None = None,
    checkpoint_out: Path | None = None,
    progress: Progress = lambda epoch, metrics: None,
) -> dict[str, float]:
    """Trains `network` in place and returns its validation metrics, with `train_loss` of the last epoch.

    `settings` is the resolved `train:` section. All that is random follows from `seed` and the epoch, so a training
    that is cut into rungs ends bit for bit where an uncut one ends. With `ema`, the averaged weights are left in the
    network. A checkpoint that is further on than `epochs.first` is taken up where it is: its job was killed after it
    had been written. Raises TrialFailed where the loss is not finite, RunError where `checkpoint_in` does not fit.
    """
    device = data.train_inputs.device
    lay_out(network.to(device), precision.layout)
    optimizer = _component(OPTIMIZERS, settings["optimizer"], network.parameters())
    loss_of = _component(LOSSES, settings["loss"])
    schedule = _component(SCHEDULES, settings["schedule"])
    augments = [_component(AUGMENTS, augment) for augment in settings["augment"]]
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    average = {name: p.detach().clone() for name, p in network.named_parameters()} if settings["ema"] else None
    start = epochs.first
    metrics: dict[str, float] = {}
    if checkpoint_in is not None:
        start, metrics = load_checkpoint(checkpoint_in, network, optimizer, average)
        if not epochs.first <= start <= epochs.last:
            raise RunError(
                f"{checkpoint_in} is of epoch {start}; one of epoch {epochs.first} to {epochs.last} is wanted"
            )

    batch_size = min(int(settings["batch_size"]), len(data.train_targets))
    steps = len(list(_batches(torch.arange(len(data.train_targets)), batch_size)))
    for epoch in range(start, epochs.last):
        network.train()
        generator = torch.Generator().manual_seed(_seed(seed, epoch, 0))
        order = torch.randperm(len(data.train_targets), generator=generator).to(device)
        total = torch.zeros((), device=device)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(_seed(seed, epoch, 1))  # dropout draws from torch's own generator
            for step, batch in enumerate(_batches(order, batch_size)):
                factor = schedule((epoch * steps + step) / (epochs.total * steps))
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                x = network.normalize(data.train_inputs[batch])
                y = data.train_targets[batch]
                for augment in augments:
                    x, y = augment(x, y, data.classes, generator)
                with precision.autocast(device):
                    logits = network.body(x.contiguous(memory_format=precision.layout))
                loss = loss_of(logits.float(), y)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                if settings["clip"]:
                    torch.nn.utils.clip_grad_norm_(network.parameters(), settings["clip"])
                optimizer.step()
                if average is not None:
                    _average(average, network, float(settings["ema"]), epoch * steps + step)
                total += loss.detach()
                if device.type == "cpu" or step % CHECK_EVERY == 0:
                    _check_finite(float(total), epoch, step)
        _check_finite(float(total), epoch, steps - 1)
        metrics = {"train_loss": float(total) / steps}
        progress(epoch + 1, metrics)

    if checkpoint_out is not None:
        save_checkpoint(checkpoint_out, network, optimizer, average, epochs.last, metrics)
    if average is not None:
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(average[name])
    lay_out(network, torch.contiguous_format)
    _, measured = evaluate_network(network, data.validation_inputs, data.validation_targets, task)
    return {**measured, **metrics}


@torch.inference_mode()
def predict_logits(network: Network, inputs: Tensor) -> Tensor:
    """Logits (N, classes) on the CPU, in eval mode and float32; the network's mode is restored."""
    device = next(network.parameters()).device
    before = network.training
    network.eval()
    try:
        parts = [network(part.to(device)).float().cpu() for part in torch.split(inputs, evaluation_batch(inputs))]
    finally:
        network.train(before)
    return torch.cat(parts)


def evaluation_batch(inputs: Tensor) -> int:
    """How many of `inputs` are evaluated at once. It follows from their shape alone, so that scores repeat exactly."""
    return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // max(1, math.prod(inputs.shape[1:]))))


def evaluate_network(network: Network, inputs: Tensor, targets: Tensor, task: Task) -> tuple[Tensor, dict[str, float]]:
    """Logits and the task's metrics. Raises TrialFailed where a logit or a metric is not finite."""
    logits = predict_logits(network, inputs)
    if not bool(torch.isfinite(logits).all()):
        raise TrialFailed("the network's outputs on the validation data are not finite")
    metrics = task.measure(logits, targets.cpu())
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialFailed(f"the validation {name} is {value}")
    return logits, metrics


def _component(registry: Any, named: Mapping[str, Mapping[str, Any]], *supplied: Any) -> Any:
    name, arguments = next(iter(named.items()))
    return registry[name](*supplied, **arguments)


def _batches(order: Tensor, size: int) -> Iterator[Tensor]:
    """Batches of `size`; a last one of a single example is left out, since batch norm cannot take it."""
    for batch in torch.split(order, size):
        if len(batch) > 1 or len(order) == 1:
            yield batch


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


@torch.no_grad()
def _average(average: Mapping[str, Tensor], network: Network, decay: float, step: int) -> None:
    """Exponential moving average of the weights; it starts short, so that the first weights are soon forgotten.

    The statistics of batch norm are not averaged: they trail already, and averaged twice they fitted worse.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    for name, parameter in network.named_parameters():
        average[name].lerp_(parameter, share)


def _check_finite(total: float, epoch: int, step: int) -> None:
    if not math.isfinite(total):
        kind = "NaN" if math.isnan(total) else "infinite"
        raise TrialFailed(f"the loss became {kind} in epoch {epoch + 1}, by step {step + 1}")
