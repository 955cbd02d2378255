"""Which of several classes a row of a table belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas_cli.data.source import Wanted
from nas_cli.task.base import TASKS, Array, Direction
from nas_cli.task.boosting import NAME, boosted_classes
from nas_cli.task.classification import Classification, as_numpy, as_outputs, softmax


class TableClassification(Classification):
    """One label a row; with two classes the area under the ROC curve too."""

    metrics: Mapping[str, Direction] = {**Classification.metrics, "f1": "maximize", "roc_auc": "maximize"}

    def measure(self, logits: Array, targets: Array, labels: Sequence[str] = ()) -> dict[str, float]:
        """As of every classification; `loss` is the log-loss.

        With two classes `f1` and `roc_auc` are of the second one, in the order of the labels. With more, `roc_auc` is
        the mean over classes of one against the rest (scikit-learn's "ovr", macro). Where the targets lack a class,
        `roc_auc` is not defined and left out.
        """
        from sklearn.metrics import f1_score, roc_auc_score

        metrics = super().measure(logits, targets)
        outputs, wanted = as_outputs(logits, targets)
        probabilities = softmax(outputs)
        classes = outputs.shape[1]
        if classes == 2:
            metrics["f1"] = float(f1_score(wanted, outputs.argmax(axis=1), zero_division=0.0))
        if len(set(wanted.tolist())) == classes:
            scores = probabilities[:, 1] if classes == 2 else probabilities
            metrics["roc_auc"] = float(roc_auc_score(wanted, scores, multi_class="ovr"))
        return metrics

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        found = dict(super().undefined(targets, labels))
        if len(labels) != 2:
            found["f1"] = f"it is of the second of two classes, and there are {len(labels)}; macro_f1 is of any number"
        present = set(as_numpy(targets).tolist())
        lacking = [label for number, label in enumerate(labels) if number not in present]
        if lacking:
            found["roc_auc"] = f"it has no example of the class '{lacking[0]}'"
        return found

    def reference(self, train: tuple[Array, Array], test: Array, facts: Mapping[str, Any]) -> tuple[str, Array] | None:
        return NAME, boosted_classes(train, test, facts)


TASKS.register("table-classification")(TableClassification(Wanted("table rows", "class")))
