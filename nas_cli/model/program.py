"""A network as a flat program: every value is computed by one step from earlier values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from nas_cli.axes import Axes, Shape
from nas_cli.model.infer import Counted, Inferred, construct, count, infer
from nas_cli.model.ops import OPS

Kind = Literal["op", "add", "concat", "resize"]


@dataclass(frozen=True)
class Step:
    """Computes one value of the network from earlier ones.

    An 'op' step runs the module of `op` with `args` on its one input; 'add' and 'concat' (of channels) take several.
    'resize' brings its first input to the height and width of its second one.
    `axes` are those of the value. `path` is the layer's place in the architecture, such as `model[3].residual[0].conv`,
    and `name` the form of it used in names of weights: `model_3_residual_0_conv`. `at` is the layer's place in the
    space, such as `model[1].repeat[2].residual[0].conv`, equal for the same layer of every architecture; it is `path`
    where the architecture does not record its places.
    """

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    axes: Axes
    op: str
    args: Mapping[str, Any]
    path: str
    at: str

    @property
    def shape(self) -> Shape:
        return self.axes.shape


@dataclass(frozen=True)
class Program:
    """The first values are the fields in `inputs`. Each of the `steps` adds one value, in order. The last value is the
    output, and it depends on every step.
    """

    inputs: Mapping[str, Axes]
    steps: tuple[Step, ...]

    def axes(self, value: int) -> Axes:
        """The axes of value number `value`, as layers see it."""
        if value < len(self.inputs):
            return list(self.inputs.values())[value].entered
        return self.steps[value - len(self.inputs)].axes

    def shape(self, value: int) -> Shape:
        return self.axes(value).shape

    def value(self, index: int) -> int:
        """The number of the value that step `index` gives."""
        return len(self.inputs) + index

    @property
    def output(self) -> int:
        """The number of the last value."""
        return self.value(len(self.steps) - 1)

    @property
    def op_steps(self) -> tuple[Step, ...]:
        """The steps that run a module."""
        return tuple(step for step in self.steps if step.kind == "op")

    def construct(self, step: Step) -> nn.Module:
        """A new module for an 'op' step, on torch's default device, with the weights that its constructor sets."""
        return construct(step.op, step.args, self.shape(step.inputs[0]))

    def inferred(self, step: Step) -> Inferred:
        """Shape and parameters of the module of an 'op' step."""
        return infer(step.op, step.args, self.axes(step.inputs[0]))

    @property
    def params(self) -> int:
        return sum(self.inferred(step).params for step in self.op_steps)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample, of convolutions and matrix products."""
        return sum(self.counted(step).macs for step in self.op_steps)

    @property
    def activations(self) -> int:
        """About how many numbers training keeps for one sample: the outputs of all steps and of their inner modules."""
        joined = sum(math.prod(step.shape) for step in self.steps if step.kind != "op")
        return joined + sum(self.counted(step).activations for step in self.op_steps)

    def counted(self, step: Step) -> Counted:
        """Cost of one sample in the module of an 'op' step."""
        return count(step.op, step.args, self.axes(step.inputs[0]))

    def readers(self) -> list[list[int]]:
        """For each value, the indices of the steps that read it."""
        found: list[list[int]] = [[] for _ in range(self.output + 1)]
        for index, step in enumerate(self.steps):
            for value in dict.fromkeys(step.inputs):
                found[value].append(index)
        return found


def without_dead_steps(program: Program, output: int) -> Program:
    """The steps that value `output` needs, renumbered."""
    first, needed = len(program.inputs), {output}
    for value in range(output, first - 1, -1):
        if value in needed:
            needed.update(program.steps[value - first].inputs)
    kept = [value for value in sorted(needed) if value >= first]
    number = {value: value for value in range(first)} | {value: place for place, value in enumerate(kept, first)}
    steps = [program.steps[value - first] for value in kept]
    return Program(program.inputs, tuple(replace(step, inputs=tuple(number[v] for v in step.inputs)) for step in steps))


def without_idle_biases(program: Program) -> Program:
    """Sets `bias: false` where the spec leaves it open and the next op subtracts the mean, and the bias with it."""
    readers, steps = program.readers(), list(program.steps)
    for index, step in enumerate(steps):
        if not OPS.traits(step.op).idle_bias or step.args.get("bias") is not None:
            continue
        after = [program.steps[reader] for reader in readers[program.value(index)]]
        if len(after) == 1 and OPS.traits(after[0].op).subtracts_mean:
            steps[index] = replace(step, args={**step.args, "bias": False})
    return Program(program.inputs, tuple(steps))
