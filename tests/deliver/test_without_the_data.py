"""A finished run that was handed to somebody else, without its data, or into a place that cannot be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import nas_cli
from nas_cli.data import DataSettings
from nas_cli.deliver import evaluate as evaluation
from nas_cli.deliver.evaluate import evaluate, examine
from nas_cli.deliver.export.check import random_inputs
from nas_cli.deliver.export.exporting import export
from nas_cli.errors import DataError, RunError
from nas_cli.task import open_task
from nas_cli.task.boosting import boosted_classes


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(self: DataSettings) -> Any:
        raise DataError("there is no folder reviews")

    monkeypatch.setattr(DataSettings, "open", opened)


@pytest.mark.usefixtures("away")
def test_exports_and_other_data_need_nothing_of_it(run: Path, tmp_path: Path) -> None:
    assert export(run, "source")["samples"] == 64
    (run / "best" / "samples.safetensors").unlink()
    result = export(run, "source")
    assert result["compared_on"].startswith("random inputs, since the run keeps no samples and there is no folder")
    with pytest.raises(DataError, match="evaluate --data PATH"):
        evaluate(run)
    np.savez(tmp_path / "new.npz", x=random_inputs(nas_cli.load(run))[0][:, 0], y=np.arange(64) % 10)
    report = evaluate(run, data=tmp_path / "new.npz")
    assert (report["samples"], report["validation"], report["data"]) == (64, None, str(tmp_path / "new.npz"))
    assert not (run / "evaluation.json").exists()


@pytest.mark.parametrize("inputs", [np.zeros((2, 1, 9, 9), np.uint8), np.zeros((2, 1, 8, 8), np.float32), None])
def test_damaged_samples_are_named(run: Path, inputs: Any) -> None:
    file = run / "best" / "samples.safetensors"
    if inputs is None:
        file.write_bytes(b"no tensors")
    else:
        save_file({"inputs": inputs}, file)
    with pytest.raises(RunError, match=r"samples\.safetensors is damaged"):
        export(run, "source")


def test_a_run_that_cannot_be_written_is_evaluated(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nas_cli.load(run)
    assert evaluation.cannot_be_stored(model) is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in str(evaluation.cannot_be_stored(model))
    assert examine(model)["samples"] > 100
    assert not (run / "evaluation.json").exists()


@pytest.mark.parametrize("rare", [1, 2])
def test_boosting_of_many_rows_with_a_rare_class(rare: int) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(10_500, 2))
    targets = rng.integers(0, 2, 10_500)
    targets[:rare] = 2
    found = boosted_classes((inputs, targets), inputs[:5], {"labels": 3, "numeric_columns": 2, "categories": []})
    assert found is not None
    assert found[1].shape == (5, 3)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(208500, "208500"), (1234567, "1234567"), (0.1, "0.1"), (-2.5e-5, "-0.000025"), (0, "0"), (16777216, "16777216")],
)
def test_numbers_are_shown_whole(value: float, shown: str) -> None:
    task = open_task("table-regression")
    answer = task.answer(np.array([value], np.float32), ())
    assert task.describe(answer) == shown
    assert np.float32(answer["value"]) == np.float32(value)
