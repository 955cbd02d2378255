"""A network as a flat program: every value is computed by one step from earlier values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from nas_cli.model.infer import Counted, Inferred, count, infer
from nas_cli.model.ops import OPS, Shape


@dataclass(frozen=True)
class Step:
    """Computes value `i + 1`, where i is its place in the program; value 0 is the network's input.

    `op` and `args` say which module an 'op' step runs on its one input; 'add' and 'concat' (of channels) take several.
    `shape` is the value's, without the batch axis. `path` is the layer's place in the architecture, such as
    `model[3].residual[0].conv`, and `name` the same as a part of the name of its weights: `model_3_residual_0_conv`.
    """

    name: str
    kind: Literal["op", "add", "concat"]
    inputs: tuple[int, ...]
    shape: Shape
    op: str
    args: Mapping[str, Any]
    path: str


@dataclass(frozen=True)
class Program:
    """`steps` in order; the last one gives the output. Every step reaches it."""

    input_shape: Shape
    steps: tuple[Step, ...]

    def shape(self, value: int) -> Shape:
        return self.steps[value - 1].shape if value else self.input_shape

    def inferred(self, step: Step) -> Inferred:
        """Shape and parameters of the module of an 'op' step."""
        return infer(step.op, step.args, self.shape(step.inputs[0]))

    @property
    def params(self) -> int:
        return sum(self.inferred(step).params for step in self.steps if step.kind == "op")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample, of convolutions and matrix products."""
        return sum(self.counted(step).macs for step in self.steps if step.kind == "op")

    @property
    def activations(self) -> int:
        """About how many numbers training keeps of one sample: what each step gives, and each module inside it."""
        return sum(
            self.counted(step).activations if step.kind == "op" else math.prod(step.shape) for step in self.steps
        )

    def counted(self, step: Step) -> Counted:
        """What the module of an 'op' step costs a sample."""
        return count(step.op, step.args, self.shape(step.inputs[0]))

    def readers(self) -> list[list[int]]:
        """For each value, the indices of the steps that read it."""
        found: list[list[int]] = [[] for _ in range(len(self.steps) + 1)]
        for index, step in enumerate(self.steps):
            for value in dict.fromkeys(step.inputs):
                found[value].append(index)
        return found


def without_dead_steps(program: Program, output: int) -> Program:
    """The steps that value `output` needs, renumbered."""
    needed = {output}
    for value in range(output, 0, -1):
        if value in needed:
            needed.update(program.steps[value - 1].inputs)
    kept = [value for value in sorted(needed) if value]
    number = {0: 0} | {value: place for place, value in enumerate(kept, 1)}
    steps = [program.steps[value - 1] for value in kept]
    return Program(
        program.input_shape, tuple(replace(step, inputs=tuple(number[v] for v in step.inputs)) for step in steps)
    )


def without_idle_biases(program: Program) -> Program:
    """A bias right before an op that subtracts the mean is subtracted again: where `bias` is not given, there is none
    there.
    """
    readers, steps = program.readers(), list(program.steps)
    for index, step in enumerate(steps):
        if not OPS.traits(step.op).idle_bias or step.args.get("bias") is not None:
            continue
        after = [program.steps[reader] for reader in readers[index + 1]]
        if len(after) == 1 and OPS.traits(after[0].op).subtracts_mean:
            steps[index] = replace(step, args={**step.args, "bias": False})
    return Program(program.input_shape, tuple(steps))
