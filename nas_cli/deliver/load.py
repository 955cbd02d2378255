"""Loads the best network of a finished run. Opening somebody else's run executes none of its code."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.axes import Axes, Column, Shape, only
from nas_cli.data import Asked, Cache, DataSettings, Encoder, Fields, Reader, parse_data, restore
from nas_cli.data.fields import SEVERAL, together
from nas_cli.data.kinds.image import ImageEncoder
from nas_cli.data.source import Raw
from nas_cli.deliver.given import divide
from nas_cli.deliver.stored import read_metrics
from nas_cli.errors import DataError, Infeasible, RunError, SpecError, did_you_mean
from nas_cli.model.network import Network
from nas_cli.model.ops import OPS
from nas_cli.model.program import Program
from nas_cli.model.weights import constructed, without_weights
from nas_cli.plugins import import_plugin
from nas_cli.record.directory import CACHE, Kept, RunDirectory, open_run
from nas_cli.record.inputs import are_inputs
from nas_cli.record.journal import iter_journal
from nas_cli.record.stored import (
    MOST_TABLES,
    is_task,
    is_text,
    list_of,
    read_architecture,
    read_json,
    read_spec,
    record_of,
)
from nas_cli.record.trust import distrust
from nas_cli.space.parse import parse_architecture
from nas_cli.task import Task
from nas_cli.task.problem import Problem
from nas_cli.train.checkpoint import load_tensors
from nas_cli.train.scoring import predict_logits
from nas_cli.words import shell


def _are_facts(value: object) -> bool:
    """Whether `value` has the form of facts: only `settled`, which `DataSettings.as_found` checks, and the facts of
    several fields are mappings."""
    if not isinstance(value, Mapping):
        return False
    of_fields = value.get(SEVERAL, {})
    return (
        isinstance(of_fields, Mapping)
        and all(isinstance(facts, Mapping) for facts in of_fields.values())
        and all(name in ("settled", SEVERAL) or not isinstance(value[name], dict) for name in value)
    )


WHOLE = record_of(
    {
        "name": is_text,
        "task": is_task,
        "labels": list_of(lambda label: not isinstance(label, list | dict)),
        "model": lambda model: True,
    },
    {"facts": _are_facts},
)
"""The keys that architecture.yaml must have, beside its inputs."""
DTYPES = {"uint8": torch.uint8, "int32": torch.int32, "float32": torch.float32}


Inputs = np.ndarray[Any, Any] | Mapping[str, Column[Any]]
"""A batch of inputs (N, …): an array where the network has a single field, else columns by field."""


@dataclass(frozen=True)
class Model:
    """The best network of a run. `network` maps raw inputs to outputs, such as logits; `problem` describes both.
    `fields` encode examples as inputs; images go in as raw pixels.
    """

    run: RunDirectory
    kept: Kept
    name: str
    network: Network
    problem: Problem
    data: DataSettings
    seed: int
    architecture: Any
    metrics: dict[str, Any]
    fields: Fields

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of classes or tags, or of the numbers of a regression with several."""
        return self.problem.labels

    @property
    def task(self) -> Task:
        return self.problem.task

    @property
    def inputs(self) -> Mapping[str, Axes]:
        """The axes of the network's inputs, by field."""
        return self.problem.inputs

    @property
    def encoder(self) -> Encoder:
        """The encoder of the only input field."""
        return self.fields.encoder

    @property
    def axes(self) -> Axes:
        """The axes of the only input field."""
        return only(self.inputs)

    @property
    def input_shape(self) -> Shape:
        """The shape of one example, with a typical length where lengths differ."""
        return self.axes.shape

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.axes.dtype]

    def reader(self, say: Callable[[str], None] = lambda text: None, whole: bool = False) -> Reader:
        """A reader of the files and texts to predict from; `say` is told which files in folders are skipped.

        With `whole`, pictures are also read in their original size.
        """
        return Reader(self.data, self.fields, self.labels, say, whole)

    def ask(
        self,
        arguments: Sequence[Path | str],
        text: bool = False,
        say: Callable[[str], None] = lambda text: None,
        whole: bool = False,
    ) -> Iterator[Asked]:
        """The examples to predict from, one after another: from files and folders, from standard input (`-`), or the
        texts in `arguments`; with `text` all arguments are texts. `whole` as in `reader`. Raises DataError, and
        UserError where they are mixed."""
        reader = self.reader(say, whole)
        given = divide(arguments, reader.takes_texts, text)
        if given.standard_input:
            return reader.stream(sys.stdin.buffer)
        return reader.texts(given.texts) if given.texts else reader.files(given.files)

    def encode(self, raw: Raw) -> Inputs:
        """Encodes raw examples (N, …) for the network: an array, or columns for several fields or a field with lengths.
        Raises DataError."""
        columns = self.fields.encode(raw)
        (first, *others) = columns.values()
        return columns if others or first.lengths is not None else np.ascontiguousarray(first.values)

    def preprocess(self, arguments: Sequence[Path | str]) -> Inputs:
        """Files or texts, encoded for the network (N, …). Raises DataError where one cannot be read."""
        return self.encode(together([asked.raw for asked in self.ask(arguments)]))

    @property
    def cache(self) -> Cache:
        """The cache of data that does not fit into memory."""
        return Cache(self.run.path.parent / CACHE)

    def example(self) -> list[torch.Tensor]:
        """Raw inputs to trace with, in the network's order: a batch of two, since a batch of one would be taken for a
        constant size."""
        fields = [torch.ones((2, *axes.shape), dtype=DTYPES[axes.dtype]) for axes in self.inputs.values()]
        lengths = [torch.full((2,), axes.shape[-1]) for axes in self.inputs.values() if axes.sent_lengths]
        return fields + lengths

    def predict(self, raw: Inputs | torch.Tensor) -> np.ndarray[Any, Any]:
        """Outputs for raw inputs, such as logits (N, classes); in float64 where the network has an `origin`."""
        columns = raw if isinstance(raw, Mapping) else {field: Column(raw) for field in self.inputs}
        outputs = predict_logits(self.network, {field: _tensors(column) for field, column in columns.items()}).numpy()
        return outputs if self.network.origin is None else outputs.astype(np.float64) + self.network.origin.numpy()


