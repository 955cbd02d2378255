"""`nas evaluate`: the only place where the test part is read, after all training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas_cli.data import Part, TrainingData, about_repeated, load_other, load_test, load_training
from nas_cli.deliver.load import Model, load
from nas_cli.deliver.report import write_report
from nas_cli.errors import DataError, RunError, TrialFailed, UserError
from nas_cli.execute.hardware import available_memory, find_device
from nas_cli.figures import in_bytes
from nas_cli.files import write_json
from nas_cli.model.cost import cost
from nas_cli.model.latency import measure_latency
from nas_cli.model.network import Network
from nas_cli.record.candidates import baseline_of, spoken
from nas_cli.record.stored import read_spec
from nas_cli.task import REFERENCES, Block, Matrix, Scorer, Table, open_task, scored
from nas_cli.train.feed import Tensors, batch_of
from nas_cli.train.scoring import evaluate_network, score

SHOWN_NAMES = 30
"""A matrix wider than this is in the report only, not in the terminal."""
MEASURED_ON = 64
"""At most so many test examples serve to measure the latency; a larger batch repeats them."""


def evaluate(
    run: Path | None = None,
    plugins: bool = False,
    root: Path = Path("runs"),
    member: str | None = None,
    data: Path | None = None,
) -> dict[str, Any]:
    """Tests the best network of a run (`examine`). The result for the run's own test part is stored as evaluation.json
    and in report.html (`store`). Raises RunError, DataError, and OSError where it cannot be stored."""
    model = load(run, plugins, root, member)
    report = examine(model, plugins, data, member)
    if data is None:
        store(model, report)
    return report


def examine(model: Model, plugins: bool = False, data: Path | None = None, member: str | None = None) -> dict[str, Any]:
    """The task's report on the test part of the run's data, or on the labelled examples at `data`; nothing is written.

    The report also has `beside` (name and metrics of each baseline, and of the task's reference method without a
    network), `folder` (of the weights), `validation` (logged and recomputed metrics of the stored weights, and whether
    they are equal), `params`, `macs`, `latency` (milliseconds, with the device, batch size and threads), and `notes`:
    sentences on skipped examples, and on test examples that are in the training data too.
    With `data`, the training data is not read: `data` names the path, `validation` is None, and there is no reference
    method. Raises RunError and DataError.
    """
    test = read_test(model) if data is None else read_other(model, data)
    training = None
    if data is None:
        training = load_training(model.data, model.seed, model.cache, model.task.wanted, model.fields)
    notes = list(test.notes)
    if training is not None:
        notes += about_repeated(training.train, test, model.task.wanted.inputs, "to test on")
        notes += about_repeated(training.validation, test, model.task.wanted.inputs, "to test on", "to choose by")
    scorer, order = _scored(model, model.network, test)
    return {
        "run": str(model.run.path),
        "name": model.name,
        "candidate": model.metrics["candidate"],
        "member": member,
        "folder": str(model.kept.folder),
        "task": model.problem.written,
        **({} if data is None else {"data": os.path.abspath(data)}),
        **_with_names(scorer.report(), order, test),
        "beside": [*_baselines(model, test, plugins), *(_reference(model, training, test) if training else [])],
        "validation": recompute(model, training) if training else None,
        "notes": notes,
        **cost(model.network),
        "latency": _latency(model, Tensors.of(test, model.inputs)),
    }


def store(model: Model, report: Mapping[str, Any]) -> list[Path]:
    """Stores a report of `examine` on the run's own test part; returns the files written. Raises OSError, RunError."""
    stored = model.kept.evaluation
    write_json(stored, report)
    return [stored] if model.kept != model.run.best else [stored, write_report(model.run)]


def cannot_be_stored(model: Model) -> str | None:
    """The reason why an evaluation of the network cannot be stored, if it is known in advance; else None."""
    folder = model.kept.evaluation.parent
    if os.access(folder, os.W_OK | os.X_OK):
        return None
    return f"{folder} cannot be written"


def read_test(model: Model) -> Part:
    """The test part, encoded for the network. Raises DataError."""
    try:
        return load_test(model.data, model.seed, model.labels, model.cache, model.task.wanted, model.fields)
    except DataError as error:
        raise DataError(f"{error}; 'nas evaluate --data PATH' tests on labelled data that lies elsewhere") from None


def read_other(model: Model, path: Path) -> Part:
    """The labelled examples at `path`, encoded for the network. Raises DataError."""
    return load_other(model.data, path, model.labels, model.task.wanted, model.fields)


def blocks(report: Mapping[str, Any]) -> list[Block]:
    """The report of `evaluate` as the task's blocks (tables, matrices, curves) for display."""
    return open_task(report["task"]).blocks(report)


def shown_tables(report: Mapping[str, Any]) -> list[Table]:
    """The blocks that a terminal can show, as tables: no matrix of more than 30 names, and no curve."""
    shown = []
    for block in blocks(report):
        if isinstance(block, Matrix) and len(block.names) <= SHOWN_NAMES:
            shown.append(block.table())
        elif isinstance(block, Table):
            shown.append(block)
    return shown


