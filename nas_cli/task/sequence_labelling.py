"""A tag for every word of a sentence, such as named entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from nas_cli.data.kinds.targets import IGNORED
from nas_cli.data.portable import best_paths
from nas_cli.data.source import Wanted
from nas_cli.errors import Infeasible
from nas_cli.task.base import TASKS, Array, Direction, Loss, Scale, Shape, Table
from nas_cli.task.classification import as_numpy, metrics_table
from nas_cli.task.crf import negative_log_likelihood
from nas_cli.task.entities import count_entities, find_entities, scores, total

Numbers = np.ndarray[Any, Any]


class SequenceLabelling:
    """Tags in IOB2. Outputs are (N, tags, L); where a network ends with a `crf`, the moves of tags come first."""

    metrics: Mapping[str, Direction] = {
        "f1": "maximize",
        "precision": "maximize",
        "recall": "maximize",
        "accuracy": "maximize",
        "macro_f1": "maximize",
        "loss": "minimize",
    }
    proportions: frozenset[str] = frozenset()
    wanted = Wanted("sentences", "tags")
    losses: tuple[str, ...] = ("cross_entropy",)

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """A linear layer to a logit a tag at every place; nothing where the body ends with a `crf`."""
        if len(shape) != 2:
            raise Infeasible("it gives one vector for the whole sentence, and every word needs a tag: do not pool")
        if shape == (facts["labels"], facts["places"] + facts["labels"] + 2):
            return []
        if shape[1] != facts["places"]:
            raise Infeasible("it gives another number of places than there are words, and every word needs a tag")
        return [{"linear": {"units": facts["labels"]}}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        """With a `crf` the negative log-likelihood of the tags, a word; else the loss of every word."""
        if outputs.shape[2] > targets.shape[1]:
            return negative_log_likelihood(outputs, targets)
        return loss_of(outputs.transpose(1, 2).flatten(0, 1), targets.flatten())

    def measure(self, logits: Array, targets: Array, labels: Sequence[str] = ()) -> dict[str, float]:
        """Entity `f1`, `precision` and `recall` as conlleval has them, where there are entities; of words `accuracy`,
        and `macro_f1` over tags.

        `loss` is the mean cross-entropy a word in nats, with a `crf` that of its scores' path.
        """
        from sklearn.metrics import f1_score

        outputs, wanted = as_numpy(logits), as_numpy(targets).astype(np.int64)
        predicted, taken = decode(outputs, wanted), wanted != IGNORED
        counts = count_entities(_texts(wanted, taken, labels), _texts(predicted, taken, labels))
        words = wanted[taken], predicted[taken]
        # A tag that only this part has was never learned: what it costs has no meaning.
        known = np.where(wanted < outputs.shape[1], wanted, 0 if outputs.shape[2] > wanted.shape[1] else IGNORED)
        loss = self.loss(torch.from_numpy(outputs), torch.from_numpy(known), functional.cross_entropy, 1.0)
        entities = {} if self.undefined(wanted, labels) else scores(*total(counts))
        return {
            **entities,
            "accuracy": float((words[0] == words[1]).mean()),
            "macro_f1": float(f1_score(*words, average="macro", zero_division=0.0)),
            "loss": float(loss),
        }

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        """Scores of entities would be 0 for every network where there are none to find."""
        marks = {k for k, label in enumerate(labels) if find_entities([label])}
        if not marks:
            reason = "no tag marks an entity (B-TYPE, I-TYPE), and without entities it is always 0"
        elif not marks & set(np.unique(as_numpy(targets)).tolist()):
            reason = "it has no entity, and without entities it is always 0"
        else:
            return {}
        return dict.fromkeys(("f1", "precision", "recall"), reason)

    def report(self, logits: Array, targets: Array, labels: Sequence[str]) -> dict[str, Any]:
        """Metrics, entities by type, and precision, recall, F1 and support of words by tag and averaged."""
        from sklearn.metrics import precision_recall_fscore_support

        outputs, wanted = as_numpy(logits), as_numpy(targets).astype(np.int64)
        predicted, taken = decode(outputs, wanted), wanted != IGNORED
        counts = count_entities(_texts(wanted, taken, labels), _texts(predicted, taken, labels))
        which = sorted(set(wanted[taken].tolist()) | set(predicted[taken].tolist()))
        words = (wanted[taken], predicted[taken])

        def by(average: str | None) -> Any:
            return precision_recall_fscore_support(*words, labels=which, average=average, zero_division=0.0)

        precision, recall, f1, support = by(None)
        averages = {}
        for average in ("micro", "macro", "weighted"):
            p, r, f, _ = by(average)
            averages[average] = {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(taken.sum())}
        everything = total(counts)
        return {
            "samples": len(wanted),
            "metrics": self.measure(outputs, wanted, labels),
            "entities": [{"label": kind, **scores(*count), "support": count[2]} for kind, count in counts.items()]
            + [{"label": "all", **scores(*everything), "support": everything[2]}],
            "classes": [
                {
                    "label": labels[tag],
                    "precision": float(precision[k]),
                    "recall": float(recall[k]),
                    "f1": float(f1[k]),
                    "support": int(support[k]),
                }
                for k, tag in enumerate(which)
            ],
            "averages": averages,
        }

    def reference(self, train: tuple[Array, Array], test: Array, facts: Mapping[str, Any]) -> tuple[str, Array] | None:
        return None

    def tables(self, report: Mapping[str, Any]) -> list[Table]:
        columns = ("precision", "recall", "F1", "support")
        averages = [{"label": f"{name} average", **row} for name, row in report["averages"].items()]
        return [
            metrics_table(f"{report['samples']:,} test sentences", report),
            Table("Entities, as conlleval counts them", ("type", *columns), _rows(report["entities"])),
            Table("Words by tag", ("tag", *columns), _rows([*report["classes"], *averages])),
        ]

    def answer(self, logits: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """`words`, `tags`, one a word, and `entities` with their type and text; `raw` are the words."""
        words = list(raw)
        outputs = as_numpy(logits)[None]
        path = decode(outputs, np.zeros((1, len(words)), np.int64))[0]
        tags = [labels[k] for k in path]
        entities = [
            {"type": kind, "text": " ".join(words[first : last + 1]), "first": first, "last": last}
            for kind, first, last in find_entities(tags)
        ]
        return {"words": words, "tags": tags, "entities": entities}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """`[ORG Acme] hired [PER Ann Lee]`."""
        parts, place = [], 0
        for entity in answer["entities"]:
            parts += answer["words"][place : entity["first"]]
            parts.append(f"[{entity['type']} {entity['text']}]")
            place = entity["last"] + 1
        return " ".join([*parts, *answer["words"][place:]])


def decode(outputs: Numbers, targets: Numbers) -> Numbers:
    """The tags (N, L) that outputs (N, tags, W) say; where they begin with a `crf`'s moves, the best path through them.

    `targets` (N, L) are IGNORED after a sentence's end; what is decoded there means nothing.
    """
    if outputs.shape[2] > targets.shape[1]:
        return best_paths(outputs, (targets != IGNORED).sum(axis=1))
    best: Numbers = outputs.argmax(axis=1)
    return best


def _texts(tags: Numbers, taken: Numbers, labels: Sequence[str]) -> list[list[str]]:
    return [[labels[k] for k in row[mask]] for row, mask in zip(tags, taken, strict=True)]


def _rows(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    names = ("precision", "recall", "f1")
    return tuple((row["label"], *(f"{row[name]:.4f}" for name in names), f"{row['support']:,}") for row in rows)


TASKS.register("sequence-labelling")(SequenceLabelling())
