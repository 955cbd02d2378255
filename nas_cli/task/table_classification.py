"""Which of several classes a row of a table belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas_cli.data.wanted import Wanted
from nas_cli.errors import UserError, did_you_mean
from nas_cli.task.arrays import Numbers, as_numpy, softmax
from nas_cli.task.base import Array, Direction, Scorer, task
from nas_cli.task.blocks import Block, metrics_table
from nas_cli.task.class_scores import ClassScores, as_outputs
from nas_cli.task.classification import Classification


@task("table-classification")
class TableClassification(Classification):
    """A class for each row; with two classes F1 and the area under the ROC curve of the one that is `positive`: the
    second one, in the order of the labels, where none is named.
    """

    metrics: Mapping[str, Direction] = {**Classification.metrics, "f1": "maximize", "roc_auc": "maximize"}
    wanted = Wanted("table rows", "class")

    def __init__(self, positive: str | int | None = None) -> None:
        self.positive = None if positive is None else str(positive)

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return TableScores(labels, self._positive(labels))

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        found = dict(super().undefined(targets, labels))
        self._positive(labels)
        if len(labels) != 2:
            found["f1"] = f"it is of one of two classes, and there are {len(labels)}; macro_f1 is of any number"
        present = set(as_numpy(targets).tolist())
        lacking = [label for number, label in enumerate(labels) if number not in present]
        if lacking:
            found["roc_auc"] = f"it has no example of the class '{lacking[0]}'"
        return found

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        first, *others = super().blocks(report)
        labels = [c["label"] for c in report["classes"]]
        positive = labels[self._positive(labels)]
        spoken = {"loss": "loss (log-loss)", "f1": f"f1 of {positive}"}
        return [metrics_table(first.title, report, spoken), *others]

    def _positive(self, labels: Sequence[str]) -> int:
        """The index of the positive class. Raises UserError where no label has its name."""
        if self.positive is None or not labels:
            return 1
        if self.positive not in labels:
            near = did_you_mean(self.positive, labels)
            raise UserError(f"task: positive is '{self.positive}', which is none of the classes{near}")
        return list(labels).index(self.positive)


class TableScores(ClassScores):
    """With two classes also `f1` and `roc_auc` of class number `positive`. With more, `roc_auc` is the mean over
    classes of one against the rest (scikit-learn's "ovr", macro). Where a class is lacking, `roc_auc` is left out.

    Probabilities are kept, float64 (N, classes): the area under the curve needs their ranking.
    """

    def __init__(self, labels: Sequence[str] = (), positive: int = 1) -> None:
        super().__init__(labels)
        self._positive = positive
        self._probabilities: list[Numbers] = []
        self._wanted: list[Numbers] = []

    def add(self, outputs: Array, targets: Array) -> None:
        super().add(outputs, targets)
        logits, wanted = as_outputs(outputs, targets)
        self._probabilities.append(softmax(logits))
        self._wanted.append(wanted)

    def metrics(self) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        found = super().metrics()
        wanted, probabilities = np.concatenate(self._wanted), np.concatenate(self._probabilities)
        classes = probabilities.shape[1]
        if classes == 2:
            found["f1"] = float(self.f1()[self._positive])
        if len(np.unique(wanted)) < classes:
            return found
        if classes == 2:
            area = roc_auc_score(wanted == self._positive, probabilities[:, self._positive])
        else:
            area = roc_auc_score(wanted, probabilities, multi_class="ovr")
        return {**found, "roc_auc": float(area)}
