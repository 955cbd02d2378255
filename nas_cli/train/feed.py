"""The data of a training, and how batches of it reach the device, for training and for scoring."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from nas_cli.axes import Axes, Column
from nas_cli.data.source import Part

CPU = torch.device("cpu")
RESIDENT_SHARE = 1 / 8
"""The share of a GPU's memory that a worker's data may take: each worker has a copy, and networks need the most."""
POOL = 50
"""Batches per pool within which sequences are sorted by length."""
AHEAD = 2
"""Batches read ahead of the one in use."""

Columns = Mapping[str, Column[Tensor]]


@dataclass(frozen=True)
class Tensors:
    """The raw examples of one split.

    `columns` by field, with the axes that `inputs` describes: images uint8 (N, C, H, W); words int32 (N, K, L), whose
    row 0 is non-zero at every word and zero at padding; table rows float32 (N, F); other sequences float32 (N, C, L),
    with their lengths. `targets` (N, …) are int64, or float32 numbers (N,) or (N, K).

    `along` names the ragged field that has one target per time step; None where an example has one target.
    """

    columns: Columns
    targets: Tensor
    inputs: Mapping[str, Axes]
    along: str | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def of(cls, part: Part, inputs: Mapping[str, Axes]) -> Tensors:
        """The arrays of a split, not copied."""
        columns = {field: _map(column, torch.from_numpy) for field, column in part.columns.items()}
        return cls(columns, torch.from_numpy(part.targets), inputs, part.along)

    def shortened(self, examples: int) -> Tensors:
        """The first `examples` examples."""
        columns = {field: _first(column, examples) for field, column in self.columns.items()}
        return dataclasses.replace(self, columns=columns, targets=self.targets[:examples])

    def samples(self, most: int, size: int) -> Columns:
        """The first examples' inputs, on the CPU: `most`, or as many as fit into `size` bytes, but at least four."""
        each = max(1, sum(column.values[:1].nbytes for column in self.columns.values()))
        count = min(most, max(4, size // each))
        first = {field: column.take(0, count) for field, column in self.columns.items()}
        return {field: _map(column, lambda tensor: tensor.cpu()) for field, column in first.items()}


@dataclass(frozen=True)
class Parts:
    """The training and validation splits. `scale` is the standard deviation of numeric targets, float32 (K,) where an
    example has several. `labels` are the names of classes, of tags, or of the columns of several numbers.

    `device` is the device that trains. The splits lie there, or on the CPU, where they may be mapped from a file.
    """

    train: Tensors
    validation: Tensors
    classes: int
    device: torch.device = CPU
    scale: float | Tensor = 1.0
    labels: tuple[str, ...] = ()

    def place(self, device: torch.device) -> Parts:
        """The same data for a training on `device`: moved there if it fits, else left on the CPU to be streamed."""
        if device.type == "cpu":
            return dataclasses.replace(self, device=device)
        scale = self.scale.to(device) if isinstance(self.scale, Tensor) else self.scale
        parts = (self.train, self.validation)
        distinct = {_place(tensor): tensor for part in parts for tensor in _tensors(part)}  # shared ones move once
        if sum(tensor.nbytes for tensor in distinct.values()) > RESIDENT_SHARE * _memory(device):
            return dataclasses.replace(self, device=device, scale=scale)
        there = {place: tensor.to(device) for place, tensor in distinct.items()}

        def moved(part: Tensors) -> Tensors:
            columns = {
                name: _map(column, lambda tensor: there[_place(tensor)]) for name, column in part.columns.items()
            }
            return dataclasses.replace(part, columns=columns, targets=there[_place(part.targets)])

        return dataclasses.replace(self, train=moved(parts[0]), validation=moved(parts[1]), device=device, scale=scale)

    def shortened(self, examples: int) -> Parts:
        """The same data with at most `examples` training and `examples` validation examples."""
        train, validation = self.train.shortened(examples), self.validation.shortened(examples)
        return dataclasses.replace(self, train=train, validation=validation)


@dataclass(frozen=True)
class Fed:
    """A batch from a feed, on the device: raw `fields` and `lengths` by name, and `targets` (n, …).

    Ragged fields, and targets per time step, are padded to the longest example of the batch.
    """

    fields: Mapping[str, Tensor]
    lengths: Mapping[str, Tensor]
    targets: Tensor


class Feed(Protocol):
    """Gives the batches of a pass over a split. `sizes` int64 (N,), on the CPU, are the lengths by which examples are
    grouped; None where no field is ragged."""

    @property
    def sizes(self) -> Tensor | None: ...

    def batches(self, order: Tensor, size: int, every: bool = False) -> Iterator[Fed]:
        """Batches of `size` examples, on the device, in the order of the indices `order`, int64 (n,) on the CPU.

        Unless `every` is set, a last batch of a single example is left out, since batch norm cannot learn from it. A
        `size` of 1 keeps all batches.
        """
        ...


def open_feed(part: Tensors, device: torch.device) -> Feed:
    """The feed that suits where the data lies: data in a file or on another device is streamed."""
    here = all(tensor.device.type == device.type for tensor in _tensors(part))
    mapped = any(column.rows is not None for column in part.columns.values()) and device.type == "cpu"
    return Resident(part, device) if here and not mapped else Streamed(part, device)


class _OfPart:
    """The split that a feed gives batches of, on `device`, with the lengths of its ragged fields."""

    def __init__(self, part: Tensors, device: torch.device) -> None:
        self.part = part
        self.device = device
        self.lengths = lengths_of(part)
        self.sizes = _sizes(self.lengths)


class Resident(_OfPart):
    """A feed of data on the device: the order is sent there once per pass, and no batch waits for the CPU."""

    def batches(self, order: Tensor, size: int, every: bool = False) -> Iterator[Fed]:
        there = order if self.device.type == "cpu" else send(order, self.device)
        for numbers, rows in zip(split(order, size, every), split(there, size, every), strict=True):
            run = _run(numbers) if every else None
            yield _fed(self.part, rows if run is None else run, _longest(self.lengths, numbers), _index)


class Streamed(_OfPart):
    """A feed of data on the CPU or in a file: a thread gathers the next batches, into pinned memory for a GPU."""

    def batches(self, order: Tensor, size: int, every: bool = False) -> Iterator[Fed]:
        waiting: deque[Future[Fed]] = deque()
        with ThreadPoolExecutor(1, "nas-feed") as reader:
            for numbers in split(order, size, every):
                waiting.append(reader.submit(self._read, numbers))
                if len(waiting) > AHEAD:
                    yield self._send(waiting.popleft())
            while waiting:
                yield self._send(waiting.popleft())

    def _read(self, numbers: Tensor) -> Fed:
        return _fed(self.part, numbers, _longest(self.lengths, numbers), self._gather)

    def _gather(self, source: Tensor, rows: Rows) -> Tensor:
        if self.device.type != "cuda":
            return source[rows]
        # torch reuses pinned memory only after the copies from it have ended.
        assert isinstance(rows, Tensor)
        pinned = torch.empty((len(rows), *source.shape[1:]), dtype=source.dtype, pin_memory=True)
        return torch.index_select(source, 0, rows, out=pinned)

    def _send(self, read: Future[Fed]) -> Fed:
        fed = read.result()

        def sent(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {field: tensor.to(self.device, non_blocking=True) for field, tensor in tensors.items()}

        return Fed(sent(fed.fields), sent(fed.lengths), fed.targets.to(self.device, non_blocking=True))


Rows = Tensor | slice
Gather = Callable[[Tensor, Rows], Tensor]


def _index(source: Tensor, rows: Rows) -> Tensor:
    return source[rows]


def _fed(part: Tensors, numbers: Rows, longest: Mapping[str, int], gather: Gather) -> Fed:
    """The examples `numbers` of a split, with ragged fields cut to the `longest` example's length."""
    fields, lengths = {}, {}
    for field, column in part.columns.items():
        values = column.values[..., : longest[field]] if field in longest else column.values
        fields[field] = gather(values, numbers if column.rows is None else column.rows[numbers])
        if column.lengths is not None:
            lengths[field] = gather(column.lengths, numbers)
    targets = part.targets if part.along is None else part.targets[:, : longest[part.along]]
    return Fed(fields, lengths, gather(targets, numbers))


def _run(numbers: Tensor) -> slice | None:
    """Consecutive indices as a slice, which indexes without a copy; None where they are not consecutive."""
    first, last = int(numbers[0]), int(numbers[-1])
    runs = last - first + 1 == len(numbers) and bool((numbers.diff() == 1).all())
    return slice(first, last + 1) if runs else None


def lengths_of(part: Tensors) -> dict[str, Tensor]:
    """The lengths of the examples in each ragged field, int64 (N,), on the CPU."""
    ragged = [field for field, axes in part.inputs.items() if axes.ragged]
    return {field: ends(part.columns[field]).cpu() for field in ragged}


def ends(column: Column[Tensor]) -> Tensor:
    """The lengths of sequences, int64 (N,); those of words are counted, since padding is zero."""
    return (column.values[:, 0] != 0).sum(dim=1) if column.lengths is None else column.lengths


def _sizes(lengths: Mapping[str, Tensor]) -> Tensor | None:
    """The size by which examples are grouped: the sum of their lengths over all ragged fields."""
    return sum(lengths.values(), torch.tensor(0)) if lengths else None


def _longest(lengths: Mapping[str, Tensor], numbers: Tensor) -> dict[str, int]:
    return {field: int(each[numbers].max()) for field, each in lengths.items()}


def batch_of(columns: Columns, count: int, inputs: Mapping[str, Axes]) -> list[Tensor]:
    """A network's inputs for measuring, `count` examples: its fields, then the lengths of ragged float fields. All
    sequences have the typical length; too few examples are repeated."""
    fields, lengths = [], []
    for field, axes in inputs.items():
        values = columns[field].values
        x = values.repeat(-(-count // len(values)), *[1] * (values.dim() - 1))[:count]
        if axes.ragged:
            length = axes.shape[-1]
            x = x.repeat(*[1] * (x.dim() - 1), -(-length // x.shape[-1]))[..., :length].contiguous()
        if axes.sent_lengths:
            lengths.append(torch.full((count,), axes.shape[-1]))
        fields.append(x)
    return fields + lengths


def group_by_length(order: Tensor, sizes: Tensor, batch_size: int, generator: torch.Generator) -> Tensor:
    """Reorders `order` (N,) so that batches hold examples of similar `sizes`, which need less padding.

    Pools of 50 batches are sorted and their batches shuffled, so that batches differ from epoch to epoch. A last,
    smaller batch stays last.
    """
    pools = torch.split(order, POOL * batch_size)
    grouped = torch.cat([pool[torch.argsort(sizes[pool], stable=True)] for pool in pools])
    whole = len(grouped) // batch_size * batch_size
    batches = grouped[:whole].view(-1, batch_size)
    return torch.cat([batches[torch.randperm(len(batches), generator=generator)].flatten(), grouped[whole:]])


def count_batches(examples: int, size: int) -> int:
    """The number of batches in a pass over `examples` examples."""
    left_out = 1 if size > 1 and examples > 1 and examples % size == 1 else 0
    return -(-examples // size) - left_out


def split(order: Tensor, size: int, every: bool = False) -> Iterator[Tensor]:
    """`order` in batches of `size`. Unless `every`, a last batch of one example is left out, but not an only one."""
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        if every or len(batch) > 1 or size == 1 or len(order) == 1:
            yield batch


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copies a small tensor from the CPU to `device` without waiting for the work queued there."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def _first(column: Column[Tensor], examples: int) -> Column[Tensor]:
    """The first `examples` examples: `rows`, which index the values, are cut where there are any, else the values."""
    if column.rows is not None:
        return dataclasses.replace(column, rows=column.rows[:examples])
    return column.take(0, examples)


def _map(column: Column[Any], change: Callable[[Any], Tensor]) -> Column[Tensor]:
    rows = None if column.rows is None else change(column.rows)
    return Column(change(column.values), rows, None if column.lengths is None else change(column.lengths))


def _tensors(part: Tensors) -> Iterator[Tensor]:
    yield part.targets
    for column in part.columns.values():
        yield from (tensor for tensor in (column.values, column.rows, column.lengths) if tensor is not None)


def _place(tensor: Tensor) -> tuple[int, torch.Size]:
    return tensor.data_ptr(), tensor.shape


def _memory(device: torch.device) -> int:
    """Bytes of a GPU's memory."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(torch.mps.recommended_max_memory())
