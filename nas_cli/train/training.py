"""A network in training: the state that a checkpoint holds, and one training step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas_cli.errors import TrialFailed
from nas_cli.model.network import Network
from nas_cli.model.ops.layout import lay_out
from nas_cli.task import Task
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.augment.fitting import field_for
from nas_cli.train.batch import Batch
from nas_cli.train.checkpoint import load_checkpoint, save_checkpoint
from nas_cli.train.feed import Fed, Parts
from nas_cli.train.losses import LOSSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.precision import Precision, use_tf32
from nas_cli.train.schedules import SCHEDULES
from nas_cli.train.scoring import arranged

CHECK_EVERY = 50
"""Steps between checks of the loss on a GPU."""


class Training:
    """The training of `network` on `data.device`, its optimizer and schedule; `settings` is the resolved `train:`
    section. With `ema`, a moving average of the weights is kept too.
    """

    def __init__(
        self, network: Network, data: Parts, task: Task, settings: Mapping[str, Any], precision: Precision
    ) -> None:
        use_tf32(precision.format == "tf32")
        lay_out(network.to(data.device), precision.layout)
        self.network = network
        self._data = data
        self._task = task
        self._precision = precision
        self._clip = settings["clip"]
        self._decay = settings["ema"]
        self._optimizer = _component(OPTIMIZERS, settings["optimizer"], network.parameters())
        self._scaler = precision.scaler(data.device)
        self._loss_of = _component(LOSSES, settings["loss"])
        self._schedule = _component(SCHEDULES, settings["schedule"])
        self._augments = [(field_for(named, task), _component(AUGMENTS, named)) for named in settings["augment"]]
        self._rates = [float(group["lr"]) for group in self._optimizer.param_groups]
        self._learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self._average = {name: p.detach().clone() for name, p in self._learned.items()} if self._decay else None

    def step(self, fed: Fed, generator: torch.Generator, number: int, progress: float) -> Tensor:
        """Makes step `number` of the training, on a raw batch. `progress` is the share of the training that is over;
        augmentations draw from `generator`. Returns the batch's loss, on the device.
        """
        factor = self._schedule(progress)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        loss = self._loss(fed, generator)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(loss))
        if self._clip:
            self._scaler.unscale_(self._optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            _update(self._average, self._learned, float(self._decay), number)
        return loss.detach()

    def _loss(self, fed: Fed, generator: torch.Generator) -> Tensor:
        data, precision = self._data, self._precision
        entered = self.network.normalize(fed.fields)
        batch = Batch(entered, fed.targets, self._task.wanted.target, data.classes, fed.lengths)
        for field, augment in self._augments:
            batch = augment(batch.at(field), generator)
        with precision.autocast(data.device):
            outputs = self.network.body(arranged(batch.fields, precision.layout), batch.lengths).values
        return self._task.loss(outputs.float(), batch.targets, self._loss_of, data.scale)

    def save(self, path: Path, epoch: int, metrics: Mapping[str, float]) -> None:
        """Writes a checkpoint after `epoch` epochs. Raises DiskFault, TrialFailed."""
        save_checkpoint(path, self.network, self._optimizer, self._average, self._scaler, epoch, metrics)

    def load(self, path: Path) -> tuple[int, dict[str, float]]:
        """Restores a checkpoint and returns its epochs done and its metrics. Raises RunError."""
        return load_checkpoint(path, self.network, self._optimizer, self._average, self._scaler)

    def end(self) -> None:
        """Leaves the averaged weights in the network, where there is an average."""
        if self._average is not None:
            with torch.no_grad():
                for name, parameter in self._learned.items():
                    parameter.copy_(self._average[name])
        lay_out(self.network, torch.contiguous_format)


class Losses:
    """The losses of an epoch, summed on the device. Raises TrialFailed where the sum is not finite.

    On CUDA a check must not wait for the work queued on the device: it reads a copy sent CHECK_EVERY steps before.
    """

    def __init__(self, device: torch.device, epoch: int) -> None:
        self.total = torch.zeros((), device=device)
        self.epoch = epoch
        self.every = 1 if device.type == "cpu" else CHECK_EVERY
        self.steps = 0
        self.sent: tuple[Tensor, torch.cuda.Event, int] | None = None

    def add(self, loss: Tensor, step: int) -> None:
        self.total += loss
        self.steps = step + 1
        if step % self.every == 0 and self.total.device.type == "cuda":
            self._look_back()
        elif step % self.every == 0:
            self._look()

    def mean(self) -> float:
        """The mean loss of the epoch's batches; it waits for the device."""
        return self._look() / self.steps

    def _look(self) -> float:
        return _finite(float(self.total), self.epoch, self.steps)

    def _look_back(self) -> None:
        if self.sent is not None:
            copy, arrived, steps = self.sent
            arrived.synchronize()
            _finite(float(copy), self.epoch, steps)
        copy = torch.empty((), pin_memory=True).copy_(self.total, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(torch.cuda.current_stream(self.total.device))
        self.sent = (copy, arrived, self.steps)


def _finite(total: float, epoch: int, steps: int) -> float:
    if not math.isfinite(total):
        kind = "NaN" if math.isnan(total) else "infinite"
        raise TrialFailed(f"the loss became {kind} in epoch {epoch + 1}, by step {steps}")
    return total


def _component(registry: Any, named: Mapping[str, Mapping[str, Any]], *supplied: Any) -> Any:
    name, arguments = next(iter(named.items()))
    return registry[name](*supplied, **arguments)


@torch.no_grad()
def _update(average: Mapping[str, Tensor], learned: Mapping[str, Tensor], decay: float, step: int) -> None:
    """Exponential moving average of the weights. Its decay rises from 0.1, so the first weights are soon forgotten.

    Batch norm's statistics are moving averages already; averaged a second time, they fitted worse.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    for name, parameter in learned.items():
        average[name].lerp_(parameter, share)
