"""Tables: metrics against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from nas_cli.task import Task, open_task, scored


def logits_of(classes: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, classes, 300)
    return rng.normal(size=(300, classes)) + np.eye(classes)[targets], targets


def measured(task: Task, outputs: Any, targets: Any) -> dict[str, float]:
    return scored(task, outputs, targets).metrics()


@pytest.mark.parametrize("classes", [2, 4])
def test_classification(classes: int) -> None:
    logits, targets = logits_of(classes)
    found = measured(open_task("table-classification"), logits, targets)
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert found["loss"] == pytest.approx(log_loss(targets, odds))
    area = roc_auc_score(targets, odds[:, 1] if classes == 2 else odds, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(area)
    assert ("f1" in found) == (classes == 2)
    if classes == 2:
        assert found["f1"] == pytest.approx(f1_score(targets, logits.argmax(1)))


def test_a_class_that_a_part_lacks_has_no_roc_auc() -> None:
    logits, targets = logits_of(3)
    assert "roc_auc" not in measured(open_task("table-classification"), logits, np.minimum(targets, 1))


def test_regression() -> None:
    rng = np.random.default_rng(2)
    wanted = rng.normal(50, 9, 200)
    outputs = (wanted + rng.normal(size=200))[:, None]
    found = measured(open_task("table-regression"), outputs, wanted)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(wanted, outputs[:, 0]))
    assert found["mae"] == pytest.approx(mean_absolute_error(wanted, outputs[:, 0]))
    assert found["r2"] == pytest.approx(r2_score(wanted, outputs[:, 0]))


def test_the_loss_of_numbers_does_not_depend_on_their_units() -> None:
    task = open_task("table-regression")
    outputs, targets = torch.randn(9, 1), torch.randn(9)
    small = task.loss(outputs, targets, torch.nn.functional.mse_loss, 1.0)
    large = task.loss(1000 * outputs, 1000 * targets, torch.nn.functional.mse_loss, 1000.0)
    assert float(small) == pytest.approx(float(large))


def test_metrics_that_are_left_out_are_said_to_be() -> None:
    for classes, part in ((2, 2), (3, 2), (4, 4), (8, 8)):
        task = open_task("table-classification")
        logits, targets = logits_of(classes)
        targets = np.minimum(targets, part - 1)
        undefined = task.undefined(targets, [f"class {k}" for k in range(classes)])
        assert set(measured(task, logits, targets)) | set(undefined) == set(task.metrics)
        assert not set(measured(task, logits, targets)) & set(undefined)
    regression = open_task("table-regression")
    assert set(regression.undefined(np.ones(5), [])) == {"r2"}
    assert "r2" not in measured(regression, np.zeros((5, 1)), np.ones(5))
    assert not regression.undefined(np.arange(5), [])


def test_the_report_says_which_class_and_beside_whom() -> None:
    task = open_task("table-classification")
    logits, targets = logits_of(2)
    report = scored(task, logits, targets, ["no", "yes"]).report()
    names = {row[0] for row in task.blocks(report)[0].rows}
    assert {"accuracy", "f1 of yes", "roc auc", "loss (log-loss)"} <= names
    beside = {**report, "beside": [{"name": "Trees", "metrics": {"accuracy": 0.5}}]}
    first = task.blocks(beside)[0]
    assert first.columns == ("metric", "this network", "Trees")
    assert first.rows[0][2] == "0.5000"
