"""Scores of tags: entities as conlleval counts them, and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas_cli.data.kinds.targets import IGNORED
from nas_cli.data.portable import best_paths
from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array
from nas_cli.task.entities import count_entities, find_entities, scores, total

LossOf = Callable[[Numbers, Numbers], float]


class TagScores:
    """Entity `f1`, `precision` and `recall` as conlleval has them, where there are entities to find; of words
    `accuracy`, `macro_f1` over tags and `loss`, the mean of `loss_of` a word.

    For every word, its true and its predicted tag are kept.
    """

    def __init__(self, labels: Sequence[str], loss_of: LossOf) -> None:
        self.labels = labels
        self._loss_of = loss_of
        self._entities: dict[str, Counter[int]] = {}
        self._wanted: list[Numbers] = []
        self._predicted: list[Numbers] = []
        self._sentences = 0
        self._loss = 0.0

    def add(self, outputs: Array, targets: Array) -> None:
        """Outputs (n, tags, W) and tags (n, L)."""
        given, wanted = as_numpy(outputs), as_numpy(targets).astype(np.int64)
        predicted, taken = decode(given, wanted), wanted != IGNORED
        for kind, counts in count_entities(self._texts(wanted, taken), self._texts(predicted, taken)).items():
            self._entities.setdefault(kind, Counter()).update(dict(enumerate(counts)))
        # A tag that only this part has was never learned: its loss has no meaning.
        known = np.where(wanted < given.shape[1], wanted, 0 if given.shape[2] > wanted.shape[1] else IGNORED)
        counted = int((known != IGNORED).sum())
        if counted:
            self._loss += self._loss_of(given, known) * counted
        self._wanted.append(wanted[taken])
        self._predicted.append(predicted[taken])
        self._sentences += len(wanted)

    def metrics(self) -> dict[str, float]:
        from sklearn.metrics import f1_score

        wanted, predicted = np.concatenate(self._wanted), np.concatenate(self._predicted)
        everything = total(self._counts())
        known = {k for k, label in enumerate(self.labels) if find_entities([label])} & set(np.unique(wanted).tolist())
        return {
            **(scores(*everything) if known else {}),
            "accuracy": float((wanted == predicted).mean()),
            "macro_f1": float(f1_score(wanted, predicted, average="macro", zero_division=0.0)),
            "loss": self._loss / len(wanted),
        }

    def report(self) -> dict[str, Any]:
        """Metrics, entities by type, and precision, recall, F1 and support of words by tag and averaged."""
        from sklearn.metrics import precision_recall_fscore_support

        wanted, predicted = np.concatenate(self._wanted), np.concatenate(self._predicted)
        which = sorted(set(wanted.tolist()) | set(predicted.tolist()))

        def by(average: str | None) -> Any:
            return precision_recall_fscore_support(wanted, predicted, labels=which, average=average, zero_division=0.0)

        precision, recall, f1, support = by(None)
        averages = {}
        for average in ("micro", "macro", "weighted"):
            p, r, f, _ = by(average)
            averages[average] = {"precision": float(p), "recall": float(r), "f1": float(f), "support": len(wanted)}
        counts = self._counts()
        everything = total(counts)
        return {
            "samples": self._sentences,
            "metrics": self.metrics(),
            "entities": [{"label": kind, **scores(*count), "support": count[2]} for kind, count in counts.items()]
            + [{"label": "all", **scores(*everything), "support": everything[2]}],
            "classes": [
                {
                    "label": self.labels[tag],
                    "precision": float(precision[k]),
                    "recall": float(recall[k]),
                    "f1": float(f1[k]),
                    "support": int(support[k]),
                }
                for k, tag in enumerate(which)
            ],
            "averages": averages,
        }

    def _counts(self) -> dict[str, tuple[int, int, int]]:
        return {kind: (each[0], each[1], each[2]) for kind, each in sorted(self._entities.items())}

    def _texts(self, tags: Numbers, taken: Numbers) -> list[list[str]]:
        return [[self.labels[k] for k in row[mask]] for row, mask in zip(tags, taken, strict=True)]


def decode(outputs: Numbers, targets: Numbers) -> Numbers:
    """The tags (N, L) predicted by outputs (N, tags, W); where these begin with the transitions of a `crf`, the best
    path.

    `targets` (N, L) are IGNORED after a sentence's end; tags decoded there are meaningless.
    """
    if outputs.shape[2] > targets.shape[1]:
        return best_paths(outputs, (targets != IGNORED).sum(axis=1))
    best: Numbers = outputs.argmax(axis=1)
    return best
