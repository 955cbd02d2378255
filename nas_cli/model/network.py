"""The network that is trained, measured and exported: a program with its modules and its normalisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nas_cli.axes import Axes
from nas_cli.model.ops import OPS
from nas_cli.model.ops.layout import flattens, keep_layout
from nas_cli.model.ops.lengths import lengths_of
from nas_cli.model.ops.traits import of_module
from nas_cli.model.ops.vocabulary import apply
from nas_cli.model.program import Program, Step
from nas_cli.model.weights import Modules


def leaves_ends(op: str, module: nn.Module) -> bool:
    """Whether `module`, of the op `op`, may turn the zeros of padding into other values."""
    keeps = OPS.traits(op).keeps_zeros or of_module(module).keeps_zeros
    return not getattr(module, "masked", False) and not keeps


Watch = Callable[[Step, list[Tensor], Tensor | None], None]


@dataclass(frozen=True)
class Outputs:
    """Outputs for a batch; `lengths` int64 (N,) are the lengths of output sequences, None where there are none."""

    values: Tensor
    lengths: Tensor | None


class Levels(nn.Module):
    """Normalises raw levels (N, C, …), such as pixels of 0 to 255, to mean 0 and deviation 1 in each channel.

    `mean` and `std` are in the units of the raw samples. They belong to the state dict: the weights bring their
    preprocessing along.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, axes: Axes) -> None:
        super().__init__()
        sides = (1, axes.shape[0], *[1] * (len(axes.shape) - 1))
        self.register_buffer("mean", torch.zeros(sides, dtype=torch.float32, device="cpu"))
        self.register_buffer("std", torch.ones(sides, dtype=torch.float32, device="cpu"))

    def set(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Mean and standard deviation of each channel of the raw samples; a deviation of zero becomes one."""
        self.mean.copy_(torch.tensor(mean, dtype=torch.float32).view_as(self.mean))
        deviations = torch.tensor(std, dtype=torch.float32)
        self.std.copy_(deviations.where(deviations > 0, 1.0).view_as(self.std))

    def forward(self, raw: Tensor) -> Tensor:
        return (raw.to(self.mean.dtype) - self.mean) / self.std


class Network(nn.Module):
    """Maps the raw fields of samples to the output of the last step, such as logits (N, classes).

    `layers` holds the module of every 'op' step by the step's name, `levels` the normalisation of the fields that have
    one. `modules` makes the modules, with new weights or given ones. Dropout and drop-path draw from torch's global
    generator when training: the training loop seeds it. `origin` is an offset that `forward` adds to the outputs in
    float64; training and scoring use `body`, which has no offset.
    """

    origin: Tensor | None

    def __init__(self, program: Program, modules: Modules) -> None:
        super().__init__()
        self.program = program
        self.layers = nn.ModuleDict(modules(program))
        self.levels = nn.ModuleDict({field: Levels(axes) for field, axes in program.inputs.items() if axes.levels})
        self.register_buffer("origin", None, persistent=False)
        self.register_load_state_dict_pre_hook(_renamed)  # type: ignore[no-untyped-call]
        self.watch: Watch | None = None
        """Called before every step, with the step, its inputs and the mask of its sequences."""
        readers = program.readers()
        self._freed = tuple(
            tuple(v for v in dict.fromkeys(step.inputs) if readers[v][-1] == index and v != program.output)
            for index, step in enumerate(program.steps)
        )
        self._unmasked = tuple(
            step.kind == "op" and step.axes.ragged and leaves_ends(step.op, self.layers[step.name])
            for step in program.steps
        )
        self._shortens = tuple(
            step.kind == "op" and step.axes.ragged and lengths_of(self.layers[step.name]) is not None
            for step in program.steps
        )
        self._flattens = tuple(flattens(program.axes(step.inputs[0]), step.axes) for step in program.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.program.steps

    @property
    def inputs(self) -> Mapping[str, Axes]:
        return self.program.inputs

    @property
    def ragged(self) -> bool:
        """Whether an input field has sequences of different lengths."""
        return any(axes.ragged for axes in self.inputs.values())

    def set_normalisation(self, field: str, mean: Sequence[float], std: Sequence[float]) -> None:
        """Sets mean and standard deviation of each channel of the raw samples of `field`."""
        cast(Levels, self.levels[field]).set(mean, std)

    def set_origin(self, origin: float | Sequence[float]) -> None:
        """Sets the offset of the outputs, one number or one for each output; zeros set none. For a CPU only: Apple's
        GPUs have no float64."""
        found = torch.tensor(origin, dtype=torch.float64)
        self.origin = found if bool(found.any()) else None

    def forward(self, *raw: Tensor) -> Tensor:
        """`raw` are the fields in their order, followed by the lengths of the ragged fields of floats."""
        inputs = dict(zip(self.inputs, raw, strict=False))
        named = [field for field, axes in self.inputs.items() if axes.sent_lengths]
        outputs = self.body(self.normalize(inputs), dict(zip(named, raw[len(inputs) :], strict=True))).values
        return outputs if self.origin is None else outputs.double() + self.origin

    def normalize(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The raw fields with levels normalised to mean 0 and deviation 1; other fields are unchanged."""
        return {**raw, **{field: levels(raw[field]) for field, levels in self.levels.items()}}

    def body(self, inputs: Mapping[str, Tensor], lengths: Mapping[str, Tensor] | None = None) -> Outputs:
        """Runs the layers on normalised samples. A value is freed after its last use.

        `lengths` int64 (N,) are the lengths of ragged fields; padded integers need none, their zeros tell. Every value
        is zero after the ends of its sequences, so a batch gives the same outputs as single sequences do.
        """
        known = lengths or {}
        values = {number: inputs[field] for number, field in enumerate(self.inputs)}
        ends = [_ends(axes, inputs[field], known.get(field)) for field, axes in self.inputs.items()]
        masks = _Masks()
        for index, step in enumerate(self.program.steps):
            given = [values[value] for value in step.inputs]
            end = ends[step.inputs[0]]
            for value in self._freed[index]:
                del values[value]
            if self._flattens[index] and self.training:
                keep_layout(given[0])
            mask = None if end is None else masks.of(end, given[0].shape[-1])
            if self.watch is not None:
                self.watch(step, given, mask)
            if step.kind == "op":
                module = self.layers[step.name]
                output = apply(module, given[0], mask)
                if self._shortens[index]:
                    change = lengths_of(module)
                    assert change is not None
                    assert end is not None
                    end = change(end)
                if self._unmasked[index]:
                    assert end is not None
                    output = output * masks.of(end, output.shape[-1])[:, None]
            else:
                output = combine(step, given)
            values[self.program.value(index)] = output
            ends.append(end if step.axes.ragged else None)
        return Outputs(values[self.program.output], ends[-1])


def combine(step: Step, given: Sequence[Tensor]) -> Tensor:
    """The output of a step without a module: a sum, a concatenation or a resized image."""
    if step.kind == "concat":
        return torch.cat(tuple(given), dim=1)
    if step.kind == "resize":
        x, like = given
        return nn.functional.interpolate(x, size=like.shape[2:], mode=step.args["mode"])
    output = given[0]
    for term in given[1:]:
        output = output + term
    return output


class _Masks:
    """Padding masks, each made once for all layers with the same lengths."""

    def __init__(self) -> None:
        self._made: list[tuple[Tensor, Tensor]] = []

    def of(self, lengths: Tensor, longest: int) -> Tensor:
        """The padding mask, bool (N, longest): true at the time steps of a sequence."""
        for known, mask in self._made:
            if known is lengths:
                return mask
        mask = torch.arange(longest, device=lengths.device) < lengths[:, None]
        self._made.append((lengths, mask))
        return mask


def _ends(axes: Axes, x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """The lengths of a field's sequences, int64 (N,), counted from the padding for integers (N, K, L)."""
    if not axes.ragged:
        return None
    return (x[:, 0] != 0).sum(dim=1) if lengths is None else lengths


def _renamed(network: Network, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Reads the weights of earlier versions, which had one input and stored its normalisation as mean and std."""
    for name in ("mean", "std"):
        if prefix + name in state:
            value = state.pop(prefix + name)
            for field in network.levels:
                state[f"{prefix}levels.{field}.{name}"] = value
