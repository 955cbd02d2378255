"""Scores of a classification, added up from the confusions of its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array

TOP = 5


class ClassScores:
    """`accuracy`, `loss` (mean cross-entropy in nats), `macro_f1`, and with more than 5 classes `top5_accuracy`.

    `macro_f1` is the mean over all classes; one that is neither present nor predicted counts as 0. `confusion` int64
    (classes, classes): row i counts the examples that are of class i, by the class they were taken for.
    """

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.labels = labels
        self.confusion: Numbers = np.zeros((len(labels), len(labels)), np.int64)
        self._loss = 0.0
        self._top = 0

    @property
    def count(self) -> int:
        return int(self.confusion.sum())

    def add(self, outputs: Array, targets: Array) -> None:
        """Logits (n, classes) and class indices (n,)."""
        logits, wanted = as_outputs(outputs, targets)
        classes = logits.shape[1]
        if not len(self.confusion):
            self.confusion = np.zeros((classes, classes), np.int64)
        pairs = wanted * classes + logits.argmax(axis=1)
        self.confusion = self.confusion + np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(shifted).sum(axis=1))
        self._loss += float((log_sums - shifted[np.arange(len(wanted)), wanted]).sum())
        if classes > TOP:
            self._top += int((ranking(logits, TOP) == wanted[:, None]).any(axis=1).sum())

    def metrics(self) -> dict[str, float]:
        hits, count = np.diag(self.confusion), self.count
        assert count, "no examples"
        found = {
            "accuracy": float(hits.sum() / count),
            "loss": self._loss / count,
            "macro_f1": float(self.f1().mean()),
        }
        if len(hits) > TOP:
            found["top5_accuracy"] = self._top / count
        return found

    def f1(self) -> Numbers:
        """The F1 of each class; 0 for classes neither present nor predicted."""
        either = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        scores: Numbers = 2 * np.diag(self.confusion) / np.maximum(either, 1)
        return scores

    def report(self) -> dict[str, Any]:
        """Metrics, precision, recall, F1 and support per class and averaged, and the confusions.

        A ratio of nothing (precision of a class never predicted, say) is 0.
        """
        hits, support = np.diag(self.confusion), self.confusion.sum(axis=1)
        precision = hits / np.maximum(self.confusion.sum(axis=0), 1)
        recall, f1 = hits / np.maximum(support, 1), self.f1()
        weights = support / self.count
        share = float(hits.sum() / self.count)
        averages = {
            "micro": (share, share, share),
            "macro": (precision.mean(), recall.mean(), f1.mean()),
            "weighted": (precision @ weights, recall @ weights, f1 @ weights),
        }
        return {
            "samples": self.count,
            "metrics": self.metrics(),
            "classes": [
                {
                    "label": label,
                    "precision": float(precision[k]),
                    "recall": float(recall[k]),
                    "f1": float(f1[k]),
                    "support": int(support[k]),
                }
                for k, label in enumerate(self.labels)
            ],
            "averages": {
                name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": self.count}
                for name, (p, r, f) in averages.items()
            },
            "confusion": self.confusion.tolist(),
        }


def as_outputs(logits: Array, targets: Array) -> tuple[Numbers, Numbers]:
    """As float64 (N, classes) and int64 (N,)."""
    outputs, wanted = as_numpy(logits).astype(np.float64), as_numpy(targets).astype(np.int64)
    assert outputs.ndim == 2, outputs.shape
    assert wanted.shape == outputs.shape[:1], (outputs.shape, wanted.shape)
    return outputs, wanted


def ranking(logits: Numbers, top: int) -> Numbers:
    """The `top` classes of each row, most probable first; of equals the first, as argmax has it."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :top]
