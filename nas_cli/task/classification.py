"""Which of several classes an example belongs to: what all such tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.data.kinds.classes import is_lopsided
from nas_cli.data.wanted import Wanted
from nas_cli.task.arrays import as_numpy, softmax
from nas_cli.task.base import Array, Defaults, Direction, Loss, Scale, Scorer, Shape
from nas_cli.task.blocks import Block, Matrix, Table, metrics_table
from nas_cli.task.class_scores import TOP, ClassScores, ranking

CONFUSION = "Confusion: rows are true, columns predicted"
LOPSIDED = 0.8
"""A largest class of at least this share is named beside the scores."""


class Classification(Defaults):
    """One label an example, by softmax and cross-entropy."""

    metrics: Mapping[str, Direction] = {
        "accuracy": "maximize",
        "loss": "minimize",
        "macro_f1": "maximize",
        "top5_accuracy": "maximize",
    }
    proportions = frozenset({"accuracy", "top5_accuracy"})
    losses: tuple[str, ...] = ("cross_entropy", "focal")
    wanted = Wanted("images", "class")

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """Global average pooling where `shape` has positions, then a linear layer to one logit for each class."""
        pooling = [{"global_pool": "avg"}] if len(shape) > 1 else []
        return [*pooling, {"linear": {"units": facts["labels"]}}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        return loss_of(outputs, targets)

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return ClassScores(labels)

    def objective(self, targets: Array) -> str:
        """Macro F1 where nearly all examples are of one class, since accuracy says little then."""
        lopsided = "macro_f1" in self.metrics and is_lopsided(as_numpy(targets))
        return "macro_f1" if lopsided else super().objective(targets)

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        few = f"there are {len(labels)} classes, and with {TOP} or fewer it is always 1"
        return {"top5_accuracy": few} if len(labels) <= TOP else {}

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        """Metrics, beside those of others; scores by class and averaged; confusions."""
        names = ("precision", "recall", "f1")
        rows = [(c["label"], *(f"{c[n]:.4f}" for n in names), f"{c['support']:,}") for c in report["classes"]]
        rows += [
            (f"{name} average", *(f"{average[n]:.4f}" for n in names), f"{average['support']:,}")
            for name, average in report["averages"].items()
        ]
        labels = tuple(c["label"] for c in report["classes"])
        spoken = {"loss": "loss (log-loss)", "f1": f"f1 of {labels[-1]}"}
        title = f"{report['samples']:,} test {self.wanted.called}{_constant(report)}"
        return [
            metrics_table(title, report, spoken),
            Table("By class", ("class", "precision", "recall", "F1", "support"), tuple(rows)),
            Matrix(CONFUSION, "class", labels, tuple(map(tuple, report["confusion"]))),
        ]

    def answer(self, outputs: Array, labels: Sequence[str], top: int = TOP, raw: Any = ()) -> dict[str, Any]:
        """`label`, its `probability`, and the `top` most probable classes."""
        logits = as_numpy(outputs).astype(np.float64).reshape(-1)
        probabilities = softmax(logits[None])[0]
        best = [{"label": labels[k], "probability": float(probabilities[k])} for k in ranking(logits[None], top)[0]]
        return {**best[0], "top": best}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """`7 (98.2 %), then 9 (1.1 %), 4 (0.5 %)`: the label, and up to two others that are not negligible."""
        first, *others = [f"{c['label']} ({100 * c['probability']:.1f} %)" for c in answer["top"]]
        count = sum(c["probability"] >= 0.001 for c in answer["top"][1:3])
        return f"{first}, then {', '.join(others[:count])}" if count else first


def _constant(report: Mapping[str, Any]) -> str:
    """The accuracy of always answering the largest class, where that is high."""
    largest = max(report["classes"], key=lambda each: each["support"])
    share = largest["support"] / report["samples"]
    return f"; the answer {largest['label']} alone has accuracy {share:.4f}" if share >= LOPSIDED else ""
