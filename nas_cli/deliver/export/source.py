"""Writes a readable model.py that needs torch alone, with its weights beside it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

import nas_cli
from nas_cli.deliver.export.check import Array, Given, Run
from nas_cli.deliver.export.definitions import definitions
from nas_cli.deliver.export.sizes import image_sizes
from nas_cli.deliver.load import Model
from nas_cli.errors import ExportError
from nas_cli.model.network import Levels, Network, leaves_ends
from nas_cli.model.ops.lengths import Lengths, Window, changes_of
from nas_cli.model.program import Step
from nas_cli.model.source import constructor, custom_classes
from nas_cli.task import name_of

STATISTICS = (("mean", "zeros"), ("std", "ones"))
SOURCE_FILES = frozenset({"model.py", "weights.pt"})

TEMPLATE = '''"""A network found by nas {version}. Needs torch and the file weights.pt beside it, nothing else.

    from model import load, LABELS
    network = load()                    # in eval mode
    outputs = network({called})           # {takes}{raw}
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

NAME = {name}
TASK = {task}
LABELS = {labels}
INPUT_SHAPE = {input_shape}

{classes}
class Model(nn.Module):
    """Takes {takes}{raw}."""

    def __init__(self) -> None:
        super().__init__()
{statistics}{modules}

    def forward(self, {arguments}) -> Tensor:
{steps}


def load(weights: Path = Path(__file__).with_name("weights.pt")) -> Model:
    """The trained network, in eval mode."""
    model = Model()
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


if __name__ == "__main__":
    print(load())
