"""The commands as functions of Python, beside each other and beside the commands."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas_cli
from nas_cli.errors import DataError, RunError, SpecError

SPEC: dict[str, Any] = {
    "name": "small",
    "task": "image-classification",
    "data": {"source": "digits"},
    "model": [
        {"choice": [{"conv": {"channels": {"choice": [2, 3, np.int64(4)]}}}, "identity", {"pool": {"size": (20, 20)}}]},
        "flatten",
    ],
    "train": {"epochs": 1, "batch_size": 256},
    "search": {"stop": {"trials": 3}},
    "final": {"top": 1, "seeds": 1},
    "hardware": {"workers": 0, "precision": "float32", "layout": "channels-first"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nas_cli.Run:
    return nas_cli.search(SPEC, out=tmp_path_factory.mktemp("python") / "runs", set=["seed=3"])


def test_a_search_gives_its_run(run: nas_cli.Run) -> None:
    assert run.path.is_dir()
    assert run.stopped
    assert any("trains on" in note for note in run.notes)
    assert "seed: 3" in (run.path / "spec.yaml").read_text()


def test_trials_are_flat_records(run: nas_cli.Run) -> None:
    records = run.trials
    assert records == nas_cli.trials(run) == nas_cli.trials(str(run.path))
    assert [record["number"] for record in records] == list(range(len(records)))
    plain = (str, int, float, bool)
    assert all(type(key) is str and isinstance(value, plain) for r in records for key, value in r.items())
    assert json.loads(json.dumps(records)) == records
    finished = [record for record in records if record["status"] == "finished"]
    assert len(finished) == 3
    for record in finished:
        assert record["reward"] == record["accuracy"]
        assert record["params"] > 0
        assert "model[0].choice" in record
        assert "reason" not in record
    for record in records:
        if record["status"] == "infeasible":
            assert record["reason"]
        if record["status"] == "duplicate":
            assert records[record["equals"]]["status"] == "finished"


def test_pandas_takes_the_trials_as_they_are(run: nas_cli.Run, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(run.trials)
    assert len(frame) == len(run.trials)
    assert frame["accuracy"].max() == max(record.get("accuracy", 0) for record in run.trials)


def test_a_csv_writer_takes_the_trials_too(run: nas_cli.Run, tmp_path: Path) -> None:
    columns = list(dict.fromkeys(key for record in run.trials for key in record))
    with (tmp_path / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(run.trials)
    with (tmp_path / "trials.csv").open() as file:
        assert [row["number"] for row in csv.DictReader(file)] == [str(record["number"]) for record in run.trials]


def test_a_run_goes_through_all_of_them(run: nas_cli.Run, tmp_path: Path) -> None:
    report = nas_cli.evaluate(run)
    assert report["metrics"]["accuracy"] > 0.1
    assert (run.path / "evaluation.json").is_file()
    model = nas_cli.load(run)
    assert len(model.labels) == 10
    np.save(tmp_path / "digit.npy", np.zeros((1, 8, 8), np.uint8))
    (answer,) = nas_cli.predict(run, tmp_path / "digit.npy")
    assert answer["label"] in model.labels
    assert nas_cli.predict(run, [tmp_path / "digit.npy"])[0]["label"] == answer["label"]
    written = nas_cli.export(run, "source", output=tmp_path / "source")
    assert Path(written["path"]).is_dir()
    assert nas_cli.export(run, "torch", output=tmp_path / "m.pt2")["largest_difference"] < 1e-4


def test_a_run_is_given_more(run: nas_cli.Run) -> None:
    more = nas_cli.resume(run, set=["search.stop.trials=4"])
    assert more.path == run.path
    assert len(nas_cli.trials(more)) > len(run.trials)
    assert len(more.trials) == len(nas_cli.trials(run))


def test_wrong_input_is_answered_as_on_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    with pytest.raises(SpecError, match=r"^spec:\d+:\d+: unknown task 'image-clasification'; did you mean"):
        nas_cli.search({**SPEC, "task": "image-clasification"}, out)
    with pytest.raises(SpecError, match=r"no key 'sead'|has no 'sead'|unknown key|did you mean 'seed'"):
        nas_cli.search(SPEC, out, set=["sead=3"])
    with pytest.raises(SpecError, match=r"a spec holds numbers, texts, lists and mappings; got .*, a ndarray"):
        nas_cli.search({**SPEC, "seed": np.zeros(3)}, out)
    with pytest.raises(RunError, match="nowhere"):
        nas_cli.trials(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"missing\.npz"):
        nas_cli.search({**SPEC, "data": {"source": "npz", "path": tmp_path / "missing.npz"}}, out)
    assert not out.exists()


def test_the_door_is_light_and_its_search_is_the_function() -> None:
    code = (
        "import sys, nas_cli; assert not {'torch', 'numpy', 'sklearn'} & set(sys.modules)\n"
        "import nas_cli.search.strategy; from nas_cli.search import STRATEGIES; from nas_cli import search\n"
        "assert callable(nas_cli.search) and nas_cli.search is search and 'random' in STRATEGIES\n"
        "assert {'search', 'evaluate', 'predict', 'export', 'load', 'trials'} <= set(dir(nas_cli))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nas_cli has no serach"):
        getattr(nas_cli, "serach")  # noqa: B009
