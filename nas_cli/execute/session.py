"""What every job of a run shares: the data, the task, how to train and how to measure."""

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
"""What the names of shared arrays begin with that layers may begin with; all others are examples."""
COLUMN = ("values", "rows", "lengths")


@dataclass(frozen=True)
class Session:
    """A problem, where it is worked on, and the data, which lies in `shared`: worker processes map it too."""

    problem: Problem
    placement: Placement
    data: Parts
    shared: SharedArrays | None = None
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
        workers: int | str = 0,
        latency: tuple[int, int] = (1, 1),
        cache: Cache | None = None,
        drawn: Callable[[Problem], Sequence[Program]] = lambda problem: (),
    ) -> Session:
        """Reads the training and validation parts and chooses how to train; `here` trains in this process.

        `drawn` gives candidates of the search: precision and layout, where they are left open, are timed on the one of
        median cost. Raises DataError, and UserError where the device is not there or cannot do what is asked of it.
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
        """The same session with the precision and layout that are named, or train fastest."""
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
        """What `attach` needs, as JSON data."""
        assert self.shared is not None
        return {
            "problem": self.problem.to_data(),
            "levels": {name: dataclasses.asdict(levels) for name, levels in self.problem.levels.items()},
            "placement": self.placement.to_data(),
            "layout": self.shared.layout,
            "along": self.data.train.along,
        }

    def digest(self) -> str:
        """Differs where the data does: inputs, targets, the split, what layers begin with."""
        assert self.shared is not None
        return self.shared.digest()

    def close(self) -> None:
        """Lets go of the shared data."""
        if self.shared is not None:
            self.shared.close()

    @property
    def train_size(self) -> int:
        return len(self.data.train)

    @property
    def validation_size(self) -> int:
        return len(self.data.validation)

    def samples(self, count: int) -> list[torch.Tensor]:
        """A batch to measure with, as a network takes it: `count` examples of the validation part, of the typical
        length where it differs."""
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
    """What workers share, by where it is used: `train/image/values`, `train/targets`, `asset/vectors`."""
    arrays = {ASSET + name: array for name, array in loaded.fields.assets.items()}
    for name, part in (("train", loaded.train), ("validation", loaded.validation)):
        arrays[f"{name}/targets"] = part.targets
        for called, column in part.columns.items():
            found = {what: getattr(column, what) for what in COLUMN}
            arrays |= {f"{name}/{called}/{what}": array for what, array in found.items() if array is not None}
    return arrays


def _parts(arrays: Mapping[str, Any], problem: Problem, along: str | None) -> Parts:
    """The two parts as tensors, from what `_arrays` gave."""
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
