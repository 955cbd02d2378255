"""What every job of a run shares: the data, the task, how to train and how to measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from nas_cli.axes import Axes, Column, Shape
from nas_cli.data import Cache, DataSettings, Fields, Levels, TrainingData, load_training
from nas_cli.errors import NasError, SpecError
from nas_cli.execute.hardware import cores, find_device, repeat_exactly
from nas_cli.execute.race import Steps, middle, stand_in
from nas_cli.execute.shared import SharedArrays, attach
from nas_cli.model.build import plan
from nas_cli.model.cost import cost
from nas_cli.model.latency import device_name
from nas_cli.model.ops import OPS
from nas_cli.model.ops.layout import has_layouts
from nas_cli.model.program import Program
from nas_cli.model.weights import Assets
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture
from nas_cli.task import TASKS, Task, Written, name_of, open_task
from nas_cli.train.feed import Parts, Tensors, batch_of
from nas_cli.train.precision import Precision, choose_precision

ASSET = "asset/"
"""What the names of shared arrays begin with that layers may begin with; all others are examples."""
COLUMN = ("values", "rows", "lengths")


@dataclass(frozen=True)
class Session:
    """`levels` are what fields of raw levels are normalised by; `latency` is (batch size, threads).

    The data lies in `shared`, which worker processes map too.
    """

    task_name: Written
    data: Parts
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
    fields: Fields | None = None
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
        drawn: Callable[[Session], Sequence[Program]] = lambda session: (),
    ) -> Session:
        """Reads the training and validation parts and chooses how to train; `here` trains in this process.

        `drawn` gives candidates of the search: precision and layout, where they are left open, are timed on the one of
        median cost. Raises DataError, and UserError where the device is not there or cannot do what is asked of it.
        """
        place = find_device(device)
        repeat_exactly(place)
        torch.set_num_threads(threads)
        loaded = load_training(data, seed, cache, open_task(task).wanted)
        shared = SharedArrays(_arrays(loaded))
        session = cls(
            task,
            _parts(shared.arrays, loaded.inputs, loaded.facts, loaded.labels, loaded.train.along),
            loaded.labels,
            loaded.inputs,
            place,
            Precision(),
            threads,
            latency,
            {},
            shared,
            loaded.facts,
            loaded.fields.levels,
            loaded.fields,
            _assets(shared.arrays),
            loaded.notes,
        )
        try:
            return session._with_precision(precision, layout, drawn)
        except NasError:
            session.close()
            raise

    def _with_precision(self, precision: str, layout: str, drawn: Callable[[Session], Sequence[Program]]) -> Session:
        """The same session with the precision and layout that are named, or train fastest."""
        images = any(map(has_layouts, self.inputs.values()))
        program = None
        if precision == "auto" or (layout == "auto" and images):
            program = middle(drawn(self)) or stand_in(
                self.inputs, lambda arch: self.plan(parse_architecture(arch, OPS))
            )
        steps = None if program is None else Steps(program, self.data, self.task, self.device, self.assets)
        chosen, reasons = choose_precision(precision, layout, self.device, images, steps)
        return dataclasses.replace(self, precision=chosen, reasons=reasons)

    @classmethod
    def attach(cls, description: Mapping[str, Any], file: int, device: torch.device) -> Session:
        """The session that another process opened, from its `description` and the descriptor of its shared arrays."""
        repeat_exactly(device)
        torch.set_num_threads(description["threads"])
        arrays = attach(file, description["layout"])
        inputs = {field: Axes.from_data(axes) for field, axes in description["inputs"].items()}
        labels, facts = tuple(description["labels"]), description["facts"]
        return cls(
            description["task"],
            _parts(arrays, inputs, facts, labels, description["along"]).place(device),
            labels,
            inputs,
            device,
            Precision(**description["precision"]),
            description["threads"],
            tuple(description["latency"]),
            {},
            facts=facts,
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
            "along": self.data.train.along,
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
        return len(self.data.train)

    @property
    def validation_size(self) -> int:
        return len(self.data.validation)

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
        """A batch to measure with, as a network takes it: `count` examples of the validation part, of the typical
        length where it differs."""
        size = sum(axes.size for axes in self.inputs.values())
        return batch_of(self.data.validation.samples(count, count * size * 4), count, self.inputs)

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


def _arrays(loaded: TrainingData) -> dict[str, np.ndarray[Any, Any]]:
    """What workers share, by where it is used: `train/image/values`, `train/targets`, `asset/vectors`."""
    arrays = {ASSET + name: array for name, array in loaded.fields.assets.items()}
    for name, part in (("train", loaded.train), ("validation", loaded.validation)):
        arrays[f"{name}/targets"] = part.targets
        for called, column in part.columns.items():
            found = {what: getattr(column, what) for what in COLUMN}
            arrays |= {f"{name}/{called}/{what}": array for what, array in found.items() if array is not None}
    return arrays


def _parts(
    arrays: Mapping[str, Any],
    inputs: Mapping[str, Axes],
    facts: Mapping[str, Any],
    labels: tuple[str, ...],
    along: str | None,
) -> Parts:
    """The two parts as tensors, from what `_arrays` gave."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def part(name: str) -> Tensors:
        columns: dict[str, Any] = {}
        for called in inputs:
            columns[called] = Column(*(tensors.get(f"{name}/{called}/{what}") for what in COLUMN))
        return Tensors(columns, tensors[f"{name}/targets"], inputs, along)

    scale = facts.get("target_deviation", 1.0)
    if isinstance(scale, list):
        scale = torch.tensor(scale, dtype=torch.float32)
    return Parts(part("train"), part("validation"), facts["labels"], scale=scale, labels=labels)


def _assets(arrays: Mapping[str, Any]) -> Assets:
    assets = {name.removeprefix(ASSET): array for name, array in arrays.items() if name.startswith(ASSET)}
    return {name: torch.from_numpy(array) for name, array in assets.items()}
