"""Every task: numbers against scikit-learn, and one conformance suite over the registry."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from fields import axes_of
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from nas_cli.errors import Infeasible
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_architecture
from nas_cli.task import TASKS, open_task, scored
from nas_cli.testing import check_task

EACH = pytest.mark.parametrize("name", list(TASKS))
LABELS = [f"class {k}" for k in range(8)]


def outputs(count: int = 200, classes: int = 8) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) + 2.0 * np.eye(classes)[targets]
    return logits.astype(np.float32), targets


def softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_metrics_are_scikit_learns() -> None:
    logits, targets = outputs()
    found = scored(open_task("image-classification"), logits, targets).metrics()
    predicted = logits.argmax(1)
    assert found["accuracy"] == pytest.approx(accuracy_score(targets, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(targets, predicted, average="macro"))
    assert found["loss"] == pytest.approx(log_loss(targets, softmax(logits)), rel=1e-6)
    assert found["top5_accuracy"] == pytest.approx(top_k_accuracy_score(targets, logits, k=5))


def test_the_report_is_scikit_learns() -> None:
    logits, targets = outputs(300)
    targets[targets == 3] = 4  # a class that the test part does not have
    task = open_task("image-classification")
    report = scored(task, torch.from_numpy(logits), torch.from_numpy(targets), LABELS).report()
    predicted, which = logits.argmax(1), np.arange(8)
    columns = precision_recall_fscore_support(targets, predicted, labels=which, zero_division=0.0)
    for key, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        assert [row[key] for row in report["classes"]] == pytest.approx(list(column))
    for average in ("micro", "macro", "weighted"):
        p, r, f, _ = precision_recall_fscore_support(
            targets, predicted, labels=which, average=average, zero_division=0.0
        )
        found = report["averages"][average]
        assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((p, r, f))
        assert found["support"] == 300
    assert report["confusion"] == confusion_matrix(targets, predicted, labels=which).tolist()
    assert json.loads(json.dumps(report)) == report


def test_an_answer_reads_well() -> None:
    task = open_task("image-classification")
    logits = np.log(np.array([0.7, 0.2, 0.05, 0.03, 0.02, 1e-6, 1e-6, 1e-6]))
    answer = task.answer(logits, LABELS, top=3)
    assert answer["label"] == "class 0"
    assert [c["label"] for c in answer["top"]] == LABELS[:3]
    assert answer["probability"] == pytest.approx(0.7, abs=1e-4)
    assert task.describe(answer) == "class 0 (70.0 %), then class 1 (20.0 %), class 2 (5.0 %)"


def test_huge_logits_do_not_overflow() -> None:
    found = scored(open_task("image-classification"), np.array([[1e4, -1e4], [-1e4, 1e4]]), np.array([0, 0])).metrics()
    assert found["loss"] == pytest.approx(1e4)
    assert found["accuracy"] == 0.5


FACTS = {"labels": 8, "places": 9, "target_mean": 3.0, "target_deviation": 2.0}


def example_of(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]:
    """Outputs, targets and labels as the task has them."""
    logits, targets = outputs()
    if open_task(name).wanted.target == "number":
        return logits[:, :1], targets.astype(np.float32), []
    if open_task(name).wanted.target == "tags":
        tags = ["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "I-X", "O"]
        return logits.reshape(25, 8, 8).transpose(0, 2, 1), targets.reshape(25, 8), tags
    if open_task(name).wanted.target == "mask":
        masks = targets.reshape(25, 2, 4).astype(np.uint8)
        return logits.reshape(25, 2, 4, 8).transpose(0, 3, 1, 2), masks, LABELS
    return logits, targets, LABELS


@EACH
def test_every_task_passes_the_check_for_plugins(name: str) -> None:
    """Metrics are finite, reports and answers are JSON and read well, the loss leads down."""
    task = open_task(name)
    assert set(task.metrics.values()) <= {"maximize", "minimize"}
    assert task.proportions <= set(task.metrics)
    logits, targets, labels = example_of(name)
    scorer = scored(task, logits, targets, labels)
    assert set(scorer.metrics()) <= set(task.metrics)
    assert task.blocks(scorer.report())
    check_task(name, logits, targets, labels, FACTS)


@EACH
@pytest.mark.parametrize("shape", [(16,), (6, 9), (6, 4, 4)])
def test_the_head_ends_a_body_of_any_shape_or_says_why_not(name: str, shape: tuple[int, ...]) -> None:
    task = open_task(name)
    body = parse_architecture(["relu"], OPS)
    tags = task.wanted.target == "tags"
    if tags and len(shape) != 2:
        with pytest.raises(Infeasible, match="every word needs a tag"):
            task.head(shape, FACTS)
        return
    if task.wanted.target == "mask" and len(shape) != 3:
        with pytest.raises(Infeasible, match="every pixel needs a class"):
            task.head(shape, FACTS)
        return
    network = build(body, {"input": axes_of(shape)}, lambda s: parse_architecture(task.head(s, FACTS), OPS), FACTS)
    wanted = {"tags": (8, 9), "number": (1,), "mask": (8, 4, 4)}
    assert network.steps[-1].shape == wanted.get(task.wanted.target, (8,))
