"""The data of a training and how its batches reach the device."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from nas_cli.axes import Axes

CPU = torch.device("cpu")
RESIDENT_SHARE = 1 / 8
"""The share of a GPU's memory that a worker's data may take: every worker has a copy, and networks need the most."""
POOL = 50
"""Batches whose sequences are sorted by length together."""
AHEAD = 2
"""Batches read ahead of the one in use."""


@dataclass(frozen=True)
class Tensors:
    """The training and validation part, raw: inputs uint8 (N, C, H, W) for images, int32 (N, K, L) for sequences, of
    which row 0 is not zero where there is something, float32 (N, F) for table rows; targets int64, or float32 numbers
    (N,) or (N, K) whose deviation is `scale`, float32 (K,) of several. `labels` are the names of classes, tags, or
    columns of several numbers.

    Inputs and targets lie on `device`, which trains, or on the CPU, there also mapped from a file. Where a part has
    `rows`, int64 (n,), its example `i` is `inputs[rows[i]]` with `targets[i]`: a file in an order of its own, which
    other parts may share. Otherwise it is `inputs[i]`.
    """

    train_inputs: Tensor
    train_targets: Tensor
    validation_inputs: Tensor
    validation_targets: Tensor
    classes: int
    train_rows: Tensor | None = None
    validation_rows: Tensor | None = None
    device: torch.device = CPU
    scale: float | Tensor = 1.0
    labels: tuple[str, ...] = ()

    def place(self, device: torch.device) -> Tensors:
        """The same data for a training on `device`: moved there where it fits, else left on the CPU and streamed."""
        if device.type == "cpu":
            return dataclasses.replace(self, device=device)
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        distinct = {_place(tensor): tensor for tensor in tensors.values()}  # two parts of one file are moved once
        if sum(tensor.nbytes for tensor in distinct.values()) > RESIDENT_SHARE * _memory(device):
            scale = self.scale.to(device) if isinstance(self.scale, Tensor) else self.scale
            return dataclasses.replace(self, device=device, scale=scale)
        moved = {place: tensor.to(device) for place, tensor in distinct.items()}
        there: dict[str, Any] = {name: moved[_place(tensor)] for name, tensor in tensors.items()}
        return dataclasses.replace(self, device=device, **there)

    def shortened(self, examples: int) -> Tensors:
        """The same data with at most so many training and so many validation examples."""
        short: dict[str, Any] = {}
        for part in ("train", "validation"):
            # Where there are rows, they say which inputs are used; else the inputs themselves are cut.
            first = f"{part}_inputs" if getattr(self, f"{part}_rows") is None else f"{part}_rows"
            for name in (first, f"{part}_targets"):
                short[name] = getattr(self, name)[:examples]
        return dataclasses.replace(self, **short)

    def samples(self, most: int, size: int) -> Tensor:
        """The first inputs of the validation part, on the CPU: `most` of them, or as many as take `size` bytes, but
        four at least where there are so many."""
        whole, rows = self.validation_inputs, self.validation_rows
        each = max(1, whole.nbytes // max(1, len(whole)))
        count = min(most, max(4, size // each))
        return (whole[:count] if rows is None else whole[rows[:count]]).cpu()


class Feed(Protocol):
    """Gives the batches of one pass over the training part; `lengths` int64 (N,) are its sequences', on the CPU."""

    @property
    def lengths(self) -> Tensor | None: ...

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Raw inputs and targets on the device, `size` examples at a time.

        `order` (N,) are the examples' numbers, int64 on the CPU. A last batch of a single example is left out, since
        batch norm cannot take it; a `size` of 1 is what was asked for, and every example is a batch.
        """
        ...


def open_feed(data: Tensors) -> Feed:
    """The feed for where the training inputs lie. What is read from a file, or lies on another device, is streamed."""
    here = data.train_inputs.device.type == data.device.type
    mapped = data.train_rows is not None and data.train_inputs.device.type == "cpu"
    return Resident(data) if here and not mapped else Streamed(data)


class Resident:
    """Everything lies on the device; the order is sent there once a pass, and no batch waits for the CPU."""

    def __init__(self, data: Tensors) -> None:
        self.data = data
        self.lengths = train_lengths(data)

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        data = self.data
        for batch, numbers in zip(split(send(order, data.device), size), split(order, size), strict=True):
            rows = batch if data.train_rows is None else data.train_rows[batch]
            x, y = data.train_inputs[rows], data.train_targets[batch]
            yield (x, y) if self.lengths is None else cut(x, y, int(self.lengths[numbers].max()))


class Streamed:
    """A thread reads the next batches on the CPU, into pinned memory where the device is a GPU."""

    def __init__(self, data: Tensors) -> None:
        self.data = data
        self.lengths = train_lengths(data)

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
        with ThreadPoolExecutor(1, "nas-feed") as reader:
            for batch in split(order, size):
                waiting.append(reader.submit(self._read, batch))
                if len(waiting) > AHEAD:
                    yield self._send(waiting.popleft())
            while waiting:
                yield self._send(waiting.popleft())

    def _read(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        data = self.data
        rows = batch if data.train_rows is None else data.train_rows[batch]
        return trim(self._gather(data.train_inputs, rows), self._gather(data.train_targets, batch))

    def _gather(self, source: Tensor, rows: Tensor) -> Tensor:
        if self.data.device.type != "cuda":
            return source[rows]
        # torch reuses pinned memory only after the copies from it have ended.
        pinned = torch.empty((len(rows), *source.shape[1:]), dtype=source.dtype, pin_memory=True)
        return torch.index_select(source, 0, rows, out=pinned)

    def _send(self, read: Future[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        x, y = read.result()
        return x.to(self.data.device, non_blocking=True), y.to(self.data.device, non_blocking=True)


def batch_of(inputs: Tensor, count: int, axes: Axes) -> Tensor:
    """A batch of `count` to measure with, all of the typical length; too few examples are repeated."""
    x = inputs.repeat(-(-count // len(inputs)), *[1] * (inputs.dim() - 1))[:count]
    if not axes.ragged:
        return x
    length = axes.shape[-1]
    return x.repeat(*[1] * (x.dim() - 1), -(-length // x.shape[-1]))[..., :length].contiguous()


def are_sequences(inputs: Tensor) -> bool:
    return inputs.dim() == 3


def lengths(sequences: Tensor) -> Tensor:
    """How many places of each of (N, K, L) sequences are taken, int64 (N,)."""
    return (sequences[:, 0] != 0).sum(dim=1)


def train_lengths(data: Tensors) -> Tensor | None:
    """Those of the training part, on the CPU; None where its inputs are no sequences."""
    return lengths(data.train_inputs).cpu() if are_sequences(data.train_inputs) else None


def trim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A batch of sequences without the places that none of them takes; anything else as it is."""
    return cut(x, y, int(lengths(x).max())) if are_sequences(x) else (x, y)


