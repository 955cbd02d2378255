"""A finished run's best network, ready to use. Opening somebody else's run executes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.data import Cache, DataSettings, parse_data, read_inputs
from nas_cli.deliver.stored import read_metrics
from nas_cli.errors import Infeasible, RunError, SpecError, did_you_mean
from nas_cli.model.build import build
from nas_cli.model.initialise import initialise
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS, Shape
from nas_cli.plugins import import_plugin
from nas_cli.run.directory import CACHE, RunDirectory, open_run, read_yaml
from nas_cli.run.journal import iter_journal
from nas_cli.space.parse import parse_architecture
from nas_cli.task import TASKS, Task
from nas_cli.train.checkpoint import load_tensors
from nas_cli.train.loop import predict_logits


@dataclass(frozen=True)
class Model:
    """The best network of a run. `network` takes raw inputs (N, C, H, W), uint8 or float, and gives logits."""

    run: RunDirectory
    name: str
    network: Network
    labels: tuple[str, ...]
    task_name: str
    task: Task
    input_shape: Shape
    data: DataSettings
    seed: int
    architecture: Any
    metrics: dict[str, Any]

    def preprocess(self, files: Sequence[Path | str]) -> np.ndarray[Any, Any]:
        """Files as the network takes them: uint8 (N, C, H, W). Raises DataError where one cannot be read."""
        found = read_inputs(self.data, self.input_shape, [Path(file) for file in files])
        return np.stack([array for _, array in found])

    @property
    def cache(self) -> Cache:
        """Where data lies that does not fit into memory."""
        return Cache(self.run.path.parent / CACHE)

    def example(self) -> torch.Tensor:
        """Raw inputs to trace with: a batch of two, so that its length is not taken for a constant 1."""
        return torch.zeros((2, *self.input_shape), dtype=torch.uint8)

    def predict(self, raw: np.ndarray[Any, Any] | torch.Tensor) -> np.ndarray[Any, Any]:
        """Logits (N, classes) of raw inputs (N, C, H, W)."""
        # A copy, since arrays that come from files may be read-only, and PyTorch warns of those.
        inputs = torch.from_numpy(np.array(raw)) if isinstance(raw, np.ndarray) else raw
        return predict_logits(self.network, inputs).numpy()


def load(
    run: Path | str | None = None, plugins: bool = False, root: Path = Path("runs"), member: str | None = None
) -> Model:
    """The best network of `run` (None: the latest under `root`), on the CPU and in eval mode.

    `member` names one of its Pareto front instead, such as `trial-12`. Python files that the run's spec names are run
    only where `plugins` says so. Raises RunError where the run is not finished, has no such member, a file of it is
    missing or damaged, or the weights do not fit the architecture.
    """
    directory = open_run(Path(run) if run is not None else None, root)
    if not directory.best.is_dir():
        deque(iter_journal(directory.journal), maxlen=0)  # a damaged one is answered first
        raise RunError(f"{directory.path} is not finished: go on with 'nas search --resume {directory.path}'")
    if member is not None:
        directory = _member(directory, member)
    stored, metrics = read_yaml(directory.architecture), read_metrics(directory)
    spec = read_yaml(directory.spec)
    for plugin in spec.get("plugins") or []:
        if not plugins:
            raise RunError(
                f"{directory.path} needs the plugin {plugin}; if you trust that file, pass --allow-plugins "
                "(in Python: plugins=True)"
            )
        import_plugin(Path(plugin))
    with _damage_named(directory.spec):
        data, seed = parse_data(spec["data"]), int(spec.get("seed", 0))
    with _damage_named(directory.architecture):
        name, task_name = str(stored["name"]), str(stored["task"])
        shape = tuple(int(side) for side in stored["input"]["shape"])
        labels = tuple(str(label) for label in stored["labels"])
        task = TASKS[task_name]
        architecture = stored["model"]
        model = parse_architecture(architecture, OPS)
        network = build(model, shape, lambda s: parse_architecture(task.head(s, len(labels)), OPS))
    initialise(network, torch.Generator())
    tensors, _ = load_tensors(directory.weights)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise RunError(f"{directory.weights} does not fit {directory.architecture.name}: {first}") from None
    broken = next((key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)
    if broken is not None:
        raise RunError(f"{directory.weights} is damaged: {broken} holds numbers that are not finite")
    network.eval()
    return Model(directory, name, network, labels, task_name, task, shape, data, seed, architecture, metrics)


def _member(run: RunDirectory, name: str) -> RunDirectory:
    stored = sorted(folder.name for folder in (run.path / "front").glob("*/"))
    if not stored:
        raise RunError(f"{run.path} has no Pareto front: its search had one objective")
    if name not in stored:
        raise RunError(f"{run.path} stores no '{name}'{did_you_mean(name, stored)}")
    return RunDirectory(run.path, name)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turns whatever a wrong content of `path` leads to into a RunError that names it."""
    try:
        yield
    except KeyError as error:
        raise RunError(f"{path} is damaged: {error.args[0]} is missing") from None
    except (TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    except (SpecError, Infeasible) as error:
        raise RunError(f"{path} is damaged: {error}") from None
