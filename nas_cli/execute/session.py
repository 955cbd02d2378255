"""What every job of a run shares: the data, the task, how to train and how to measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from nas_cli.axes import Axes, Shape, only
from nas_cli.data import Cache, DataSettings, Encoder, Levels, load_training
from nas_cli.errors import SpecError
from nas_cli.execute.hardware import cores, find_device, repeat_exactly
from nas_cli.execute.shared import SharedArrays, attach
from nas_cli.model.build import plan
from nas_cli.model.cost import cost
from nas_cli.model.latency import device_name
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.weights import Assets
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture
from nas_cli.task import TASKS, Task, Written, name_of, open_task
from nas_cli.train.feed import Tensors, batch_of
from nas_cli.train.precision import Precision, choose_precision

PARTS = tuple(f"{part}_{what}" for part in ("train", "validation") for what in ("inputs", "targets", "rows"))
"""Shared arrays that are examples; all others are assets."""


@dataclass(frozen=True)
class Session:
    """`levels` are what fields of raw levels are normalised by; `latency` is (batch size, threads).

    The data lies in `shared`, which worker processes map too.
    """

    task_name: Written
    data: Tensors
    labels: tuple[str, ...]
    inputs: Mapping[str, Axes]
    device: torch.device
    precision: Precision
    threads: int
    latency: tuple[int, int]
    reasons: Mapping[str, Any]
    shared: SharedArrays | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, Levels] = field(default_factory=dict)
    encoder: Encoder | None = None
    """None in a worker, which gets inputs only."""
    assets: Assets = field(default_factory=dict)
    """What layers may begin with, mapped from `shared`."""
    notes: tuple[str, ...] = ()
    """Sentences for the user on what was found in the data, guessed and passed over."""

    @classmethod
    def open(
        cls,
        task: Written,
        data: DataSettings,
        seed: int,
        device: str = "auto",
        precision: str = "auto",
        layout: str = "auto",
        threads: int = 1,
        latency: tuple[int, int] = (1, 1),
        cache: Cache | None = None,
    ) -> Session:
        """Reads the training and validation parts and chooses how to train; `here` trains in this process.

        Raises DataError, and UserError where the device is not there or cannot do what is asked of it.
        """
        place = find_device(device)
        repeat_exactly(place)
        torch.set_num_threads(threads)
        loaded = load_training(data, seed, cache, open_task(task).wanted)
        arrays = {
            "train_inputs": loaded.train.inputs,
            "train_targets": loaded.train.targets,
            "train_rows": loaded.train.rows,
            "validation_inputs": loaded.validation.inputs,
            "validation_targets": loaded.validation.targets,
            "validation_rows": loaded.validation.rows,
            **loaded.encoder.assets,
        }
        shared = SharedArrays({name: array for name, array in arrays.items() if array is not None})
        chosen, reasons = choose_precision(precision, layout, place, only(loaded.inputs))
        return cls(
            task,
            _tensors(shared.arrays, loaded.facts, loaded.labels),
            loaded.labels,
            loaded.inputs,
            place,
            chosen,
            threads,
            latency,
            reasons,
            shared,
            loaded.facts,
            {loaded.field: loaded.encoder.levels} if loaded.encoder.levels else {},
            loaded.encoder,
            _assets(shared.arrays),
            loaded.notes,
        )

    @classmethod
    def attach(cls, description: Mapping[str, Any], file: int, device: torch.device) -> Session:
        """The session that another process opened, from its `description` and the descriptor of its shared arrays."""
        repeat_exactly(device)
        torch.set_num_threads(description["threads"])
        arrays = attach(file, description["layout"])
        return cls(
            description["task"],
            _tensors(arrays, description["facts"], tuple(description["labels"])).place(device),
            tuple(description["labels"]),
            {field: Axes.from_data(axes) for field, axes in description["inputs"].items()},
            device,
            Precision(**description["precision"]),
            description["threads"],
            tuple(description["latency"]),
            {},
            facts=description["facts"],
            levels={field: Levels.from_data(levels) for field, levels in description["levels"].items()},
            assets=_assets(arrays),
        )

    def description(self) -> dict[str, Any]:
        """What `attach` needs, as JSON data."""
        assert self.shared is not None
        return {
            "task": self.task_name,
            "labels": list(self.labels),
            "inputs": {field: axes.to_data() for field, axes in self.inputs.items()},
            "levels": {name: dataclasses.asdict(levels) for name, levels in self.levels.items()},
            "precision": dataclasses.asdict(self.precision),
            "threads": self.threads,
            "latency": list(self.latency),
            "layout": self.shared.layout,
            "facts": dict(self.facts),
        }

    def digest(self) -> str:
        """Differs where the data does: inputs, targets, the split, what layers begin with."""
        assert self.shared is not None
        return self.shared.digest()

    def close(self) -> None:
        """Lets go of the shared data."""
        if self.shared is not None:
            self.shared.close()

    @cached_property
    def task(self) -> Task:
        return open_task(self.task_name)

    @property
    def train_size(self) -> int:
        return len(self.data.train_targets)

    @property
    def validation_size(self) -> int:
        return len(self.data.validation_targets)

    def head(self, shape: Shape) -> Seq:
        """The task's last layers for features of `shape`."""
        layers = self.task.head(shape, self.facts)
        try:
            return parse_architecture(layers, OPS)
        except SpecError as error:
            origin = TASKS.origin(name_of(self.task_name))
            if origin is None:
                raise
            raise origin.wrong(f"gave {layers} for head, which is no list of layers: {error.message}") from None

    def plan(self, model: Seq) -> Program:
        """The program of an architecture with the task's head, without building it. Raises Infeasible."""
        return plan(model, self.inputs, self.head, self.facts)

    def costs(self, model: Seq) -> dict[str, float]:
        """The counted costs of an architecture, without building it. Raises Infeasible."""
        return {name: float(value) for name, value in cost(self.plan(model)).items()}

    def samples(self, count: int) -> list[torch.Tensor]:
        """A batch to measure with: `count` examples of the validation part, of the typical length where it differs."""
        axes = only(self.inputs)
        return [batch_of(self.data.samples(count, count * axes.size * 4), count, axes)]

    def shortened(self, examples: int) -> Session:
        """The same session with at most `examples` training and validation examples."""
        return dataclasses.replace(self, data=self.data.shortened(examples))

    def here(self) -> Session:
        """The same session with the data on its device, so that this process may train."""
        return dataclasses.replace(self, data=self.data.place(self.device))

    def describe(self) -> dict[str, Any]:
        """The device and the choices made for it, as JSON data."""
        return {
            "device": device_name(self.device),
            "cores": cores(),
            "threads": self.threads,
            "precision": {
                "format": self.precision.format,
                "channels_last": self.precision.channels_last,
                **self.reasons,
            },
        }


def _tensors(arrays: Mapping[str, Any], facts: Mapping[str, Any], labels: tuple[str, ...]) -> Tensors:
    tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items() if name in PARTS}
    scale = facts.get("target_deviation", 1.0)
    if isinstance(scale, list):
        scale = torch.tensor(scale, dtype=torch.float32)
    return Tensors(classes=facts["labels"], scale=scale, labels=labels, **tensors)


def _assets(arrays: Mapping[str, Any]) -> Assets:
    return {name: torch.from_numpy(array) for name, array in arrays.items() if name not in PARTS}
