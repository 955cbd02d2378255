"""The state that all jobs of a run share: the data, the task, how to train and how to measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from nas_cli.axes import Column
from nas_cli.data import Cache, DataSettings, Fields, Levels, TrainingData, load_training
from nas_cli.errors import NasError
from nas_cli.execute.hardware import count_workers, find_device, repeat_exactly
from nas_cli.execute.placement import Placement
from nas_cli.execute.race import Steps, middle, stand_in
from nas_cli.execute.shared import SharedArrays, attach
from nas_cli.model.ops.layout import has_layouts
from nas_cli.model.program import Program
from nas_cli.model.weights import Assets
from nas_cli.task import Written, open_task
from nas_cli.task.problem import Problem
from nas_cli.train.feed import Parts, Tensors, batch_of
from nas_cli.train.precision import Precision, choose_precision

ASSET = "asset/"
"""Prefix of the shared arrays that hold initial weights (pretrained vectors, say); all others hold examples."""
COLUMN = ("values", "rows", "lengths")


@dataclass(frozen=True)
class Session:
    """A problem, its placement on the hardware, and its data, which lies in `shared`: worker processes map it too."""

    problem: Problem
    placement: Placement
    data: Parts
    shared: SharedArrays | None = None
    fields: Fields | None = None
    """None in a worker, which gets arrays only."""
    assets: Assets = field(default_factory=dict)
    """Initial weights for layers, mapped from `shared`."""
    notes: tuple[str, ...] = ()
    """Sentences for the user on what was found in the data, what was guessed and what was skipped."""

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
        workers: int | str = 0,
        latency: tuple[int, int] = (1, 1),
        cache: Cache | None = None,
        drawn: Callable[[Problem], Sequence[Program]] = lambda problem: (),
    ) -> Session:
        """Reads the training and validation splits and resolves device, workers, precision and layout.

        `drawn` gives candidates of the search: a precision or layout of `auto` is chosen by timing the candidate of
        median cost. To train in this process, call `here`. Raises DataError, and UserError where the device is missing
        or does not support what is asked of it.
        """
        place = find_device(device)
        repeat_exactly(place)
        torch.set_num_threads(threads)
        loaded = load_training(data, seed, cache, open_task(task).wanted)
        problem = Problem(task, loaded.inputs, loaded.labels, loaded.facts, loaded.fields.levels)
        shared = SharedArrays(_arrays(loaded))
        placement = Placement(place, Precision(), threads, count_workers(workers, place), latency)
        parts = _parts(shared.arrays, problem, loaded.train.along)
        session = cls(problem, placement, parts, shared, loaded.fields, _assets(shared.arrays), loaded.notes)
        try:
            return session._with_precision(precision, layout, drawn)
        except NasError:
            session.close()
            raise

    def _with_precision(self, precision: str, layout: str, drawn: Callable[[Problem], Sequence[Program]]) -> Session:
        """The same session with the named precision and layout, the fastest for those that are `auto`."""
        problem, device = self.problem, self.placement.device
        images = any(map(has_layouts, problem.inputs.values()))
        program = None
        if precision == "auto" or (layout == "auto" and images):
            program = middle(drawn(problem)) or stand_in(problem)
        steps = None if program is None else Steps(program, problem, self.data, device, self.assets)
        chosen, reasons = choose_precision(precision, layout, device, images, steps)
        return dataclasses.replace(
            self, placement=dataclasses.replace(self.placement, precision=chosen, reasons=reasons)
        )

    @classmethod
    def attach(cls, description: Mapping[str, Any], file: int, device: torch.device) -> Session:
        """The session that another process opened, from its `description` and the descriptor of its shared arrays."""
        placement = Placement.from_data(description["placement"], device)
        repeat_exactly(device)
        torch.set_num_threads(placement.threads)
        arrays = attach(file, description["layout"])
        levels = {name: Levels.from_data(levels) for name, levels in description["levels"].items()}
        problem = Problem.from_data(description["problem"]).with_levels(levels)
        parts = _parts(arrays, problem, description["along"]).place(device)
        return cls(problem, placement, parts, assets=_assets(arrays))

    def description(self) -> dict[str, Any]:
        """The arguments of `attach`, as JSON data."""
        assert self.shared is not None
        return {
            "problem": self.problem.to_data(),
            "levels": {name: dataclasses.asdict(levels) for name, levels in self.problem.levels.items()},
            "placement": self.placement.to_data(),
            "layout": self.shared.layout,
            "along": self.data.train.along,
        }

    def digest(self) -> str:
        """A digest of the data: inputs, targets, the split and initial weights."""
        assert self.shared is not None
        return self.shared.digest()

    def close(self) -> None:
        """Closes the shared data."""
        if self.shared is not None:
            self.shared.close()

    @property
    def train_size(self) -> int:
        return len(self.data.train)

    @property
    def validation_size(self) -> int:
        return len(self.data.validation)

    def samples(self, count: int) -> list[torch.Tensor]:
        """A network's inputs for measuring: `count` validation examples, sequences at their typical length."""
        inputs = self.problem.inputs
        size = sum(axes.size for axes in inputs.values())
        return batch_of(self.data.validation.samples(count, count * size * 4), count, inputs)

    def shortened(self, examples: int) -> Session:
        """The same session with at most `examples` training and validation examples."""
        return dataclasses.replace(self, data=self.data.shortened(examples))

    def here(self) -> Session:
        """The same session with the data on its device, so that this process may train."""
        return dataclasses.replace(self, data=self.data.place(self.placement.device))


def _arrays(loaded: TrainingData) -> dict[str, np.ndarray[Any, Any]]:
    """The shared arrays by name, such as `train/image/values`, `train/targets` and `asset/vectors`."""
    arrays = {ASSET + name: array for name, array in loaded.fields.assets.items()}
    for name, part in (("train", loaded.train), ("validation", loaded.validation)):
        arrays[f"{name}/targets"] = part.targets
        for called, column in part.columns.items():
            found = {what: getattr(column, what) for what in COLUMN}
            arrays |= {f"{name}/{called}/{what}": array for what, array in found.items() if array is not None}
    return arrays


def _parts(arrays: Mapping[str, Any], problem: Problem, along: str | None) -> Parts:
    """The training and validation splits as tensors, from the arrays that `_arrays` named."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def part(name: str) -> Tensors:
        columns: dict[str, Any] = {}
        for called in problem.inputs:
            columns[called] = Column(*(tensors.get(f"{name}/{called}/{what}") for what in COLUMN))
        return Tensors(columns, tensors[f"{name}/targets"], problem.inputs, along)

    return Parts(part("train"), part("validation"), problem.facts["labels"], scale=problem.scale, labels=problem.labels)


def _assets(arrays: Mapping[str, Any]) -> Assets:
    assets = {name.removeprefix(ASSET): array for name, array in arrays.items() if name.startswith(ASSET)}
    return {name: torch.from_numpy(array) for name, array in assets.items()}