'''

RUN = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from model import load
tensors = torch.load(sys.argv[2], weights_only=True)
with torch.inference_mode():
    network = load()
    torch.save([network(*batch) for batch in tensors], sys.argv[3])
assert not any(name.startswith("nas_cli") for name in sys.modules)
"""


def write_source(model: Model, path: Path) -> Run:
    """Writes the new folder `path`; returns a function that runs it in a separate process."""
    path.mkdir()
    (path / "model.py").write_text(model_source(model), encoding="utf-8")
    torch.save(flat_state(model), path / "weights.pt")
    return lambda batches: run_source(path, batches)


def flat_state(model: Model) -> dict[str, torch.Tensor]:
    """The state dict with the names of model.py, which have no prefix `layers.`."""
    state = {}
    for name, tensor in model.network.state_dict().items():
        room, _, rest = name.partition(".")
        field, _, buffer = rest.partition(".")
        state[_buffer(model.network, field, buffer) if room == "levels" else rest] = tensor
    return state


def _buffer(network: Network, field: str, name: str) -> str:
    """The name in model.py of the buffer `name`, mean or std, of a field."""
    return name if len(network.inputs) == 1 else f"{field}_{name}"


def model_source(model: Model) -> str:
    """The text of model.py: one line per module, one line per step.

    The exported file is executed for comparison, so strings from the run, which may be somebody else's, are written as
    Python literals (no code injection).
    """
    network = model.network
    arguments = _arguments(model)
    modules = [f"self.{step.name} = {constructor(network, step)}" for step in network.steps if step.kind == "op"]
    return TEMPLATE.format(
        name=repr(model.name),
        task=repr(name_of(model.problem.written)),
        version=nas_cli.__version__,
        labels=repr(list(model.labels)),
        called="inputs" if len(arguments) == 1 else ", ".join(arguments),
        takes=_takes(model, arguments),
        arguments=", ".join(f"{name}: Tensor" for name in arguments),
        raw=", raw values" if model.fields.raw else ", as preprocess.py gives them",
        input_shape=_shapes(model),
        classes=f"\n{definitions(custom_classes(network))}\n\n",
        statistics=_statistics(network),
        modules=textwrap.indent("\n".join(modules), " " * 8),
        steps=textwrap.indent("\n".join(_Forward(model).written()), " " * 8),
    )


def _arguments(model: Model) -> list[str]:
    """The parameters of `forward`: the fields in their order, then the lengths of ragged floats."""
    if len(model.inputs) == 1:
        return ["x", "lengths"] if model.axes.sent_lengths else ["x"]
    sent = [f"lengths_{field}" for field, axes in model.inputs.items() if axes.sent_lengths]
    return [*map(_argument, model.inputs), *sent]


def _argument(field: str) -> str:
    """The parameter of `forward` for a field, with `_` appended where it would clash with another name there."""
    return f"{field}_" if re.fullmatch(r"x\d*|self|torch|nn|(lengths|mask)\w*", field) else field


def _takes(model: Model, arguments: Sequence[str]) -> str:
    """A description of the parameters of `forward`: types and shapes."""
    texts = []
    for axes in model.inputs.values():
        sides = [str(side) for side in axes.shape]
        sides[-1] = "length" if axes.ragged else sides[-1]
        if image_sizes(model) is not None:
            sides[1:] = ["height", "width"]
        texts.append(f"{axes.dtype} (N, {', '.join(sides)})")
    texts += ["int64 (N,)"] * (len(arguments) - len(texts))
    return texts[0] if len(texts) == 1 else "; ".join(map("{}: {}".format, arguments, texts))


def _shapes(model: Model) -> str:
    shapes = {field: axes.shape for field, axes in model.inputs.items()}
    return repr(shapes if len(shapes) > 1 else next(iter(shapes.values())))


def _statistics(network: Network) -> str:
    """Statements that register the buffers of the normalisation; "" without one."""
    lines = []
    for field, levels in network.levels.items():
        sides = ", ".join(map(str, cast(Levels, levels).mean.shape))
        for name, kind in STATISTICS:
            lines.append(f'self.register_buffer("{_buffer(network, field, name)}", torch.{kind}({sides}))')
    return textwrap.indent("".join(f"{line}\n" for line in lines), " " * 8)


class _Forward:
    """The lines of `forward`, one per step. A value that only the next step reads is `x`; other values have names of
    their own.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._program = model.network.program
        self._lines: list[str] = []
        fields = len(model.inputs)
        self._names = [_name(v, v - fields + 1, readers) for v, readers in enumerate(self._program.readers())]
        self._lengths: list[str] = []
        """By value, the variable of its lengths; "" for a value that is not ragged."""
        self._last = self._names[0]

    def written(self) -> list[str]:
        for place, field in enumerate(self._model.inputs):
            self._field(place, field)
        for index, step in enumerate(self._program.steps):
            if step.kind == "op":
                self._layer(index, step)
            else:
                self._values(index, step)
        self._lines.append(f"return {self._result()}")
        return self._lines

    def _field(self, place: int, field: str) -> None:
        """The lines for an input field: its normalisation, and the lengths and mask of sequences."""
        inputs, several = self._model.inputs, len(self._model.inputs) > 1
        axes, given = inputs[field], _argument(field) if several else "x"
        if several:
            self._names[place] = f"x{place}"
        x, network = self._names[place], self._model.network
        mean, std = (_buffer(network, field, name) for name, _ in STATISTICS)
        self._assign(x, f"({given}.float() - self.{mean}) / self.{std}" if axes.levels else given)
        lengths = f"lengths_{field}" if several else "lengths"
        self._lengths.append(lengths if axes.ragged else "")
        if axes.ragged and not axes.sent_lengths:
            self._lines.append(f"{lengths} = ({x}[:, 0] != 0).sum(dim=1)")
        if axes.ragged:
            self._lines.append(_mask(x, lengths))

    def _assign(self, name: str, expression: str) -> None:
        if expression != name:
            self._lines.append(f"{name} = {expression}")

    def _give(self, index: int, expression: str) -> None:
        """Assigns the value of a step; the last step's value is what `forward` returns."""
        if index == len(self._program.steps) - 1:
            self._last = expression
        else:
            self._assign(self._names[self._program.value(index)], expression)

    def _values(self, index: int, step: Step) -> None:
        """A step without a module: a sum, a concatenation or a resize."""
        inputs = [self._names[value] for value in step.inputs]
        self._lengths.append(self._lengths[step.inputs[0]] if step.axes.ragged else "")
        if step.kind == "add":
            self._give(index, " + ".join(inputs))
        elif step.kind == "resize":
            size = f"size={inputs[1]}.shape[2:]"
            self._give(index, f"nn.functional.interpolate({inputs[0]}, {size}, mode={step.args['mode']!r})")
        else:
            self._give(index, f"torch.cat([{', '.join(inputs)}], dim=1)")

    def _layer(self, index: int, step: Step) -> None:
        module, given = self._model.network.layers[step.name], self._names[self._program.value(index)]
        x, lengths = self._names[step.inputs[0]], self._lengths[step.inputs[0]]
        expression = f"self.{step.name}({x})"
        if getattr(module, "masked", False):
            expression = f"self.{step.name}({x}, {_name_of_mask(lengths) or None})"
        changes = changes_of(module) if step.axes.ragged else []
        if changes:
            self._assign(given, expression)
            expression = given
            lengths = self._shorten(index, step, lengths, changes)
            self._lines.append(_mask(given, lengths))
        if step.axes.ragged and leaves_ends(step.op, module):
            expression += f" * {_name_of_mask(lengths)}[:, None]" if lengths else ""
        self._lengths.append(lengths if step.axes.ragged else "")
        self._give(index, expression)

    def _shorten(self, index: int, step: Step, lengths: str, changes: Sequence[tuple[str, Lengths]]) -> str:
        """Lines for the lengths after a layer whose modules change them one after another; returns their variable."""
        after = f"lengths{index + 1}"
        for place, change in changes:
            own = f"self.{step.name}{place}.lengths({lengths})"
            self._lines.append(f"{after} = {change.written(lengths) if isinstance(change, Window) else own}")
            lengths = after
        return lengths

    def _result(self) -> str:
        origin = self._model.network.origin
        if origin is None:
            return self._last
        numbers = repr(origin.tolist())
        counted = numbers if origin.dim() == 0 else f"torch.tensor({numbers}, dtype=torch.float64)"
        return f"({self._last}).double() + {counted}"


def _name(value: int, after: int, readers: list[int]) -> str:
    """The variable of a value: `x` where only the step `after` reads it."""
    return "x" if readers == [after] else f"x{value}"


def _mask(value: str, lengths: str) -> str:
    """The line that makes the padding mask of `value`."""
    return f"{_name_of_mask(lengths)} = torch.arange({value}.shape[-1], device={value}.device) < {lengths}[:, None]"


def _name_of_mask(lengths: str) -> str:
    return lengths.replace("lengths", "mask")


def run_source(path: Path, batches: Sequence[Given]) -> list[Array]:
    """Logits of model.py, run by a Python in isolated mode (-I), without nas. Raises ExportError."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "in.pt", Path(folder) / "out.pt"
        torch.save([[torch.from_numpy(x) for x in batch] for batch in batches], inputs)
        command = [sys.executable, "-I", "-B", "-c", RUN, str(path.resolve()), str(inputs), str(outputs)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"the {path.name} export does not run: {last}")
        return [logits.numpy() for logits in torch.load(outputs, weights_only=True)]
