"""From a spec to exports, for every kind of data: one small run each, tested, predicted from, and exported."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from lent import Lent

import nas_cli
from nas_cli.deliver.evaluate import evaluate, read_test, shown_tables
from nas_cli.deliver.export.exporting import FORMATS
from nas_cli.deliver.predict import predict
from nas_cli.describe.starter import survey
from nas_cli.run.search import start_search

NAMES = ("Ann", "Bob", "Eve", "Lee", "Kim", "Ida")
PLACES = ("Oslo", "Rome", "Bonn", "Lima")
CHANGES = [
    *(
        "train.epochs=2",
        "train.batch_size=32",
        "search.schedule=full",
        "search.strategy=random",
        "search.stop.trials=1",
    ),
    *(
        "final.top=1",
        "final.seeds=1",
        "hardware.workers=0",
        "hardware.precision=float32",
        "hardware.layout=channels-first",
    ),
]


@dataclass
class Case:
    """A task, what is predicted from, and models that between them have every kind of layer."""

    task: str
    ask: str
    models: dict[str, str]


CASES = {
    "tables": Case(
        "table-classification",
        "rows.csv",
        {
            "mlp": "[{features: {bins: 128}}, {linear: {units: 16}}, batch_norm, relu]",
            "tokens": "[{feature_tokens: {units: 8, bins: 48}}, {residual: [layer_norm, {attention: {heads: 2}}]}]",
        },
    ),
    "numbers": Case("table-regression", "rows.csv", {"mlp": "[features, {linear: {units: 16}}, relu]"}),
    "texts": Case(
        "text-classification",
        "Ann liked it",
        {
            "lstm": "[embedding, {lstm: {units: 8}}, {global_pool: max}]",
            "attention": "[embedding, position_encoding, {attention: {heads: 2}}, {conv1d: {gated: true}}]",
            "pretrained": "[{pretrained: tuned}, {gru: {units: 8}}, {global_pool: avg}]",
        },
    ),
    "tags": Case(
        "sequence-labelling",
        "Ann saw Rome",
        {
            "crf": "[{branches: {paths: [[embedding], [{characters: {kind: lstm}}]], join: concat}}, gru, crf]",
            "softmax": "[{branches: {paths: [[embedding], [characters]], join: concat}}, highway, {lstm: {units: 12}}]",
            "pretrained": "[{branches: {paths: [[pretrained], [characters]], join: concat}}, crf]",
        },
    ),
}
RUNS = [(name, model) for name, case in CASES.items() for model in case.models]


def write(folder: Path, name: str) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    if name in ("tables", "numbers"):
        lines = ["age,town,income"]
        for _ in range(150):
            age, town = int(rng.integers(18, 80)), PLACES[int(rng.integers(4))]
            income = age * 2 + (30 if town == "Oslo" else 0)
            label = f"{income}.5" if name == "numbers" else ("high" if income > 100 else "low")
            lines.append(f"{age if rng.random() > 0.1 else '?'},{town},{label}")
        (folder / "all.csv").write_text("\n".join(lines) + "\n")
        (folder / "rows.csv").write_text("town,age\nOslo,44\nParis,?\n")
        return folder / "all.csv"
    sentences = [
        (NAMES[int(rng.integers(6))], PLACES[int(rng.integers(4))], bool(rng.random() < 0.5)) for _ in range(120)
    ]
    if name == "texts":
        for liked, label in ((True, "good"), (False, "bad")):
            verb = "liked" if liked else "hated"
            lines = [f"{who} {verb} it in {place} !" for who, place, like in sentences if like == liked]
            (folder / f"{label}.txt").write_text("\n".join(lines))
        return folder
    lines = []
    for who, place, long in sentences:
        lines += [f"{who} B-PER", *(["Smith I-PER"] if long else []), "saw O", f"{place} B-LOC", ""]
    (folder / "train.conll").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A finished run each, made by the spec that `nas init` writes. Pretrained vectors are gone once it is finished."""
    root, made = tmp_path_factory.mktemp("tasks"), {}
    for name, model in RUNS:
        case, folder = CASES[name], root / name
        spec = survey(case.task, write(folder, name)).text
        vectors = root / "vectors.txt"
        if model == "pretrained":
            vectors.write_text("".join(f"{word} {k}.5 -0.{k} 1\n" for k, word in enumerate((*NAMES, "it", "in"))))
            spec = spec.replace("\ndata:\n", f"\ndata:\n  vectors: {vectors}\n")
        (root / f"{model}.yaml").write_text(
            spec.replace("\nspace: ", "\n# space: ") + f"\nmodel: {case.models[model]}\n"
        )
        made[name, model] = start_search(root / f"{model}.yaml", root / "runs" / name, CHANGES).run.path
        vectors.unlink(missing_ok=True)
    return made


@pytest.fixture(params=RUNS, ids="-".join)
def run(request: pytest.FixtureRequest, runs: dict[tuple[str, str], Path]) -> tuple[str, Path]:
    return request.param[0], runs[request.param]


def test_evaluate_reads_and_repeats(run: tuple[str, Path]) -> None:
    name, path = run
    report = evaluate(path)
    assert report["validation"]["equal"]
    assert report["samples"] > 15
    assert shown_tables(report)
    beside = [other["name"] for other in report["beside"]]
    assert [who for who in beside if not who.startswith("baseline ")] == (
        ["HistGradientBoosting"] if name in ("tables", "numbers") else []
    )
    assert shown_tables(report)[0].columns[1:] == (("this network", *beside) if beside else ("value",))
    assert json.loads((path / "evaluation.json").read_text()) == json.loads(json.dumps(report))


