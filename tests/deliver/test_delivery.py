"""What a finished run gives: loading, testing, predicting, and exports that compute what the network computes."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

import nas_cli
from nas_cli.data import load_test
from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export import check as export_check
from nas_cli.deliver.export import exporting as export_module
from nas_cli.deliver.export.exporting import FORMATS, export
from nas_cli.deliver.export.source import model_source
from nas_cli.deliver.predict import predict
from nas_cli.errors import ExportError, RunError, UserError


def samples(run: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    model = nas_cli.load(run)
    part = load_test(model.data, model.seed)
    return part.inputs, part.targets


def test_load_gives_the_network_its_labels_and_its_preprocessing(run: Path, tmp_path: Path) -> None:
    from PIL import Image

    model = nas_cli.load(str(run))
    assert isinstance(model.network, torch.nn.Module)
    assert not model.network.training
    assert model.labels == tuple("0123456789")
    assert model.input_shape == (1, 8, 8)
    inputs, _ = samples(run)
    Image.fromarray(inputs[0, 0]).save(tmp_path / "digit.png")
    assert np.array_equal(model.preprocess([tmp_path / "digit.png"])[0], inputs[0])


def test_evaluate_against_scikit_learn(run: Path) -> None:
    report = evaluate(run)
    inputs, targets = samples(run)
    predicted = nas_cli.load(run).predict(inputs).argmax(1)
    assert report["metrics"]["accuracy"] == accuracy_score(targets, predicted)
    assert report["confusion"] == confusion_matrix(targets, predicted).tolist()
    expected = precision_recall_fscore_support(targets, predicted, zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [c[key] for c in report["classes"]] == pytest.approx(values.tolist())
    for average in ("micro", "macro", "weighted"):
        p, r, f, _ = precision_recall_fscore_support(targets, predicted, average=average, zero_division=0)
        assert [report["averages"][average][k] for k in ("precision", "recall", "f1")] == pytest.approx([p, r, f])
    assert report["validation"]["equal"] is True
    assert report["validation"]["recomputed"] == pytest.approx(report["validation"]["logged"])
    assert report["latency"]["p95_ms"] >= report["latency"]["p50_ms"] > 0
    assert report["latency"]["device"]
    assert report["params"] == sum(p.numel() for p in nas_cli.load(run).network.parameters())
    assert json.loads((run / "evaluation.json").read_text()) == report


def test_evaluate_notices_weights_that_are_not_the_logged_ones(run: Path) -> None:
    path = run / "best" / "weights.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "levels.image.mean": tensors["levels.image.mean"] + 60}, path)
    check = evaluate(run)["validation"]
    assert check["equal"] is False
    assert check["largest_difference"] > 0
    assert "do not give the logged validation score" in (run / "report.html").read_text()


def test_predict_answers_for_files(run: Path, tmp_path: Path) -> None:
    inputs, _ = samples(run)
    np.save(tmp_path / "digit.npy", inputs[3])
    (answer,) = predict(run, [tmp_path / "digit.npy"])
    logits = nas_cli.load(run).predict(inputs[3:4])
    assert answer["label"] == str(logits.argmax())
    assert answer["probability"] == pytest.approx(float(torch.softmax(torch.from_numpy(logits), 1).max()), rel=1e-5)
    assert answer["label"] in answer["text"]
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"broken\.png"):
        predict(run, [tmp_path / "broken.png"])


@pytest.mark.parametrize("form", FORMATS)
def test_exports_compute_what_the_network_computes(finished: Path, form: str, exported: Any) -> None:
    result, path = exported(finished, form)
    assert result["largest_difference"] < 1e-4
    assert result["samples"] == 64
    assert result["path"] == str(path)
    assert path.exists()
    assert result["bytes"] > 1000


def test_the_onnx_graph_stands_alone(finished: Path, exported: Any) -> None:
    run = finished
    _, path = exported(run, "onnx")
    graph = onnx.load(path)
    metadata = {item.key: item.value for item in graph.metadata_props}
    assert json.loads(metadata["labels"]) == list("0123456789")
    assert (metadata["name"], metadata["task"]) == ("small", "image-classification")
    session = onnxruntime.InferenceSession(path)
    (entry,) = session.get_inputs()
    assert (entry.name, entry.type) == ("input", "tensor(uint8)")
    assert isinstance(entry.shape[0], str)
    inputs, _ = samples(run)
    model = nas_cli.load(run)
    for count in (1, 5, 100):
        (logits,) = session.run(None, {"input": inputs[:count]})
        assert logits == pytest.approx(model.predict(inputs[:count]), abs=1e-4)


def test_the_source_needs_torch_alone(finished: Path, exported: Any, tmp_path: Path) -> None:
    run = finished
    _, folder = exported(run, "source")
    inputs, _ = samples(run)
    np.save(tmp_path / "x.npy", inputs[:4])
    code = (
        "import sys, numpy, torch; from model import load, LABELS;"
        "print(load()(torch.from_numpy(numpy.load(sys.argv[1]))).argmax(1).tolist(), len(LABELS));"
        "assert not [m for m in sys.modules if m.startswith('nas_cli')]"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "x.npy")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{nas_cli.load(run).predict(inputs[:4]).argmax(1).tolist()} 10"
    text = (folder / "model.py").read_text()
    assert "nas_cli" not in text
    assert "def forward" in text


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_that_differs_is_an_error_and_the_one_before_stays(
    plain_run: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plain_run
    before = Path(export(run, form)["path"])
    content = {file: file.read_bytes() for file in sorted((run / "export").rglob("*")) if file.is_file()}
    assert before in content or before / "model.py" in content
    monkeypatch.setattr(export_check, "TOLERANCE", -1.0)
    with pytest.raises(ExportError, match="does not compute what the model computes"):
        export(run, form)
    assert content == {file: file.read_bytes() for file in sorted((run / "export").rglob("*")) if file.is_file()}
    assert not list((run / "export").rglob(".*"))


def test_a_network_without_such_a_form_is_an_export_error(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(model: Any, path: Path) -> Any:
        path.write_bytes(b"half")
        raise RuntimeError("no such operator\nand a long story")

    monkeypatch.setitem(FORMATS, "onnx", export_module.Format("model.onnx", write))
    with pytest.raises(ExportError, match=r"cannot be written as onnx: RuntimeError: no such operator$"):
        export(run, "onnx")
    assert not (run / "export").exists()


def test_texts_of_a_foreign_run_are_no_code(run: Path) -> None:
    path = run / "best" / "architecture.yaml"
    stored = yaml.safe_load(path.read_text())
    bad = 'x"""\nopen("/tmp/ran", "w").close()\n"""'
    path.write_text(yaml.safe_dump({**stored, "name": bad, "labels": [bad, *stored["labels"][1:]]}))
    module = ast.parse(model_source(nas_cli.load(run)))
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert (texts["NAME"], texts["LABELS"][0]) == (bad, bad)
    assert not [node for node in ast.walk(module) if isinstance(node, ast.Name) and node.id == "open"]


def test_foreign_plugins_are_not_run_unless_allowed(run: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "theirs.py"
    plugin.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    spec = (run / "spec.yaml").read_text()
    (run / "spec.yaml").write_text(spec + f"plugins: ['{plugin}']\n")
    with pytest.raises(RunError, match="--allow-plugins"):
        nas_cli.load(run)
    assert not (tmp_path / "ran").exists()
    nas_cli.load(run, plugins=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("best/weights.safetensors", None),
        ("best/architecture.yaml", None),
        ("best/metrics.json", None),
        ("spec.yaml", None),
        ("journal.jsonl", None),
        ("best/weights.safetensors", b"\x00" * 64),
        ("best/weights.safetensors", b""),
        ("best/architecture.yaml", b"model: [conv: {channels: 3}"),
        ("best/architecture.yaml", b"- 1"),
        ("best/architecture.yaml", b"model: [relu]"),
        ("best/metrics.json", b"{"),
        ("best/metrics.json", b"[]"),
        ("best/metrics.json", b'{"candidate": "trial-0", "seed": 1, "params": 1, "macs": 1, "validation": 3}'),
        ("best/architecture.yaml", b"name: x"),
        ("spec.yaml", b"name: x"),
        ("spec.yaml", b"\xff\xfe"),
    ],
)
def test_a_missing_or_damaged_file_is_named(run: Path, file: str, damage: bytes | None) -> None:
    if damage is None:
        (run / file).unlink()
    else:
        (run / file).write_bytes(damage)
    with pytest.raises(RunError) as caught:
        nas_cli.load(run)
    assert Path(file).name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(run: Path) -> None:
    text = (run / "best" / "architecture.yaml").read_text()
    (run / "best" / "architecture.yaml").write_text(text.replace("channels: 8", "channels: 12"))
    with pytest.raises(RunError, match=r"weights\.safetensors does not fit architecture\.yaml"):
        nas_cli.load(run)


def test_weights_that_are_not_finite_are_refused(run: Path) -> None:
    path = run / "best" / "weights.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "levels.image.std": tensors["levels.image.std"] * float("nan")}, path)
    with pytest.raises(RunError, match=r"weights\.safetensors is damaged: levels.image.std"):
        nas_cli.load(run)


def test_a_run_that_is_not_finished_says_how_to_go_on(run: Path) -> None:
    shutil.rmtree(run / "best")
    with pytest.raises(RunError, match="nas search --resume"):
        nas_cli.load(run)
