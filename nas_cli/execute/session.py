"""What every job of a run shares: the data on its device, the task, how to train and how to measure."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from nas_cli.data import DataSettings, load_training, normalisation
from nas_cli.errors import UserError
from nas_cli.model.build import plan
from nas_cli.model.cost import cost
from nas_cli.model.latency import device_name
from nas_cli.model.ops import OPS, Shape
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture
from nas_cli.task import TASKS, Task
from nas_cli.train.loop import Tensors
from nas_cli.train.precision import Precision, choose_precision, choose_threads


@dataclass(frozen=True)
class Session:
    """`mean` and `std` are of the training part, per channel and in raw units; `latency` is (batch size, threads)."""

    task: Task
    data: Tensors
    labels: tuple[str, ...]
    input_shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device
    precision: Precision
    threads: int
    latency: tuple[int, int]
    reasons: Mapping[str, Any]

    @classmethod
    def open(
        cls,
        task: str,
        data: DataSettings,
        seed: int,
        device: str = "auto",
        precision: str | Precision = "auto",
        threads: int | None = None,
        latency: tuple[int, int] = (1, 1),
    ) -> Session:
        """Reads the training and validation parts and prepares the device.

        A `Precision` is taken as it is: a resumed run keeps the choice that it began with. `threads` None is timed.
        Raises DataError, and UserError where the device is not there.
        """
        place = find_device(device)
        loaded = load_training(data, seed)
        mean, std = normalisation(loaded.train)
        timed: dict[str, Any] = {}
        if threads is None:
            threads, timed = choose_threads(place, loaded.input_shape)
        torch.set_num_threads(threads)
        if isinstance(precision, Precision):
            chosen, reasons = precision, {"chosen_by": "the run's first start"}
        else:
            chosen, reasons = choose_precision(precision, place, loaded.input_shape)
            reasons |= timed
        tensors = Tensors(
            torch.from_numpy(loaded.train.inputs).to(place),
            torch.from_numpy(loaded.train.targets).to(place),
            torch.from_numpy(loaded.validation.inputs).to(place),
            torch.from_numpy(loaded.validation.targets).to(place),
            len(loaded.labels),
        )
        return cls(
            TASKS[task], tensors, loaded.labels, loaded.input_shape, mean, std, place, chosen, threads, latency, reasons
        )

    @property
    def train_size(self) -> int:
        return len(self.data.train_targets)

    @property
    def validation_size(self) -> int:
        return len(self.data.validation_targets)

    def head(self, shape: Shape) -> Seq:
        """The task's last layers for features of `shape`."""
        return parse_architecture(self.task.head(shape, len(self.labels)), OPS)

    def costs(self, model: Seq) -> dict[str, float]:
        """`params` and `macs` of an architecture, without building it. Raises Infeasible."""
        return {name: float(value) for name, value in cost(plan(model, self.input_shape, self.head)).items()}

    def shortened(self, examples: int) -> Session:
        """The same session with at most `examples` training and validation examples."""
        data = self.data
        short = dataclasses.replace(
            data,
            train_inputs=data.train_inputs[:examples],
            train_targets=data.train_targets[:examples],
            validation_inputs=data.validation_inputs[:examples],
            validation_targets=data.validation_targets[:examples],
        )
        return dataclasses.replace(self, data=short)

    def describe(self) -> dict[str, Any]:
        """The device and the choices made for it, as JSON data."""
        return {
            "device": device_name(self.device),
            "cores": os.cpu_count(),
            "threads": self.threads,
            "precision": {
                "format": self.precision.format,
                "channels_last": self.precision.channels_last,
                **self.reasons,
            },
        }


def find_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises UserError where `name` is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[name]:
        raise UserError(f"hardware.device is {name}, and torch finds no such device here; use auto or cpu")
    return torch.device(name)
