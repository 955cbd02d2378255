"""Which of several classes an example belongs to: what all such tasks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.data.source import Wanted
from nas_cli.task.base import Array, Direction, Loss, Scale, Shape, Table

Numbers = np.ndarray[Any, Any]
CONFUSION = "Confusion: rows are true, columns predicted"
TOP = 5
LOPSIDED = 0.8
"""The share of the largest class from which on it is said beside the scores."""
SHOWN_CLASSES = 30
"""A confusion matrix wider than this is kept in the report and not shown as a table."""


class Classification:
    """One label an example, by softmax and cross-entropy."""

    metrics: Mapping[str, Direction] = {
        "accuracy": "maximize",
        "loss": "minimize",
        "macro_f1": "maximize",
        "top5_accuracy": "maximize",
    }
    proportions = frozenset({"accuracy", "top5_accuracy"})
    losses: tuple[str, ...] = ("cross_entropy", "focal")

    def __init__(self, wanted: Wanted = Wanted()) -> None:  # noqa: B008 - it never changes
        self.wanted = wanted

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """Global average pooling where `shape` still has places, then a linear layer to a logit a class."""
        pooling = [{"global_pool": "avg"}] if len(shape) > 1 else []
        return [*pooling, {"linear": {"units": facts["labels"]}}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        return loss_of(outputs, targets)

    def measure(self, logits: Array, targets: Array, labels: Sequence[str] = ()) -> dict[str, float]:
        """`accuracy`, `loss` (mean cross-entropy in nats), `macro_f1`, and with more than 5 classes `top5_accuracy`.

        `macro_f1` is the mean over all classes; one that is neither present nor predicted counts as 0.
        """
        outputs, wanted = as_outputs(logits, targets)
        confusion = _confusion(outputs, wanted)
        hits = np.diag(confusion)
        either = confusion.sum(axis=0) + confusion.sum(axis=1)
        f1 = 2 * hits / np.maximum(either, 1)
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(shifted).sum(axis=1))
        rows = np.arange(len(wanted))
        metrics = {
            "accuracy": float(hits.sum() / len(wanted)),
            "loss": float((log_sums - shifted[rows, wanted]).mean()),
            "macro_f1": float(f1.mean()),
        }
        if outputs.shape[1] > TOP:
            metrics["top5_accuracy"] = float((_ranking(outputs, TOP) == wanted[:, None]).any(axis=1).mean())
        return metrics

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        few = f"there are {len(labels)} classes, and with {TOP} or fewer it is always 1"
        return {"top5_accuracy": few} if len(labels) <= TOP else {}

    def report(self, logits: Array, targets: Array, labels: Sequence[str]) -> dict[str, Any]:
        """Metrics, precision, recall, F1 and support per class and averaged, and the confusion matrix.

        Row i of `confusion` counts the examples that are of class i, by the class they were taken for.
        A ratio of nothing (precision of a class never predicted, say) is 0.
        """
        from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

        outputs, wanted = as_outputs(logits, targets)
        taken = outputs.argmax(axis=1)
        which = np.arange(len(labels))

        def scores(average: str | None) -> Any:
            return precision_recall_fscore_support(wanted, taken, labels=which, average=average, zero_division=0.0)

        precision, recall, f1, support = scores(None)
        averages = {}
        for average in ("micro", "macro", "weighted"):
            p, r, f, _ = scores(average)
            averages[average] = {"precision": float(p), "recall": float(r), "f1": float(f), "support": len(wanted)}
        return {
            "samples": len(wanted),
            "metrics": self.measure(outputs, wanted),
            "classes": [
                {
                    "label": label,
                    "precision": float(precision[k]),
                    "recall": float(recall[k]),
                    "f1": float(f1[k]),
                    "support": int(support[k]),
                }
                for k, label in enumerate(labels)
            ],
            "averages": averages,
            "confusion": confusion_matrix(wanted, taken, labels=which).tolist(),
        }

    def reference(self, train: tuple[Array, Array], test: Array, facts: Mapping[str, Any]) -> tuple[str, Array] | None:
        return None

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        """Metrics, beside those of others; scores by class and averaged; confusions of up to 30 classes."""
        names = ("precision", "recall", "f1")
        rows = [(c["label"], *(f"{c[n]:.4f}" for n in names), f"{c['support']:,}") for c in report["classes"]]
        rows += [
            (f"{name} average", *(f"{average[n]:.4f}" for n in names), f"{average['support']:,}")
            for name, average in report["averages"].items()
        ]
        tables = [
            metrics_table(f"{report['samples']:,} test {self.wanted.inputs}{_constant(report)}", report),
            Table("By class", ("class", "precision", "recall", "F1", "support"), tuple(rows)),
        ]
        labels = [c["label"] for c in report["classes"]]
        if len(labels) <= SHOWN_CLASSES:
            confusion = zip(labels, report["confusion"], strict=True)
            counts = tuple((label, *(f"{count:,}" for count in row)) for label, row in confusion)
            tables.append(Table(CONFUSION, ("class", *labels), counts))
        return tables

    def answer(self, logits: Array, labels: Sequence[str], top: int = TOP, raw: Any = ()) -> dict[str, Any]:
        """`label`, its `probability`, and the `top` most probable classes."""
        outputs = as_numpy(logits).astype(np.float64).reshape(-1)
        probabilities = softmax(outputs[None])[0]
        best = [{"label": labels[k], "probability": float(probabilities[k])} for k in _ranking(outputs[None], top)[0]]
        return {**best[0], "top": best}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """`7 (98.2 %), then 9 (1.1 %), 4 (0.5 %)`: the label, and up to two others that are not negligible."""
        first, *others = [f"{c['label']} ({100 * c['probability']:.1f} %)" for c in answer["top"]]
        count = sum(c["probability"] >= 0.001 for c in answer["top"][1:3])
        return f"{first}, then {', '.join(others[:count])}" if count else first


def _constant(report: Mapping[str, Any]) -> str:
    """What the answer that is always the largest class scores, where that is much."""
    largest = max(report["classes"], key=lambda each: each["support"])
    share = largest["support"] / report["samples"]
    return f"; the answer {largest['label']} alone has accuracy {share:.4f}" if share >= LOPSIDED else ""


def metrics_table(title: str, report: Mapping[str, Any]) -> Table:
    """Each metric of a report, beside those of baselines and of a method without a network, where there are such."""
    beside = report.get("beside") or []
    columns = ("metric", "this network", *(other["name"] for other in beside)) if beside else ("metric", "value")
    rows = []
    for name, value in report["metrics"].items():
        values = (value, *(other["metrics"].get(name) for other in beside))
        rows.append((_shown(name, report), *("" if v is None else f"{v:.4f}" for v in values)))
    return Table(title, columns, tuple(rows))


def _shown(name: str, report: Mapping[str, Any]) -> str:
    """A metric's name in words; of a classification also which class an F1 is of, and that its loss is the log-loss."""
    if "confusion" in report and name == "f1":
        return f"f1 of {report['classes'][-1]['label']}"
    return "loss (log-loss)" if "confusion" in report and name == "loss" else name.replace("_", " ")


def as_numpy(values: Array) -> Numbers:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()
    return values


def as_outputs(logits: Array, targets: Array) -> tuple[Numbers, Numbers]:
    """As float64 (N, classes) and int64 (N,)."""
    outputs, wanted = as_numpy(logits).astype(np.float64), as_numpy(targets).astype(np.int64)
    assert outputs.ndim == 2, outputs.shape
    assert wanted.shape == outputs.shape[:1], (outputs.shape, wanted.shape)
    assert len(wanted), "no examples"
    return outputs, wanted


def softmax(logits: Numbers) -> Numbers:
    """Probabilities (N, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _confusion(logits: Numbers, targets: Numbers) -> Numbers:
    classes = logits.shape[1]
    pairs = targets * classes + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def _ranking(logits: Numbers, top: int) -> Numbers:
    """The `top` classes of each row, most probable first; of equals the first, as argmax has it."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :top]