def load(
    run: Path | str | None = None, plugins: bool = False, root: Path = Path("runs"), member: str | None = None
) -> Model:
    """The best network of `run` (None: the latest under `root`), on the CPU and in eval mode.

    `member` names another network of the run: `trial-12` of its Pareto front, or `baseline-plain`. The run's plugins
    are executed if this user made the run with the same files, otherwise only with `plugins`. Raises RunError where the
    run is not finished, has no such member, a file is missing or damaged, or the weights do not fit the architecture.
    """
    directory = open_run(Path(run) if run is not None else None, root)
    if not directory.best.folder.is_dir():
        deque(iter_journal(directory.journal), maxlen=0)  # a damaged journal is reported first
        raise RunError(
            f"{directory.path} is not finished: go on with: {shell('nas', 'search', '--resume', directory.path)}"
        )
    kept = directory.best if member is None else _member(directory, member)
    spec, metrics = read_spec(directory.spec), read_metrics(kept)
    refusal = None if plugins else distrust(directory, spec.plugins)
    if refusal is not None:
        raise RunError(refusal)
    for plugin in spec.plugins:
        import_plugin(Path(plugin))
    with _damage_named(directory.spec):
        data = parse_data(spec.data)
    stored = read_architecture(kept.architecture)
    if not WHOLE(stored) or not are_inputs(stored):
        raise RunError(f"{kept.architecture} is damaged: it must have name, task, labels, input and model")
    with _damage_named(kept.architecture):
        name, architecture = stored["name"], stored["model"]
        facts = {**stored.get("facts", {}), "labels": len(stored["labels"])}
        problem = Problem.from_data({**stored, "facts": facts})
        data = data.as_found(facts)
        program = problem.plan(parse_architecture(architecture, OPS))
    fields = _fields(kept, problem)
    if fields.inputs != problem.inputs:
        raise RunError(f"{kept.preprocessing} does not fit {kept.architecture.name}: it gives other inputs")
    needed = _require_size(program, kept)
    network = Network(program, constructed)
    _take_weights(network, kept, needed)
    network.set_origin(data.origin or 0.0)
    network.eval()
    return Model(
        directory,
        kept,
        name,
        network,
        problem,
        data,
        spec.seed,
        architecture,
        metrics,
        fields,
    )


def _take_weights(network: Network, kept: Kept, size: int) -> None:
    """Loads the stored weights, of `size` bytes, into `network`. Raises RunError."""
    tensors, _ = load_tensors(kept.weights, size)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise RunError(f"{kept.weights} does not fit {kept.architecture.name}: {first}") from None
    broken = next((key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)
    if broken is not None:
        raise RunError(f"{kept.weights} is damaged: {broken} holds numbers that are not finite")


def _require_size(program: Program, kept: Kept) -> int:
    """The size of the weights in bytes. Raises RunError where the file is smaller, before memory is allocated."""
    network = Network(program, without_weights)
    needed = int(sum(tensor.nbytes for tensor in network.state_dict().values()))
    there = kept.weights.stat().st_size if kept.weights.exists() else 0
    if 0 < there < needed:
        raise RunError(
            f"{kept.weights} does not fit {kept.architecture.name}: it has {there:,} bytes, and the network takes "
            f"{needed:,}"
        )
    return needed


def _fields(kept: Kept, problem: Problem) -> Fields:
    """The stored encoders of the fields. Images are stored without one: their normalisation is part of the weights."""
    if not kept.preprocessing.exists():
        return Fields({field: ImageEncoder(axes) for field, axes in problem.inputs.items()})
    state = read_json(kept.preprocessing, MOST_TABLES)
    with _damage_named(kept.preprocessing):
        return restore(state, problem.task.wanted.fields)


def _tensors(column: Column[Any]) -> Column[torch.Tensor]:
    """The column as tensors. Copies its arrays: those from files may be read-only, and PyTorch warns of these."""

    def tensor(values: Any) -> torch.Tensor:
        return torch.from_numpy(np.array(values)) if isinstance(values, np.ndarray) else values

    return Column(tensor(column.values), None, None if column.lengths is None else tensor(column.lengths))


def _member(run: RunDirectory, name: str) -> Kept:
    members = run.kept
    if not members:
        raise RunError(f"{run.path} stores its best network alone: there is no Pareto front, and no baseline")
    if name not in members:
        raise RunError(f"{run.path} stores no '{name}'{did_you_mean(name, sorted(members))}")
    return members[name]


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turns the errors that a damaged `path` causes into a RunError that names the file."""
    try:
        yield
    except KeyError as error:
        raise RunError(f"{path} is damaged: {error.args[0]} is missing") from None
    except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    except (SpecError, DataError, Infeasible) as error:
        raise RunError(f"{path} is damaged: {error}") from None
