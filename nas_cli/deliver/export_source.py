"""Source: a model.py that a person can read and that needs torch alone, with its weights beside it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nas_cli
from nas_cli.deliver.definitions import definitions
from nas_cli.deliver.load import Model
from nas_cli.errors import ExportError
from nas_cli.model.network import leaves_ends
from nas_cli.model.source import constructor, custom_classes

Array = np.ndarray[Any, Any]
SOURCE_FILES = frozenset({"model.py", "weights.pt"})

TEMPLATE = '''"""A network found by nas {version}. Needs torch and the file weights.pt beside it, nothing else.

    from model import load, LABELS
    network = load()                    # in eval mode
    outputs = network(inputs)           # inputs: {dtype} (N, {shape}){raw}
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
    """Takes {dtype} (N, {shape}){raw}."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros({statistics}))
        self.register_buffer("std", torch.ones({statistics}))
{modules}

    def forward(self, x: Tensor) -> Tensor:
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
    torch.save([network(t) for t in tensors], sys.argv[3])
assert not any(name.startswith("nas_cli") for name in sys.modules)
"""


def write_source(model: Model, path: Path) -> Callable[[Sequence[Array]], list[Array]]:
    """Writes the folder `path`, which is not there yet; returns what runs it, in a process of its own."""
    path.mkdir()
    (path / "model.py").write_text(model_source(model), encoding="utf-8")
    torch.save(flat_state(model), path / "weights.pt")
    return lambda batches: run_source(path, batches)


def flat_state(model: Model) -> dict[str, torch.Tensor]:
    """The state dict with the names that model.py uses: `layers.` is not written there."""
    return {name.removeprefix("layers."): tensor for name, tensor in model.network.state_dict().items()}


def model_source(model: Model) -> str:
    """The text of model.py: one line a module, one line a step.

    It is run to be compared, and the run may be somebody else's: what is a text there is a literal here.
    """
    network, sequences = model.network, len(model.input_shape) == 2
    modules = [f"self.{step.name} = {constructor(network, step)}" for step in network.steps if step.kind == "op"]
    return TEMPLATE.format(
        name=repr(model.name),
        task=repr(model.task_name),
        version=nas_cli.__version__,
        labels=repr(list(model.labels)),
        shape=", ".join("length" if sequences and k else str(side) for k, side in enumerate(model.input_shape)),
        dtype=str(model.dtype).removeprefix("torch."),
        raw=", raw values" if model.encoder is None else ", as preprocess.py gives them",
        input_shape=repr(tuple(model.input_shape)),
        classes=f"\n{definitions(custom_classes(network))}\n\n",
        statistics=", ".join(map(str, network.mean.shape)),
        modules=textwrap.indent("\n".join(modules), " " * 8),
        steps=textwrap.indent("\n".join(_lines(model)), " " * 8),
    )


def _lines(model: Model) -> list[str]:
    """One line a step. A value that only the next step reads is `x`; one that is read later has a name of its own."""
    network = model.network
    steps, readers = network.steps, network.program.readers()
    kept = {value for value in range(len(steps)) if readers[value] != [value]}
    names = {value: f"x{value}" if value in kept else "x" for value in range(len(steps))}
    sequences = len(model.input_shape) == 2
    lines = [f"{names[0]} = (x.float() - self.mean) / self.std"]
    lines += [f"mask = {names[0]}[:, 0] != 0  # where a sequence has something"] if sequences else []
    for index, step in enumerate(steps):
        inputs = [names[value] for value in step.inputs]
        if step.kind == "op":
            masked = getattr(network.layers[step.name], "masked", False)
            mask = (", mask" if sequences else ", None") if masked else ""
            expression = f"self.{step.name}({inputs[0]}{mask})"
            if sequences and len(step.shape) == 2 and leaves_ends(step.op, network.layers[step.name]):
                expression += " * mask[:, None]"
        elif step.kind == "add":
            expression = " + ".join(inputs)
        else:
            expression = f"torch.cat([{', '.join(inputs)}], dim=1)"
        lines.append(f"{names[index + 1]} = {expression}" if index + 1 < len(steps) else f"return {expression}")
    if network.origin is not None:
        lines[-1] = f"return ({lines[-1].removeprefix('return ')}).double() + {network.origin.item()!r}"
    return lines


def run_source(path: Path, batches: Sequence[Array]) -> list[Array]:
    """Logits by model.py, run by a Python that is kept away from everything but torch. Raises ExportError."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "in.pt", Path(folder) / "out.pt"
        torch.save([torch.from_numpy(batch) for batch in batches], inputs)
        command = [sys.executable, "-I", "-B", "-c", RUN, str(path.resolve()), str(inputs), str(outputs)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"the {path.name} export does not run: {last}")
        return [logits.numpy() for logits in torch.load(outputs, weights_only=True)]
