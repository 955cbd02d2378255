"""Numbers, one or several: metrics and reports against scikit-learn, answers, and what losses depend on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from fields import axes_of
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from nas_cli.data.wanted import Wanted
from nas_cli.errors import SpecError
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_architecture
from nas_cli.task import REFERENCES, Table, open_task, scored
from nas_cli.testing import check_task

NAMES = ("angle", "speed", "brake")
FACTS = {"target_mean": [0.0, 50.0, 1.0], "target_deviation": [0.1, 9.0, 2.0], "labels": 3}


def drives(count: int = 300) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Outputs and targets (N, 3), as a network gives them."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(count, 3)) * [0.1, 9.0, 2.0] + [0.0, 50.0, 1.0]
    outputs = targets + rng.normal(size=(count, 3)) * [0.05, 3.0, 0.2]
    return outputs.astype(np.float32), targets.astype(np.float32)


@pytest.mark.parametrize("name", ["table-regression", "image-regression"])
def test_several_numbers_are_measured_as_scikit_learn_does(name: str) -> None:
    outputs, targets = drives()
    scorer = scored(open_task(name), outputs, targets, NAMES)
    found, report = scorer.metrics(), scorer.report()
    by_column = {
        "rmse": root_mean_squared_error(targets, outputs, multioutput="raw_values"),
        "mae": mean_absolute_error(targets, outputs, multioutput="raw_values"),
        "r2": r2_score(targets, outputs, multioutput="raw_values"),
    }
    for metric, values in by_column.items():
        assert found[metric] == pytest.approx(values.mean(), rel=1e-5)
        assert [column[metric] for column in report["columns"]] == pytest.approx(list(values), rel=1e-5)
    errors = np.quantile(np.abs(outputs - targets), (0.5, 0.9, 0.95, 1.0), axis=0)
    for place, column in enumerate(report["columns"]):
        assert column["label"] == NAMES[place]
        assert list(column["absolute_error"].values()) == pytest.approx(list(errors[:, place]), rel=1e-5)
    check_task(name, outputs, targets, NAMES, FACTS)


def test_one_number_is_reported_as_before() -> None:
    outputs, targets = drives()
    one = scored(open_task("image-regression"), outputs[:, :1], targets[:, 0]).report()
    assert "columns" not in one
    assert list(one["absolute_error"]) == ["median", "90 %", "95 %", "largest"]
    assert one["metrics"]["rmse"] == pytest.approx(root_mean_squared_error(targets[:, 0], outputs[:, 0]), rel=1e-6)
    without = {key: value for key, value in one.items() if key != "examples"}
    tables = open_task("table-regression").blocks(without)
    assert [table.title for table in tables] == ["300 test rows", "Absolute error"], "a report of an earlier version"


def test_the_largest_errors_say_which_example() -> None:
    outputs, targets = drives()
    outputs[41, 1] += 40.0
    outputs[7, 0] -= 1.0
    report = scored(open_task("image-regression"), outputs, targets, NAMES).report()
    first, second = report["examples"][:2]
    assert len(report["examples"]) == 10
    assert (first["number"], first["column"]) == (8, "angle"), "13 times the usual error, and the other 10 times"
    assert (second["number"], second["column"]) == (42, "speed")
    assert second["error"] == pytest.approx(second["predicted"] - second["wanted"])
    assert second["wanted"] == float(targets[41, 1])
    second["name"] = "drive/0042.png"
    table = open_task("image-regression").blocks(json.loads(json.dumps(report)))[-1]
    assert isinstance(table, Table)
    assert table.columns == ("example", "column", "wanted", "predicted", "error")
    assert [row[0] for row in table.rows[:2]] == ["8", "drive/0042.png"]


def test_numbers_are_shown_as_finely_as_their_errors() -> None:
    wanted = np.array([1600000000.0, 92.0, 3.0, 5.0, 7e30])
    predicted = np.array([1600000017.3945, 66.6443, 3.00012, 5.0, 8e30])[:, None]
    task = open_task("image-regression")
    table = task.blocks(scored(task, predicted, wanted).report())[-1]
    assert isinstance(table, Table)
    assert [row[1:] for row in table.rows] == [
        ("7e+30", "8e+30", "1e+30"),
        ("92", "66.64", "-25.36"),
        ("1600000000", "1600000017.39", "17.39"),
        ("3", "3.00012", "0.00012"),
        ("5", "5", "0"),
    ]


def test_the_largest_errors_of_few_examples_are_all_of_them() -> None:
    report = scored(open_task("image-regression"), np.array([[1.0], [5.0], [3.0]]), np.array([1.0, 2.0, 3.5])).report()
    assert [example["number"] for example in report["examples"]] == [2, 3, 1]


def test_batches_of_any_size_add_up_to_the_same() -> None:
    outputs, targets = drives(100)
    task = open_task("image-regression")
    scorer = task.scorer(NAMES)
    for start, stop in ((0, 1), (1, 64), (64, 100)):
        scorer.add(torch.from_numpy(outputs[start:stop]), torch.from_numpy(targets[start:stop]))
    assert scorer.report() == scored(task, outputs, targets, NAMES).report()


def test_a_column_that_is_the_same_everywhere_has_no_r2() -> None:
    outputs, targets = drives()
    targets[:, 1] = 7.0
    task = open_task("image-regression")
    assert dict(task.undefined(targets, NAMES)) == {"r2": "all of its targets in 'speed' are the same"}
    scorer = scored(task, outputs, targets, NAMES)
    assert set(scorer.metrics()) == {"rmse", "mae"}
    report = scorer.report()
    assert ["r2" in column for column in report["columns"]] == [True, False, True]
    assert task.blocks(report)[1].rows[1][3] == ""  # type: ignore[union-attr]


def test_the_loss_counts_each_number_by_its_deviation() -> None:
    task, mse = open_task("image-regression"), torch.nn.functional.mse_loss
    outputs, targets = map(torch.from_numpy, drives())
    scale = torch.tensor([0.1, 9.0, 2.0])
    found = float(task.loss(outputs, targets, mse, scale))
    assert found == pytest.approx(float(((outputs - targets) / scale).square().mean()))
    metres = torch.tensor([1.0, 1000.0, 1.0])
    assert float(task.loss(outputs * metres, targets * metres, mse, scale * metres)) == pytest.approx(found, rel=1e-5)
    one = task.loss(outputs[:, :1], targets[:, 0], mse, 0.1)
    assert float(one) == pytest.approx(float(((outputs[:, 0] - targets[:, 0]) / 0.1).square().mean()), rel=1e-5)


@pytest.mark.parametrize("shape", [(16,), (6, 4, 4)])
def test_the_head_gives_every_number_in_its_units(shape: tuple[int, ...]) -> None:
    task, body = open_task("image-regression"), parse_architecture(["relu"], OPS)
    made = build(body, {"input": axes_of(shape)}, lambda s: parse_architecture(task.head(s, FACTS), OPS), FACTS)
    assert made.steps[-1].shape == (3,)
    one = {"target_mean": 3.0, "target_deviation": 2.0}
    assert task.head((16,), one) == [{"linear": {"units": 1}}, {"affine": {"scale": 2.0, "shift": 3.0}}], "as before"


def test_answers_are_a_value_or_values_by_name() -> None:
    task = open_task("image-regression")
    one = task.answer(np.array([208500.0], np.float32), ())
    assert one == {"value": 208500.0}
    assert task.describe(one) == "208500"
    far = task.answer(np.array([7.671045303344727, 1600000091.93]), NAMES[:2])
    assert far == {"values": {"angle": 7.6710453, "speed": 1600000091.93}}, "as 32 bits where these hold it"
    several = task.answer(np.array([-0.25, 12.1, 1e-9], np.float32), NAMES)
    assert several == {"values": {"angle": -0.25, "speed": 12.1, "brake": 1e-09}}
    assert task.describe(several) == "angle -0.25, speed 12.1, brake 1e-09"


def test_the_yardstick_of_images_is_the_mean() -> None:
    _, targets = drives()
    method = REFERENCES[Wanted("images", "number")]
    found = method((None, targets), np.zeros(5), {})
    assert found is not None
    name, answers = found
    assert name == "mean"
    assert answers == pytest.approx(np.repeat(targets.mean(axis=0, dtype=np.float64)[None], 5, axis=0))
    one = method((None, targets[:, 0]), np.zeros(5), {})
    assert one is not None
    assert one[1].shape == (5, 1)
    r2 = scored(open_task("image-regression"), np.repeat(answers[:1], 300, axis=0), targets, NAMES).metrics()["r2"]
    assert r2 == pytest.approx(0.0, abs=1e-6)


def test_trees_are_grown_for_every_number_of_a_table() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 2)).astype(np.float32)
    targets = np.stack([rows[:, 0] * 10, rows[:, 1]], axis=1)
    facts = {"numeric_columns": 2, "categories": []}
    found = REFERENCES[Wanted("table rows", "number")]((rows, targets), rows, facts)
    assert found is not None
    assert r2_score(targets, found[1]) > 0.8


def test_augmentations_that_change_nothing_are_an_argument_of_images_alone() -> None:
    assert open_task("image-regression").unchanged_by == ()
    assert tuple(open_task({"image-regression": {"unchanged_by": ["flip"]}}).unchanged_by) == ("flip",)
    with pytest.raises(SpecError, match="unchanged_by"):
        open_task({"table-regression": {"unchanged_by": ["flip"]}})
    with pytest.raises(SpecError, match="a list"):
        open_task({"image-regression": {"unchanged_by": "flip"}})
