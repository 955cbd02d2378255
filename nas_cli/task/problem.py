"""The learning problem: task, inputs and labels as one object, from the data to an exported network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from nas_cli.axes import Axes, Shape, read_inputs, write_inputs
from nas_cli.data.source import Levels
from nas_cli.errors import SpecError
from nas_cli.model.build import plan
from nas_cli.model.cost import cost
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.weights import Modules
from nas_cli.space.nodes import Seq
from nas_cli.space.parse import parse_architecture
from nas_cli.task.base import TASKS, Scale, Task, Written, name_of, open_task


@dataclass(frozen=True)
class Problem:
    """The task, as it is `written` in a spec, the `inputs` of a network by field, and the `labels`: names of classes or
    tags, or of several numbers. `facts` are those of the data, JSON, for ops and heads. `levels` are what fields of raw
    levels are normalised by; a network that is trained has them among its weights.
    """

    written: Written
    inputs: Mapping[str, Axes]
    labels: tuple[str, ...]
    facts: Mapping[str, Any]
    levels: Mapping[str, Levels] = field(default_factory=dict)

    @cached_property
    def task(self) -> Task:
        return open_task(self.written)

    @property
    def scale(self) -> Scale:
        """The deviation of targets that are numbers; of several float32 (K,)."""
        scale: float | list[float] = self.facts.get("target_deviation", 1.0)
        return torch.tensor(scale, dtype=torch.float32) if isinstance(scale, list) else scale

    def head(self, shape: Shape) -> Seq:
        """The task's last layers for features of `shape`."""
        layers = self.task.head(shape, self.facts)
        try:
            return parse_architecture(layers, OPS)
        except SpecError as error:
            origin = TASKS.origin(name_of(self.written))
            if origin is None:
                raise
            raise origin.wrong(f"gave {layers} for head, which is no list of layers: {error.message}") from None

    def plan(self, model: Seq) -> Program:
        """The program of an architecture with the task's head, without building it. Raises Infeasible."""
        return plan(model, self.inputs, self.head, self.facts)

    def costs(self, model: Seq) -> dict[str, float]:
        """The counted costs of an architecture, without building it. Raises Infeasible."""
        return {name: float(value) for name, value in cost(self.plan(model)).items()}

    def network(self, program: Program, modules: Modules) -> Network:
        """The network of a program of this problem, normalised by `levels`."""
        network = Network(program, modules)
        for name, levels in self.levels.items():
            network.set_normalisation(name, levels.mean, levels.std)
        return network

    def to_data(self) -> dict[str, Any]:
        """JSON data, without the levels, as architecture.yaml has it; `from_data` reads it back."""
        return {
            "task": self.written,
            "labels": list(self.labels),
            **write_inputs(self.inputs),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Problem:
        """Raises KeyError, TypeError or ValueError where something is missing or wrong, SpecError for a task that there
        is none of."""
        inputs = read_inputs(data, open_task(data["task"]).wanted.fields)
        labels = tuple(str(label) for label in data["labels"])
        return cls(data["task"], inputs, labels, data.get("facts", {}))

    def with_levels(self, levels: Mapping[str, Levels]) -> Problem:
        return dataclasses.replace(self, levels=levels)
