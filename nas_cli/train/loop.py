"""The only training loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.errors import RunError
from nas_cli.model.network import Network
from nas_cli.seeds import derive
from nas_cli.task import Task
from nas_cli.torch_tuning.memory import keep_memory
from nas_cli.train.feed import Parts, count_batches, group_by_length, open_feed
from nas_cli.train.precision import Precision
from nas_cli.train.scoring import evaluate_network
from nas_cli.train.training import Losses, Training

Progress = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Epochs:
    """Epochs `first` to `last` of a training of `total` epochs."""

    first: int
    last: int
    total: int


@keep_memory()
def train_network(
    network: Network,
    data: Parts,
    task: Task,
    settings: Mapping[str, Any],
    epochs: Epochs,
    seed: int,
    precision: Precision,
    checkpoint_in: Path | None = None,
    checkpoint_out: Path | None = None,
    progress: Progress = lambda epoch, metrics: None,
    beat: Callable[[], None] = lambda: None,
    is_over: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Trains `network` in place on `data.device` and returns its validation metrics, with `train_loss` of the last
    epoch. With `ema`, the averaged weights are left in the network.

    Args:
        settings: the resolved `train:` section.
        seed: all randomness follows from the seed and the epoch, so a training that is cut into rungs ends bit for bit
            where an uncut one ends.
        checkpoint_in: its epoch may lie beyond `epochs.first`, where a job was killed after it had written it; the
            training continues from there.
        progress: called after every epoch.
        beat: called after every step.
        is_over: asked after every step. Once true, the training is cut short: no checkpoint is written, and the metric
            `epochs` says how many epochs were trained.

    Raises TrialFailed where the loss is not finite, RunError where `checkpoint_in` does not fit.
    """
    training = Training(network, data, task, settings, precision)
    start, metrics = _taken_up(training, epochs, checkpoint_in)
    feed, device = open_feed(data.train, data.device), data.device
    batch_size = min(int(settings["batch_size"]), len(data.train))
    steps = count_batches(len(data.train), batch_size)
    done = float(start)
    for epoch in range(start, epochs.last):
        network.train()
        generator = torch.Generator().manual_seed(derive(seed, epoch, 0))
        order = torch.randperm(len(data.train), generator=generator)
        if feed.sizes is not None:
            order = group_by_length(order, feed.sizes, batch_size, generator)
        losses = Losses(device, epoch)
        forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
        with forked, precision.exempt_depthwise(network, device):
            seed_globally(derive(seed, epoch, 1))
            for step, fed in enumerate(feed.batches(order, batch_size)):
                number = epoch * steps + step
                losses.add(training.step(fed, generator, number, number / (epochs.total * steps)), step)
                done = epoch + (step + 1) / steps
                beat()
                if is_over():
                    break
        metrics = {"train_loss": losses.mean()}
        if done < epoch + 1:
            break
        progress(epoch + 1, metrics)
        if is_over():
            break

    if done < epochs.last:
        metrics["epochs"] = done
    elif checkpoint_out is not None:
        training.save(checkpoint_out, epochs.last, metrics)
    training.end()
    return {**evaluate_network(network, data.validation, task, data.labels), **metrics}


def _taken_up(training: Training, epochs: Epochs, checkpoint: Path | None) -> tuple[int, dict[str, float]]:
    """The number of epochs done and their metrics. Raises RunError where the checkpoint's epoch is not in `epochs`."""
    if checkpoint is None:
        return epochs.first, {}
    start, metrics = training.load(checkpoint)
    if not epochs.first <= start <= epochs.last:
        raise RunError(f"{checkpoint} is of epoch {start}; one of epoch {epochs.first} to {epochs.last} is wanted")
    return start, metrics


def seed_globally(seed: int) -> None:
    """Seeds the global generators: dropout draws from torch's, an op of the user from any of them."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
