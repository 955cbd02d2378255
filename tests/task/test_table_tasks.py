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

from nas_cli.errors import SpecError, UserError
from nas_cli.task import Table, Task, open_task, scored


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


@pytest.mark.parametrize(("written", "place"), [("no", 0), ("yes", 1), (None, 1)])
def test_scores_are_of_the_class_that_is_named(written: str | None, place: int) -> None:
    task = open_task({"table-classification": {"positive": written}} if written else "table-classification")
    logits, targets = logits_of(2)
    scorer = scored(task, logits, targets, ["no", "yes"])
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = scorer.metrics()
    assert found["f1"] == pytest.approx(f1_score(targets, logits.argmax(1), pos_label=place))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(targets == place, odds[:, place]))
    first = task.blocks(scorer.report())[0]
    assert isinstance(first, Table)
    assert f"f1 of {['no', 'yes'][place]}" in {row[0] for row in first.rows}


def test_whole_numbers_name_classes_too() -> None:
    logits, targets = logits_of(2)
    found = scored(open_task({"table-classification": {"positive": 0}}), logits, targets, ["0", "1"]).metrics()
    assert found["f1"] == pytest.approx(f1_score(targets, logits.argmax(1), pos_label=0))


def test_a_class_that_there_is_not_is_named_with_the_nearest() -> None:
    task = open_task({"table-classification": {"positive": "yess"}})
    with pytest.raises(UserError, match="positive is 'yess', which is none of the classes; did you mean 'yes'"):
        task.undefined(np.array([0, 1]), ["no", "yes"])


def test_arguments_of_tasks_are_checked() -> None:
    with pytest.raises(SpecError, match=r"no argument 'positiv'; did you mean 'positive'"):
        open_task({"table-classification": {"positiv": "yes"}})
    with pytest.raises(SpecError, match="has no argument 'positive'; it takes none"):
        open_task({"image-classification": {"positive": "yes"}})