def _scored(model: Model, network: Network, test: Part) -> tuple[Scorer, torch.Tensor]:
    """The task's scorer, fed with the outputs of `network`, and the indices of the examples in scoring order."""
    scorer = model.task.scorer((*model.labels, *test.others))
    counted = scorer if network.origin is None else FromOrigin(scorer, network.origin.numpy())
    try:
        order = score(network, Tensors.of(test, model.inputs), counted)
    except TrialFailed:
        raise RunError(f"{model.kept.weights} give outputs for the test part that are not finite") from None
    return scorer, order


@dataclass(frozen=True)
class FromOrigin:
    """Adds `origin` in float64 to outputs and targets, so that `scorer` gets numbers on the scale of the data."""

    scorer: Scorer
    origin: Any

    def add(self, outputs: Any, targets: Any) -> None:
        self.scorer.add(outputs.double().numpy() + self.origin, targets.double().numpy() + self.origin)

    def metrics(self) -> dict[str, float]:
        return self.scorer.metrics()

    def report(self) -> dict[str, Any]:
        return self.scorer.report()


def _with_names(report: dict[str, Any], order: torch.Tensor, test: Part) -> dict[str, Any]:
    """`examples` of a report by their number in the test part, which begins with 1, and their `name`, where they have
    one; a scorer knows them by the order in which they came."""
    for example in report.get("examples", ()):
        place = int(order[example["number"] - 1])
        example["number"] = place + 1
        if test.names:
            example["name"] = test.names[place]
    return report


def _baselines(model: Model, test: Part, plugins: bool) -> list[dict[str, Any]]:
    """Metrics of the run's baselines on the same part, each with its best seed by validation, like the network."""
    found = []
    for name in sorted(model.run.kept):
        if baseline_of(name) is not None and name != model.metrics["candidate"]:
            network = load(model.run.path, plugins, member=name).network
            found.append({"name": spoken(name), "metrics": _scored(model, network, test)[0].metrics()})
    return found


def _reference(model: Model, training: TrainingData, test: Part) -> list[dict[str, Any]]:
    """Metrics of the task's reference method without a network on the same parts; [] where it has none."""
    part = training.train
    method = REFERENCES.get(model.task.wanted)
    found = method and method((_inputs(part), part.targets), _inputs(test), training.facts)
    if found is None:
        return []
    name, outputs = found
    return [{"name": name, "metrics": scored(model.task, outputs, test.targets, model.labels).metrics()}]


def _inputs(part: Part) -> Any:
    """The inputs as an array (N, …), or as `Rows` where they are memory-mapped; with several fields, a mapping of
    these."""
    found: dict[str, Any] = {}
    for field, column in part.columns.items():
        found[field] = column.values if column.rows is None else Rows(column.values, column.rows)
    return found if len(found) > 1 else next(iter(found.values()))


@dataclass(frozen=True)
class Rows:
    """The rows (N,) of memory-mapped `inputs`; a slice is read into an array."""

    inputs: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self.inputs[self.rows[chosen]]
        return found


def recompute(model: Model, data: TrainingData) -> dict[str, Any]:
    """The validation metrics of the stored weights, computed again, beside the logged ones."""
    if data.labels != model.labels:
        raise DataError(f"the data has other classes than {model.run.path} was trained on: {', '.join(data.labels)}")
    found = evaluate_network(model.network, Tensors.of(data.validation, model.inputs), model.task, model.labels)
    logged = dict(model.metrics["validation"])
    largest = max((abs(found[name] - logged[name]) for name in logged if name in found), default=0.0)
    # Another CPU may sum in another order, so a mean may differ in its last digits; a proportion of counts may not.
    counts = [name for name in logged if name in model.task.proportions]
    equal = all(found[name] == logged[name] for name in counts) and largest <= 1e-4
    return {"logged": logged, "recomputed": found, "largest_difference": largest, "equal": equal}


def _latency(model: Model, test: Tensors) -> dict[str, Any]:
    hardware = read_spec(model.run.spec).hardware
    try:
        device = find_device(hardware.device)
    except UserError:  # the run trained on a device that this machine does not have
        device = find_device("auto")
    batch_size, free = hardware.latency.batch_size, available_memory()
    needed = batch_size * 1e6 * cost(model.network)["activation_mb"]
    if free is not None and needed > free:
        raise RunError(
            f"{model.run.spec}: hardware.latency.batch_size is {batch_size:,}: the network would take "
            f"{in_bytes(needed)} for so many inputs, and {in_bytes(free)} are free"
        )
    columns = {field: column.take(0, MEASURED_ON) for field, column in test.columns.items()}
    samples = batch_of(columns, batch_size, model.inputs)
    return asdict(measure_latency(model.network, samples, device, hardware.latency.threads))
