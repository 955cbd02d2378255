"""A number, or several, for each example: what all such tasks share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.data.wanted import Wanted
from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array, Defaults, Direction, Loss, Scale, Scorer, Shape
from nas_cli.task.blocks import Block, Table, metrics_table
from nas_cli.task.references import reference

WRITTEN_OUT = (1e-6, 1e16)
"""Numbers between these are shown without an exponent."""
QUANTILES = {"median": 0.5, "90 %": 0.9, "95 %": 0.95, "largest": 1.0}
LARGEST = 10
"""How many of the largest errors are reported."""
FEWEST = 4
"""Decimals of numbers that are predicted exactly."""


class Regression(Defaults):
    """The network gives the numbers themselves, in the units of the data; `labels` name several, and are () for one."""

    wanted: Wanted
    metrics: Mapping[str, Direction] = {"rmse": "minimize", "mae": "minimize", "r2": "maximize"}
    losses: tuple[str, ...] = ("mse", "mae", "huber")

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """Pooling where `shape` still has places, a linear unit a number, and the units of the training part."""
        pooling = [{"global_pool": "avg"}] if len(shape) > 1 else []
        units = {"scale": facts["target_deviation"], "shift": facts["target_mean"]}
        return [*pooling, {"linear": {"units": np.size(facts["target_mean"])}}, {"affine": units}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        """In units of the deviation of each number, so that learning rates do not depend on whether lengths are mm or
        km, and no number counts for more than another."""
        return loss_of(outputs.reshape(targets.shape) / scale, targets / scale)

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return Errors(labels)

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        for place, column in enumerate(_columns(targets)):
            if column.min() == column.max():
                which = f" in '{labels[place]}'" if labels else ""
                return {"r2": f"all of its targets{which} are the same"}
        return {}

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        examples = self.wanted.called.removeprefix("table ")
        blocks: list[Block] = [metrics_table(f"{report['samples']:,} test {examples}", report)]
        if "columns" in report:
            blocks.append(_by_column(report["columns"]))
        else:
            quantiles = tuple((name, f"{value:.4g}") for name, value in report["absolute_error"].items())
            blocks.append(Table("Absolute error", ("quantile", "value"), quantiles))
        return [*blocks, *_largest(report)]

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """`value`, or `values` by name, each by the shortest decimal number that is read as the same output again."""
        values = [_shortest(value) for value in as_numpy(outputs).reshape(-1)]
        return {"values": dict(zip(labels, values, strict=True))} if labels else {"value": values[0]}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """Every digit: 208500, and not 2.085e+05; of several numbers `angle -0.25, speed 12.5`."""
        if "values" in answer:
            return ", ".join(f"{name} {_written_out(value)}" for name, value in answer["values"].items())
        return _written_out(answer["value"])


@reference("images", "number")
def mean_of_training(train: tuple[Any, Any], test: Any, facts: Mapping[str, Any]) -> tuple[str, Any]:
    """The mean of each number (N, K), whatever the image."""
    return "mean", np.repeat(_columns(train[1]).mean(axis=1)[None], len(test), axis=0)


class Errors:
    """The scorer: what is predicted and what is wanted, a few numbers an example, is kept for quantiles."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self._labels = tuple(labels)
        self._outputs: list[Numbers] = []
        self._targets: list[Numbers] = []

    def add(self, outputs: Array, targets: Array) -> None:
        """`outputs` (n, K), `targets` (n,) of one number or (n, K)."""
        self._outputs.append(as_numpy(outputs))
        self._targets.append(as_numpy(targets))

    def metrics(self) -> dict[str, float]:
        """`rmse` and `mae` in the units of the data; `r2`, the share of the variance that is explained; of several
        numbers the means over columns, as scikit-learn has them."""
        found = [_scores(*pair) for pair in zip(*self._all(), strict=True)]
        shared = [name for name in Regression.metrics if all(name in scores for scores in found)]
        return {name: sum(scores[name] for scores in found) / len(found) for name in shared}

    def report(self) -> dict[str, Any]:
        """Metrics; the quantiles of the absolute error, and with several numbers the metrics too, by column; and
        `examples`, those with the largest errors, by their number in the part, which begins with 1."""
        predicted, wanted = self._all()
        columns = [
            {**_scores(outputs, targets), "absolute_error": _quantiles(outputs, targets)}
            for outputs, targets in zip(predicted, wanted, strict=True)
        ]
        if self._labels:
            named = [{"label": label, **column} for label, column in zip(self._labels, columns, strict=True)]
            by_column: dict[str, Any] = {"columns": named}
        else:
            by_column = {"absolute_error": columns[0]["absolute_error"]}
        return {
            "samples": wanted.shape[1],
            "metrics": self.metrics(),
            **by_column,
            "examples": self._worst(predicted, wanted),
        }

    def _all(self) -> tuple[Numbers, Numbers]:
        """float64 (K, N) both."""
        predicted, wanted = _columns(np.concatenate(self._outputs)), _columns(np.concatenate(self._targets))
        assert predicted.shape == wanted.shape, (predicted.shape, wanted.shape)
        return predicted, wanted

    def _worst(self, predicted: Numbers, wanted: Numbers) -> list[dict[str, Any]]:
        """With several numbers, an example's error is the largest of its errors in units of the column's `rmse`."""
        errors = predicted - wanted
        usual = np.sqrt((errors**2).mean(axis=1, keepdims=True))
        relative = np.abs(errors) / np.where(usual > 0, usual, 1.0)
        found = []
        for example in np.argsort(-relative.max(axis=0), kind="stable")[:LARGEST].tolist():
            column = int(relative[:, example].argmax())
            found.append(
                {
                    "number": example + 1,
                    **({"column": self._labels[column]} if self._labels else {}),
                    "wanted": float(wanted[column, example]),
                    "predicted": float(predicted[column, example]),
                    "error": float(errors[column, example]),
                }
            )
        return found


