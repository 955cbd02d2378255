"""The only training loop, and the only evaluation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.errors import RunError, TrialFailed
from nas_cli.model.network import Network
from nas_cli.model.ops.layout import arrange, lay_out
from nas_cli.seeds import derive
from nas_cli.task import Scorer, Task
from nas_cli.torch_tuning.memory import keep_memory
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.augment.fitting import field_for
from nas_cli.train.batch import Batch
from nas_cli.train.checkpoint import load_checkpoint, save_checkpoint
from nas_cli.train.feed import Columns, Fed, Parts, Tensors, count_batches, group_by_length, open_feed, split
from nas_cli.train.losses import LOSSES
from nas_cli.train.optimizers import OPTIMIZERS
from nas_cli.train.precision import Precision, use_tf32
from nas_cli.train.schedules import SCHEDULES

EVALUATION_BATCH, EVALUATION_VALUES = 128, 512 * 3 * 32 * 32
"""At most so many examples, and so many input values, are evaluated at once: large images would not fit otherwise, and
larger batches are slower on a CPU, whose caches they leave.
"""
CHECK_EVERY = 50
"""Steps between looks at the loss on a GPU."""

Progress = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Epochs:
    """A training of `total` epochs, of which those from `first` to `last` are due now."""

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
    epoch.

    `settings` is the resolved `train:` section. All that is random follows from `seed` and the epoch, so a training
    that is cut into rungs ends bit for bit where an uncut one ends. With `ema`, the averaged weights are left in the
    network. A checkpoint that is further on than `epochs.first` is taken up where it is: its job was killed after it
    had been written. `progress` is called after every epoch, `beat` after every step. Once `is_over`, which is asked
    after every step, the training is cut short: no checkpoint is written, and `epochs` of what is returned says how
    many were done. Raises TrialFailed where the loss is not finite, RunError where `checkpoint_in` does not fit.
    """
    device = data.device
    use_tf32(precision.format == "tf32")
    lay_out(network.to(device), precision.layout)
    optimizer = _component(OPTIMIZERS, settings["optimizer"], network.parameters())
    scaler = precision.scaler(device)
    loss_of = _component(LOSSES, settings["loss"])
    schedule = _component(SCHEDULES, settings["schedule"])
    augments = [(field_for(augment, task), _component(AUGMENTS, augment)) for augment in settings["augment"]]
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    average = {name: p.detach().clone() for name, p in learned.items()} if settings["ema"] else None
    start = epochs.first
    metrics: dict[str, float] = {}
    if checkpoint_in is not None:
        start, metrics = load_checkpoint(checkpoint_in, network, optimizer, average, scaler)
        if not epochs.first <= start <= epochs.last:
            raise RunError(
                f"{checkpoint_in} is of epoch {start}; one of epoch {epochs.first} to {epochs.last} is wanted"
            )

    feed = open_feed(data.train, device)
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
                factor = schedule((epoch * steps + step) / (epochs.total * steps))
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                entered = network.normalize(fed.fields)
                batch = Batch(entered, fed.targets, task.wanted.target, data.classes, fed.lengths)
                for field, augment in augments:
                    batch = augment(batch.at(field), generator)
                with precision.autocast(device):
                    outputs = network.body(_arranged(batch.fields, precision.layout), batch.lengths).values
                loss = task.loss(outputs.float(), batch.targets, loss_of, data.scale)
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(scaler.scale(loss))
                if settings["clip"]:
                    scaler.unscale_(optimizer)
                    torch.nn.utils.clip_grad_norm_(network.parameters(), settings["clip"])
                scaler.step(optimizer)
                scaler.update()
                if average is not None:
                    _average(average, learned, float(settings["ema"]), epoch * steps + step)
                losses.add(loss.detach(), step)
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
        save_checkpoint(checkpoint_out, network, optimizer, average, scaler, epochs.last, metrics)
    if average is not None:
        with torch.no_grad():
            for name, parameter in learned.items():
                parameter.copy_(average[name])
    lay_out(network, torch.contiguous_format)
    measured = evaluate_network(network, data.validation, task, data.labels)
    return {**measured, **metrics}


