"""A search with several objectives, on real digits, from the spec to each network of the front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from journals import recorded
from typer.testing import CliRunner

from nas_cli.cli.app import app
from nas_cli.deliver.evaluate import evaluate, shown_tables
from nas_cli.deliver.load import load
from nas_cli.errors import RunError, SpecError
from nas_cli.run.compose import compose
from nas_cli.spec.load import parse_document

SPEC: dict[str, Any] = {
    "name": "front",
    "task": "image-classification",
    "data": {"source": "digits"},
    "model": [{"conv": {"channels": {"choice": [2, 4, 8, 16]}}}, "relu", {"max_pool": {"size": {"choice": [2, 4]}}}],
    "train": {"epochs": 2},
    "objective": [{"maximize": "accuracy"}, {"minimize": "macs"}, {"constraints": {"params": {"max": 2300}}}],
    "search": {"strategy": {"nsga2": {"population": 4}}, "stop": {"trials": 7}},
    "final": {"front": "all", "seeds": 1, "epochs": 2},
    "baselines": {"plain": ["flatten"]},
    "hardware": {"workers": 0, "precision": "float32", "layout": "channels-first"},
}


def nas(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("front")
    (folder / "front.yaml").write_text(yaml.safe_dump(SPEC))
    result = nas("search", folder / "front.yaml", "--out", folder / "runs")
    assert result.exit_code == 0, result.output
    (run,) = (folder / "runs").iterdir()
    return run


def test_the_front_is_stored_with_architectures_and_measurements(run: Path) -> None:
    front = json.loads((run / "front.json").read_text())
    assert front["objectives"] == ["maximize accuracy", "minimize macs"]
    scores = [(m["measurement"]["accuracy"], m["measurement"]["macs"]) for m in front["members"]]
    assert scores == sorted(scores, reverse=True)
    assert [macs for _, macs in scores] == sorted((macs for _, macs in scores), reverse=True), "none beats another"
    assert all(member["architecture"] and member["measurement"]["params"] <= 2300 for member in front["members"])
    assert front["knee"] in [member["trial"] for member in front["members"]]
    trained = {row["candidate"] for row in front["final"]["ranking"]}
    assert trained == {"baseline-plain", *(f"trial-{member['trial']}" for member in front["members"])}
    assert front["final"]["candidate"] in front["final"]["front"]
    assert {folder.name for folder in (run / "front").iterdir()} == set(front["final"]["front"])


def test_each_network_of_the_front_is_tested_and_exported(run: Path) -> None:
    for name in sorted(folder.name for folder in (run / "front").iterdir()):
        result = nas("evaluate", run, "--member", name, "--json")
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["candidate"] == report["member"] == name
        assert report["validation"]["equal"]
        assert json.loads((run / "front" / name / "evaluation.json").read_text()) == report
    result = nas("export", run, "--member", name)
    assert result.exit_code == 0, result.output
    assert (run / "export" / name / "model.onnx").exists()
    result = nas("evaluate", run, "--member", "trial-999")
    assert result.exit_code == 2
    assert "stores no 'trial-999'" in result.stderr


def test_it_is_shown_as_a_table_and_on_the_page(run: Path) -> None:
    result = nas("show", "run", run)
    assert "knee" in result.stdout
    assert "front" in json.loads(nas("show", "run", run, "--json").stdout)
    assert nas("evaluate", run).exit_code == 0
    page = (run / "report.html").read_text()
    assert "Pareto front" in page
    assert "the knee of the search" in page


def test_a_resumed_search_finds_the_same_front(run: Path) -> None:
    before = json.loads((run / "front.json").read_text())
    result = nas("search", "--resume", run)
    assert result.exit_code == 0, result.output
    assert json.loads((run / "front.json").read_text()) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"search": {"strategy": "evolution"}}, "evolution looks at one objective, and this search has 2: take nsga2"),
        ({"search": {"schedule": {"asha": {"min_epochs": 1}}}}, "asha ranks trials by one objective"),
        ({"search": {"stop": {"target": 0.9}}}, "a target is of one objective"),
    ],
)
def test_what_looks_at_one_objective_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        compose(parse_document(yaml.safe_dump({**SPEC, **change}), "front.yaml"))


def test_cmaes_of_optuna_is_refused_before_the_search() -> None:
    pytest.importorskip("optuna")
    spec = {**SPEC, "search": {"strategy": {"optuna": {"sampler": "cmaes"}}}}
    with pytest.raises(SpecError, match="cmaes looks at one objective"):
        compose(parse_document(yaml.safe_dump(spec), "front.yaml"))


def test_left_out_the_strategy_is_nsga2() -> None:
    spec = {key: value for key, value in SPEC.items() if key != "search"}
    assert compose(parse_document(yaml.safe_dump(spec), "front.yaml")).spec.search.strategy == "nsga2"


def test_baselines_are_kept_and_tested_beside_the_best(tmp_path: Path) -> None:
    spec = {**SPEC, "objective": {"maximize": "accuracy"}, "final": {"top": 1, "seeds": 2}}
    spec["search"] = {"strategy": "random", "stop": {"trials": 1}}
    spec["baselines"] = {"plain": [{"global_pool": "avg"}]}  # one number of an image: it cannot be the best
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(spec))
    assert nas("search", tmp_path / "one.yaml", "--out", tmp_path / "runs").exit_code == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert {folder.name for folder in run.iterdir() if folder.is_dir()} == {"best", "baselines"}
    report = evaluate(run)
    (beside,) = report["beside"]
    assert beside["name"] == "baseline plain"
    assert shown_tables(report)[0].columns == ("metric", "this network", "baseline plain")
    shown = nas("evaluate", run, "--member", "baseline-plain")
    assert f"stored in {run}/baselines/plain: evaluation.json" in shown.stdout.replace("\n", "")
    alone = json.loads((run / "baselines" / "plain" / "evaluation.json").read_text())
    assert alone["metrics"] == beside["metrics"]
    assert alone["beside"] == [], "not beside itself"
    finals = [e for e in recorded(run / "journal.jsonl") if e["event"] == "final_finished"]
    best = max(e["reward"] for e in finals if e["candidate"] == "baseline-plain")
    assert alone["validation"]["logged"]["accuracy"] == best, "of its seeds the best one by validation"
    with pytest.raises(RunError, match="stores no 'baseline-plan'; did you mean 'baseline-plain'"):
        load(run, member="baseline-plan")