def test_predict_answers(run: tuple[str, Path], runs: dict[tuple[str, str], Path]) -> None:
    name, path = run
    ask = CASES[name].ask
    given = str(path.parents[2] / name / ask) if ask.endswith(".csv") else ask
    answers = predict(path, [given])
    assert len(answers) == (2 if ask.endswith(".csv") else 1)
    assert all(answer["text"] for answer in answers)
    json.dumps(answers)
    if name == "tags":
        assert answers[0]["words"] == ["Ann", "saw", "Rome"]
        assert len(answers[0]["tags"]) == 3


@pytest.mark.parametrize("form", FORMATS)
def test_exports_compute_what_the_network_computes(run: tuple[str, Path], form: str, exported: Any) -> None:
    result, output = exported(run[1], form)
    assert result["largest_difference"] < 1e-3
    folder = output if form == "source" else output.with_name(f"{output.name}.files")
    assert {"preprocess.py", "preprocessing.json", "export.json"} <= {file.name for file in folder.iterdir()}


def test_onnx_and_what_lies_beside_it_need_no_nas(run: tuple[str, Path], exported: Any) -> None:
    name, path = run
    _, output = exported(path, "onnx")
    model = nas_cli.load(path)
    example = {"tables": {"age": "44", "town": "Oslo"}, "numbers": {"age": "44", "town": "Oslo"}}.get(name)
    example = example or ("Ann liked it" if name == "texts" else ["Ann", "saw", "Rome"])
    code = (
        "import json, sys, onnxruntime; sys.path.insert(0, 'model.onnx.files'); import preprocess;"
        "state = json.load(open('model.onnx.files/preprocessing.json'));"
        "inputs = preprocess.encode(state, [json.loads(sys.argv[1])]);"
        "outputs = onnxruntime.InferenceSession('model.onnx').run(None, {'input': inputs})[0];"
        "print(json.dumps(outputs.tolist()));"
        "assert not [m for m in sys.modules if m.startswith(('nas_cli', 'torch'))]"
    )
    command = [sys.executable, "-B", "-c", code, json.dumps(example)]
    done = subprocess.run(command, cwd=output.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    raw: Any = np.empty(1, object)
    raw[0] = example if isinstance(example, str) else tuple(example)
    if isinstance(example, dict):
        raw = np.array([[example.get(column, "") for column in model.encoder.state()["header"]]], object)
    expected = model.predict(model.encode(raw))
    assert np.array(json.loads(done.stdout)) == pytest.approx(expected, abs=1e-3)


def test_onnx_takes_any_batch_and_any_length(run: tuple[str, Path], exported: Any) -> None:
    _, path = run
    _, output = exported(path, "onnx")
    model = nas_cli.load(path)
    inputs = read_test(model).inputs
    session = onnxruntime.InferenceSession(str(output))
    longer = np.pad(inputs, ((0, 0), (0, 0), (0, 5))) if inputs.ndim == 3 else inputs
    for batch in (inputs[:1], inputs[:7], longer[:3]):
        (found,) = session.run(None, {"input": batch})
        assert found == pytest.approx(model.network(torch.from_numpy(batch)).detach().numpy(), abs=1e-3)


RUNNERS = {
    "onnx": (
        "import onnxruntime; session = onnxruntime.InferenceSession('model.onnx');"
        "run = lambda inputs: session.run(None, {'input': inputs})[0]"
    ),
    "torch": (
        "import torch; program = torch.export.load('model.pt2').module();"
        "run = lambda inputs: program(torch.from_numpy(inputs)).detach().numpy()"
    ),
    "source": (
        "import torch, model; network = model.load();"
        "run = lambda inputs: network(torch.from_numpy(inputs)).detach().numpy()"
    ),
}
"""How somebody without nas runs each form."""


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("model", CASES["tags"].models)
def test_words_get_the_tags_that_predict_gives(
    model: str, form: str, runs: dict[tuple[str, str], Path], exported: Any, lent: Lent
) -> None:
    """A padded batch of sentences, decoded by what lies beside the export."""
    path = runs["tags", model]
    _, output = exported(path, form)
    asked = ["Ann Smith saw Rome", "Bob", "Eve saw Lima and Ida Smith saw Oslo and Bonn again", "unheard of"]
    beside = "." if form == "source" else f"{FORMATS[form].file}.files"
    code = (
        f"import json, sys; sys.path[:0] = ['.', {beside!r}]; import preprocess; {RUNNERS[form]};"
        f"state = json.load(open({beside!r} + '/preprocessing.json'));"
        "inputs = preprocess.encode(state, [text.split() for text in json.loads(sys.argv[1])]);"
        "print(json.dumps([preprocess.best_labels(run(inputs), inputs).tolist(), state['labels']]));"
        "assert not [m for m in sys.modules if m.startswith('nas_cli')]"
    )
    folder = output if form == "source" else output.parent
    start = subprocess.run if form == "onnx" else lent.run
    done = start(
        [sys.executable, "-I", "-B", "-c", code, json.dumps(asked)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    numbers, labels = json.loads(done.stdout)
    wanted = [answer["tags"] for answer in predict(path, asked)]
    assert [[labels[k] for k in row[: len(tags)]] for row, tags in zip(numbers, wanted, strict=True)] == wanted