@keep_memory()
def predict_logits(network: Network, columns: Columns) -> Tensor:
    """Outputs for all examples of `columns`, raw inputs by field: logits (N, classes) say, on the CPU, in eval mode and
    float32; the network's mode is restored. Sequences (N, T, L) are zero after their ends, and as long as the inputs
    where no layer has shortened them.
    """
    count = len(next(iter(columns.values())))
    part = Tensors(columns, torch.zeros(count), network.inputs)
    outputs, order = [], []
    for chosen, given, fed in _answers(network, part):
        outputs.append(
            _padded(given, _cut(columns, fed)) if network.program.axes(network.program.output).ragged else given
        )
        order.append(chosen)
    longest = max(given.shape[-1] for given in outputs)
    whole = torch.cat([_padded(given, longest - given.shape[-1]) for given in outputs])
    return whole[torch.argsort(torch.cat(order))] if network.ragged else whole


def _cut(columns: Columns, fed: Fed) -> int:
    """How many places a batch lacks that the whole column has."""
    return max(columns[field].values.shape[-1] - values.shape[-1] for field, values in fed.fields.items())


def _padded(outputs: Tensor, places: int) -> Tensor:
    return functional.pad(outputs, (0, places)) if places else outputs


@keep_memory()
def score(network: Network, part: Tensors, scorer: Scorer) -> Tensor:
    """Adds the network's answers to `part`, and its targets, to `scorer`, batch by batch: no more outputs than those of
    a batch are kept. Returns the numbers of the examples (N,) in the order of their adding. Raises TrialFailed where an
    output is not finite.
    """
    order = []
    with closing(_answers(network, part)) as answers:  # else the network's mode comes back with the garbage
        for chosen, outputs, fed in answers:
            if not bool(torch.isfinite(outputs).all()):
                raise TrialFailed("the network's outputs on the validation data are not finite")
            scorer.add(outputs, fed.targets.cpu())
            order.append(chosen)
    return torch.cat(order)


Answered = tuple[Tensor, Tensor, Fed]
"""The numbers of the examples of a batch (n,), the outputs for them, on the CPU, and the batch."""


def _answers(network: Network, part: Tensors) -> Generator[Answered, None, None]:
    before = network.training
    device = next(network.parameters()).device
    # Of images a CPU takes a third less time with channels last, whatever the training was laid out in.
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    use_tf32(False)
    lay_out(network.eval(), layout)
    try:
        yield from _predict(network, part, device, layout)
    finally:
        lay_out(network.train(before), torch.contiguous_format)


def _predict(network: Network, part: Tensors, device: torch.device, layout: torch.memory_format) -> Iterator[Answered]:
    feed = open_feed(part, device)
    order = torch.arange(len(part)) if feed.sizes is None else torch.argsort(feed.sizes, stable=True)
    size = evaluation_batch(part)
    for chosen, fed in zip(split(order, size, every=True), feed.batches(order, size, every=True), strict=True):
        with torch.inference_mode():  # which ends before anybody else's code goes on
            entered = network.normalize(fed.fields)
            output = network.body(_arranged(entered, layout), fed.lengths)
            outputs = output.values.float().cpu()
        yield chosen, outputs, fed


def _arranged(fields: Mapping[str, Tensor], layout: torch.memory_format) -> dict[str, Tensor]:
    return {field: arrange(x, layout) for field, x in fields.items()}


def evaluation_batch(part: Tensors) -> int:
    """How many examples are evaluated at once. It follows from their shapes alone, so that scores repeat exactly."""
    values = sum(math.prod(column.values.shape[1:]) for column in part.columns.values())
    return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES // max(1, values)))


def evaluate_network(network: Network, part: Tensors, task: Task, labels: Sequence[str] = ()) -> dict[str, float]:
    """The task's metrics on `part`. Raises TrialFailed where an output or one of them is not finite."""
    scorer = task.scorer(labels)
    score(network, part, scorer)
    metrics = scorer.metrics()
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialFailed(f"the validation {name} is {value}")
    return metrics


class Losses:
    """The losses of an epoch, added up on the device. One that is not finite raises TrialFailed.

    On CUDA a look must not stop the stream of work: it is at a copy that was sent CHECK_EVERY steps before.
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


def seed_globally(seed: int) -> None:
    """For what draws from the generators of its process: dropout from torch's, an op of the user's from any of them."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _component(registry: Any, named: Mapping[str, Mapping[str, Any]], *supplied: Any) -> Any:
    name, arguments = next(iter(named.items()))
    return registry[name](*supplied, **arguments)


@torch.no_grad()
def _average(average: Mapping[str, Tensor], learned: Mapping[str, Tensor], decay: float, step: int) -> None:
    """Exponential moving average of the weights; it starts short, so that the first weights are soon forgotten.

    The statistics of batch norm are not averaged: they trail already, and averaged twice they fitted worse.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    for name, parameter in learned.items():
        average[name].lerp_(parameter, share)
