"""The network that is trained, measured and exported: a program with its modules and its normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nas_cli.model.infer import construct
from nas_cli.model.ops import OPS, Shape
from nas_cli.model.ops.sequence_modules import Pretrained
from nas_cli.model.ops.traits import of_module
from nas_cli.model.ops.vocabulary import apply
from nas_cli.model.program import Program, Step


def leaves_ends(op: str, module: nn.Module) -> bool:
    """Whether the `module` of an op may give something where its input, after the end of a sequence, is zero."""
    keeps = OPS.traits(op).keeps_zeros or of_module(module).keeps_zeros
    return not getattr(module, "masked", False) and not keeps


def keep_layout(images: Tensor) -> None:
    """Has the gradient of `images` (N, C, H, W) come in their own layout.

    What makes vectors of images gives it with channels first. Where these come last, the backward pass of the layer
    before, a pooling or a ReLU, takes four to ten times as long on such a gradient as rearranging it does.
    """
    if images.requires_grad and not images.is_contiguous():
        images.register_hook(lambda grad: grad.contiguous(memory_format=torch.channels_last))  # type: ignore[no-untyped-call]


class Network(nn.Module):
    """Takes raw samples (N, C, H, W), uint8 or float, and gives what the last step gives, logits (N, classes) say.

    `mean` and `std` are (1, C, 1, 1) in the units of the raw samples, 0 to 255 for pixels; they are in the state dict,
    so whoever has the weights has the preprocessing. `layers` holds the module of every 'op' step by the step's name.
    A network comes on the meta device: `initialise` gives it weights. Dropout and drop-path draw from torch's global
    generator when training: whoever trains seeds it. `origin` is what the last step's numbers are counted from: it is
    added to the outputs, in 64 bits, and is no part of the `body`, which is trained and scored.
    """

    mean: Tensor
    std: Tensor
    origin: Tensor | None

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        with torch.device("meta"):
            self.layers = nn.ModuleDict({s.name: self.construct(s) for s in program.steps if s.kind == "op"})
        sides = (1, program.input_shape[0], *[1] * (len(program.input_shape) - 1))
        self.register_buffer("mean", torch.zeros(sides, dtype=torch.float32, device="cpu"))
        self.register_buffer("std", torch.ones(sides, dtype=torch.float32, device="cpu"))
        self.register_buffer("origin", None, persistent=False)
        readers = program.readers()
        last = len(program.steps)
        self._freed = tuple(
            tuple(v for v in dict.fromkeys(step.inputs) if readers[v][-1] == index and v != last)
            for index, step in enumerate(program.steps)
        )

        self._unmasked = tuple(
            step.kind == "op" and len(step.shape) == 2 and leaves_ends(step.op, self.layers[step.name])
            for step in program.steps
        )
        self._flattens = tuple(len(step.shape) != 3 == len(program.shape(step.inputs[0])) for step in program.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.program.steps

    @property
    def input_shape(self) -> Shape:
        return self.program.input_shape

    def construct(self, step: Step) -> nn.Module:
        """A new module for an 'op' step, on torch's default device."""
        return construct(step.op, step.args, self.program.shape(step.inputs[0]))

    def set_normalisation(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Sets mean and standard deviation of each channel of the raw samples; a deviation of zero becomes one."""
        self.mean.copy_(torch.tensor(mean, dtype=torch.float32).view_as(self.mean))
        deviations = torch.tensor([value if value > 0 else 1.0 for value in std], dtype=torch.float32)
        self.std.copy_(deviations.view_as(self.std))

    def set_origin(self, origin: float) -> None:
        """Sets what outputs are counted from, unless it is 0; no GPU of Apple's has 64 bits, so it is for a CPU."""
        self.origin = torch.tensor(origin, dtype=torch.float64) if origin else None

    def set_vectors(self, vectors: Tensor | None) -> None:
        """Gives pretrained `vectors` (n, size) of the data, if there are any, to the layers that begin with them."""
        for module in self.layers.modules():
            if isinstance(module, Pretrained) and vectors is not None:
                module.give(vectors)

    def forward(self, raw: Tensor) -> Tensor:
        outputs = self.body(self.normalize(raw))
        return outputs if self.origin is None else outputs.double() + self.origin

    def normalize(self, raw: Tensor) -> Tensor:
        """Raw samples, uint8 or float, as float32 with mean 0 and deviation 1."""
        return (raw.to(self.mean.dtype) - self.mean) / self.std

    def body(self, x: Tensor) -> Tensor:
        """The layers, on normalised samples. A value is let go after its last use.

        Sequences (N, C, L) are zero after their ends in every value: whatever reads a batch gives the same outputs as
        for single sequences.
        """
        values = {0: x}
        mask = x[:, 0] != 0 if len(self.input_shape) == 2 else None
        for index, step in enumerate(self.program.steps):
            inputs = [values[value] for value in step.inputs]
            for value in self._freed[index]:
                del values[value]
            if self._flattens[index] and self.training:
                keep_layout(inputs[0])
            if step.kind == "op":
                output = apply(self.layers[step.name], inputs[0], mask)
                values[index + 1] = output * mask[:, None] if mask is not None and self._unmasked[index] else output
            elif step.kind == "concat":
                values[index + 1] = torch.cat(inputs, dim=1)
            else:
                total = inputs[0]
                for term in inputs[1:]:
                    total = total + term
                values[index + 1] = total
        return values[len(self.program.steps)]
