"""A number for each row of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.data.source import Wanted
from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array, Defaults, Direction, Loss, Scale, Scorer, Shape, task
from nas_cli.task.blocks import Block, Table, metrics_table

WRITTEN_OUT = (1e-6, 1e16)
"""Numbers between these are shown without an exponent."""


@task("table-regression")
class TableRegression(Defaults):
    """Regression: the network gives the number itself, in the units of the data."""

    metrics: Mapping[str, Direction] = {"rmse": "minimize", "mae": "minimize", "r2": "maximize"}
    wanted = Wanted("table rows", "number")
    losses: tuple[str, ...] = ("mse", "mae", "huber")

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """Pooling where `shape` still has places, one linear unit, and the units of the training part's targets."""
        pooling = [{"global_pool": "avg"}] if len(shape) > 1 else []
        units = {"scale": facts["target_deviation"], "shift": facts["target_mean"]}
        return [*pooling, {"linear": {"units": 1}}, {"affine": units}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        """In units of the targets' deviation, so that learning rates do not depend on whether lengths are mm or km."""
        return loss_of(outputs[:, 0] / scale, targets / scale)

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return NumberScores()

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        wanted = as_numpy(targets)
        return {"r2": "all of its targets are the same"} if wanted.min() == wanted.max() else {}

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        errors = tuple((name, f"{value:.4g}") for name, value in report["absolute_error"].items())
        return [
            metrics_table(f"{report['samples']:,} test rows", report),
            Table("Absolute error", ("quantile", "value"), errors),
        ]

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """`value`, by the shortest decimal number that is read as the same output again."""
        return {"value": float(str(as_numpy(outputs).reshape(-1)[0]))}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """Every digit: 208500, and not 2.085e+05."""
        value = answer["value"]
        if WRITTEN_OUT[0] <= abs(value) < WRITTEN_OUT[1] or value == 0:
            return np.format_float_positional(value, trim="-")
        return repr(value)


class NumberScores:
    """`rmse` and `mae` in the units of the data; `r2`, the share of the variance that is explained. Of every example
    two numbers are kept, float64."""

    def __init__(self) -> None:
        self._predicted: list[Numbers] = []
        self._wanted: list[Numbers] = []

    def add(self, outputs: Array, targets: Array) -> None:
        """Numbers (n, 1) and targets (n,)."""
        predicted, wanted = as_numpy(outputs).astype(np.float64), as_numpy(targets).astype(np.float64)
        assert predicted.shape == (len(wanted), 1), predicted.shape
        self._predicted.append(predicted[:, 0])
        self._wanted.append(wanted)

    def metrics(self) -> dict[str, float]:
        predicted, wanted = np.concatenate(self._predicted), np.concatenate(self._wanted)
        squared = float(((predicted - wanted) ** 2).mean())
        variance = float(((wanted - wanted.mean()) ** 2).mean())
        found = {"rmse": squared**0.5, "mae": float(np.abs(predicted - wanted).mean())}
        return {**found, "r2": 1 - squared / variance} if variance > 0 else found

    def report(self) -> dict[str, Any]:
        """Metrics, and the quantiles of the absolute error."""
        predicted, wanted = np.concatenate(self._predicted), np.concatenate(self._wanted)
        errors = np.quantile(np.abs(predicted - wanted), (0.5, 0.9, 0.95, 1.0))
        return {
            "samples": len(wanted),
            "metrics": self.metrics(),
            "absolute_error": dict(zip(("median", "90 %", "95 %", "largest"), errors.tolist(), strict=True)),
        }
