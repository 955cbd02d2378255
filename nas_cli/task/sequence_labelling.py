"""A tag for every word of a sentence, such as named entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from nas_cli.axes import Axes
from nas_cli.data.wanted import Wanted
from nas_cli.errors import Infeasible
from nas_cli.task.answers import Run, answer_each
from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array, Defaults, Direction, Loss, Scale, Scorer, Shape, task
from nas_cli.task.blocks import Block, Table, metrics_table
from nas_cli.task.crf import negative_log_likelihood
from nas_cli.task.entities import find_entities
from nas_cli.task.recipes import Recipe, recipe
from nas_cli.task.tag_scores import TagScores, decode

BILSTM = "bilstm: [{embedding: {units: 100, unknown: 0.05}}, {dropout: {rate: 0.5}}, {lstm: {units: 200}}, crf]"


@task("sequence-labelling")
class SequenceLabelling(Defaults):
    """Tags in IOB2. Outputs are (N, tags, L); where a network ends with a `crf`, transitions between tags come
    first."""

    metrics: Mapping[str, Direction] = {
        "f1": "maximize",
        "precision": "maximize",
        "recall": "maximize",
        "accuracy": "maximize",
        "macro_f1": "maximize",
        "loss": "minimize",
    }
    wanted = Wanted("sentences", "tags")
    losses: tuple[str, ...] = ("cross_entropy",)

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """A linear layer to one logit for each tag at every position; nothing where the body ends with a `crf`."""
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

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return TagScores(labels, self._loss_of)

    def _loss_of(self, outputs: Numbers, targets: Numbers) -> float:
        """The mean cross-entropy a word in nats, with a `crf` that of its scores' path."""
        given, wanted = torch.from_numpy(outputs), torch.from_numpy(targets)
        return float(self.loss(given, wanted, functional.cross_entropy, 1.0))

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

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        columns = ("precision", "recall", "F1", "support")
        averages = [{"label": f"{name} average", **row} for name, row in report["averages"].items()]
        return [
            metrics_table(f"{report['samples']:,} test sentences", report),
            Table("Entities, as conlleval counts them", ("type", *columns), _rows(report["entities"])),
            Table("Words by tag", ("tag", *columns), _rows([*report["classes"], *averages])),
        ]

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """`words`, `tags`, one a word, and `entities` with their type and text; `raw` are the words."""
        words = list(raw)
        given = as_numpy(outputs)[None]
        path = decode(given, np.zeros((1, len(words)), np.int64))[0]
        tags = [labels[k] for k in path]
        entities = [
            {"type": kind, "text": " ".join(words[first : last + 1]), "first": first, "last": last}
            for kind, first, last in find_entities(tags)
        ]
        return {"words": words, "tags": tags, "entities": entities}

    def answers(
        self, run: Run, examples: Sequence[Any], labels: Sequence[str], facts: Mapping[str, Any], top: int = 5
    ) -> list[dict[str, Any]]:
        """A sentence that is longer than those that the network was trained on is read in pieces of their length."""
        cut = [_pieces(words, facts.get("longest")) for words in examples]
        found = iter(answer_each(self, run, [piece for pieces in cut for piece in pieces], labels, top))
        return [_joined([next(found) for _ in pieces]) for pieces in cut]

    def describe(self, answer: Mapping[str, Any]) -> str:
        """`[ORG Acme] hired [PER Ann Lee]`."""
        parts, place = [], 0
        for entity in answer["entities"]:
            parts += answer["words"][place : entity["first"]]
            parts.append(f"[{entity['type']} {entity['text']}]")
            place = entity["last"] + 1
        return " ".join([*parts, *answer["words"][place:]])


def _pieces(words: Sequence[str], longest: int | None) -> list[tuple[str, ...]]:
    size = longest or len(words) or 1
    return [tuple(words[start : start + size]) for start in range(0, max(1, len(words)), size)]


def _joined(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer for a sentence, from those for its pieces."""
    words: list[str] = []
    tags: list[str] = []
    entities = []
    for answer in answers:
        shift = len(words)
        for entity in answer["entities"]:
            entities.append({**entity, "first": entity["first"] + shift, "last": entity["last"] + shift})
        words += answer["words"]
        tags += answer["tags"]
    return {"words": words, "tags": tags, "entities": entities}


def _rows(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    names = ("precision", "recall", "f1")
    return tuple((row["label"], *(f"{row[name]:.4f}" for name in names), f"{row['support']:,}") for row in rows)


@recipe("sentences", "tags")
def tagged_sentences(inputs: Mapping[str, Axes], examples: int) -> Recipe:
    return Recipe("tagger", epochs=16, train=("clip: 5.0",), baselines=BILSTM)