def cut(x: Tensor, y: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The first `length` places of a batch of sequences, and of its targets where there is one a place."""
    return x[:, :, :length], y[:, :length] if y.dim() == 2 else y


def group_by_length(order: Tensor, sizes: Tensor, batch_size: int, generator: torch.Generator) -> Tensor:
    """`order` (N,) with examples of like `sizes` in one batch, and the batches shuffled: less padding is computed.

    Sorted are pools of 50 batches, so that batches differ from epoch to epoch. The last, smaller batch stays last.
    """
    pools = torch.split(order, POOL * batch_size)
    grouped = torch.cat([pool[torch.argsort(sizes[pool], stable=True)] for pool in pools])
    whole = len(grouped) // batch_size * batch_size
    batches = grouped[:whole].view(-1, batch_size)
    return torch.cat([batches[torch.randperm(len(batches), generator=generator)].flatten(), grouped[whole:]])


def count_batches(examples: int, size: int) -> int:
    """How many batches a pass over so many examples has."""
    left_out = 1 if size > 1 and examples > 1 and examples % size == 1 else 0
    return -(-examples // size) - left_out


def split(order: Tensor, size: int) -> Iterator[Tensor]:
    """Batches of `size`; a last one of a single example is left out, unless all are so small."""
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        if len(batch) > 1 or size == 1 or len(order) == 1:
            yield batch


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A small tensor of the CPU on `device`, without waiting for what the device is at."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def _place(tensor: Tensor) -> tuple[int, torch.Size]:
    return tensor.data_ptr(), tensor.shape


def _memory(device: torch.device) -> int:
    """Bytes of a GPU's memory."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(torch.mps.recommended_max_memory())