def _columns(values: Array) -> Numbers:
    """(N,) or (N, K) as float64 (K, N)."""
    found = as_numpy(values).astype(np.float64)
    return found.reshape(len(found), -1).T


def _scores(predicted: Numbers, wanted: Numbers) -> dict[str, float]:
    """The scores of one column; `r2` is left out where all targets are equal."""
    squared = float(((predicted - wanted) ** 2).mean())
    variance = float(((wanted - wanted.mean()) ** 2).mean())
    scores = {"rmse": squared**0.5, "mae": float(np.abs(predicted - wanted).mean())}
    return {**scores, "r2": 1 - squared / variance} if variance > 0 else scores


def _quantiles(predicted: Numbers, wanted: Numbers) -> dict[str, float]:
    values = np.quantile(np.abs(predicted - wanted), list(QUANTILES.values())).tolist()
    return dict(zip(QUANTILES, values, strict=True))


def _by_column(columns: Sequence[Mapping[str, Any]]) -> Table:
    scores = ("rmse", "mae", "r2")
    rows = []
    for column in columns:
        shown = [""] * len(scores)
        for place, name in enumerate(scores):
            if name in column:
                shown[place] = f"{column[name]:.4g}"
        errors = [f"{value:.4g}" for value in column["absolute_error"].values()]
        rows.append((column["label"], *shown, *errors))
    quantiles = [f"{name} error" for name in columns[0]["absolute_error"]]
    return Table("By column, with quantiles of the absolute error", ("column", *scores, *quantiles), tuple(rows))


def _largest(report: Mapping[str, Any]) -> list[Block]:
    """The examples by name where they have one, else by number. Reports of earlier versions have none."""
    examples = report.get("examples", ())
    if not examples:
        return []
    columns = ("column",) if "column" in examples[0] else ()
    values = ("wanted", "predicted", "error")
    rows = []
    for example in examples:
        name = example.get("name") or f"{example['number']:,}"
        decimals = _decimals(example["error"])
        shown = [_written_out(round(example[key], decimals), "{:.4g}") for key in values]
        rows.append((name, *(example[key] for key in columns), *shown))
    return [Table("Largest errors", ("example", *columns, *values), tuple(rows))]


def _decimals(error: float) -> int:
    """Decimals that show four significant digits of an error, and all digits of whole numbers."""
    return max(0, 3 - math.floor(math.log10(abs(error)))) if error else FEWEST


def _shortest(value: Any) -> float:
    """The shortest decimal number that is read as the same output; of 64 bits where 32 do not hold it."""
    single = np.float32(value)
    return float(str(single if single == value else value))


def _written_out(value: float, beyond: str = "{!r}") -> str:
    """Every digit; what is too large or too small for that in the form `beyond`."""
    if WRITTEN_OUT[0] <= abs(value) < WRITTEN_OUT[1] or value == 0:
        return np.format_float_positional(value, trim="-")
    return beyond.format(value)
