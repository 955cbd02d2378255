"""What only a machine with a CUDA device can show: `pytest tests/test_cuda.py` there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from nas_cli.data import parse_data
from nas_cli.execute.executor import Job, JobResult, Limits
from nas_cli.execute.processes import Processes
from nas_cli.execute.session import Session
from nas_cli.execute.worker import run_job
from nas_cli.model.ops import OPS
from nas_cli.space.parse import parse_space
from nas_cli.train.augment import AUGMENTS
from nas_cli.train.batch import Batch
from nas_cli.train.settings import TRAIN

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "tests" / "execute" / "misbehaving.py"
WORDS = [{"embedding": {"units": 16}}]
MODELS: dict[str, tuple[str, list[Any]]] = {
    "images": ("image-classification", [{"conv": 8}, "batch_norm", "relu", {"max_pool": 2}]),
    "crf": (
        "sequence-labelling",
        [{"branches": {"paths": [WORDS, [{"characters": {"units": 8}}]], "join": "concat"}}, {"lstm": 16}, "crf"],
    ),
    "characters": ("sequence-labelling", [{"characters": {"units": 8, "kind": "lstm"}}, {"gru": 16}]),
    "attention": (
        "sequence-labelling",
        [*WORDS, "position_encoding", {"residual": ["layer_norm", {"attention": {"heads": 2}}]}],
    ),
    "upsampled": (
        "image-classification",
        [{"conv": 8}, {"max_pool": {"size": 3, "stride": 2}}, {"upsample": {"mode": "bilinear"}}, {"conv": 8}],
    ),
    "texts": ("text-classification", [*WORDS, {"conv1d": {"channels": 16, "gated": True}}, {"global_pool": "max"}]),
    "numbers": ("image-regression", [{"conv": 8}, "batch_norm", "relu"]),
    "tables": ("table-classification", [{"features": {"bins": 8}}, {"linear": {"units": 16}}, "relu"]),
}


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The `data:` section of each task."""
    folder = tmp_path_factory.mktemp("data")
    names, places = ("Ann", "Bob", "Eve", "Lee"), ("Oslo", "Rome", "Bonn", "Lima")
    pairs = [(name, place) for name in names for place in places] * 12
    many = [f"{n} B-PER\nlives O\nin O\n{p} B-LOC\n" + "now O\n" * (k % 9) for k, (n, p) in enumerate(pairs)]
    (folder / "tags.conll").write_text("\n".join(many))
    texts = [f"{n} {'likes' if k % 2 else 'hates'} {p},{'good' if k % 2 else 'bad'}" for k, (n, p) in enumerate(pairs)]
    (folder / "texts.csv").write_text("\n".join(["text,label", *texts]))
    rows = [f"{k % 7},{k % 5},{'red' if k % 3 else 'blue'},{'yes' if k % 7 > 3 else 'no'}" for k in range(300)]
    (folder / "rows.csv").write_text("\n".join(["a,b,colour,label", *rows]))
    digits = load_digits()
    numbers = np.stack([digits.target * 1.5, digits.images.mean(axis=(1, 2))], axis=1)
    np.savez(folder / "numbers.npz", x=(digits.images * 15).astype(np.uint8), y=numbers)
    return {
        "image-classification": {"source": "digits"},
        "image-regression": {"source": "npz", "path": str(folder / "numbers.npz")},
        "sequence-labelling": {"source": "conll", "path": str(folder / "tags.conll")},
        "text-classification": {"source": "text", "path": str(folder / "texts.csv")},
        "table-classification": {"source": "csv", "path": str(folder / "rows.csv"), "target": "label"},
    }


@contextmanager
def opened(task: str, section: dict[str, Any], device: str, precision: str = "float32") -> Iterator[Session]:
    session = Session.open(task, parse_data(section), 0, device, precision, "channels-first")
    try:
        yield session.here()
    finally:
        session.close()


def job(model: list[Any], epochs: int = 2, **train: Any) -> Job:
    train = {"epochs": epochs, "batch_size": 32, "optimizer": {"adamw": {"lr": 0.005}}, **train}
    settings = parse_space(["relu"], train, {}, OPS, TRAIN).resolve(lambda path, decision: None).train
    return Job(0, 0, "trial 0", model, settings, 0, epochs, epochs, 5, None, None, None)


def finished(wanted: Job, session: Session) -> JobResult:
    result = run_job(wanted, session)
    assert result.status == "finished", result.reason
    return result


@pytest.mark.parametrize("name", MODELS)
def test_a_gpu_learns_what_a_cpu_learns(name: str, sections: dict[str, dict[str, Any]]) -> None:
    task, model = MODELS[name]
    found = []
    for device in ("cpu", "cuda"):
        with opened(task, sections[task], device) as session:
            found.append(finished(job(model), session).measurement)
    assert found[1]["train_loss"] == pytest.approx(found[0]["train_loss"], rel=0.02)
    metric = next(name for name in ("loss", "rmse") if name in found[0])
    assert found[1][metric] == pytest.approx(found[0][metric], rel=0.05)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16", "fp16"])
@pytest.mark.parametrize("name", ["images", "crf"])
def test_a_training_goes_on_from_its_checkpoint(
    name: str, precision: str, sections: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    task, model = MODELS[name]
    checkpoint = str(tmp_path / "checkpoint")
    with opened(task, sections[task], "cuda", precision) as session:
        whole = finished(job(model, 4, ema=0.9), session).measurement
        base = job(model, 4, ema=0.9)
        finished(replace(base, last_epoch=2, checkpoint_out=checkpoint), session)
        parts = finished(replace(base, rung=1, first_epoch=2, checkpoint_in=checkpoint), session).measurement
    assert parts["train_loss"] == pytest.approx(whole["train_loss"], rel=0.05)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", MODELS)
def test_a_training_repeats_exactly(
    name: str, precision: str, sections: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    task, model = MODELS[name]
    with opened(task, sections[task], "cuda", precision) as session:
        results = [
            finished(replace(job(model), weights_out=str(tmp_path / weights)), session) for weights in ("one", "other")
        ]
    assert results[0].measurement == results[1].measurement
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_attention_over_long_texts_repeats_exactly(precision: str, tmp_path: Path) -> None:
    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcdefghij", k=draw.randrange(300, 500))) + f",{k % 2}" for k in range(200)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *texts]))
    section = {"source": "text", "path": str(tmp_path / "texts.csv"), "max_length": 512}
    with opened("text-classification", section, "cuda", precision) as session:
        wanted = job([*WORDS, "position_encoding", {"attention": {"heads": 2}}, {"global_pool": "avg"}])
        assert finished(wanted, session).measurement == finished(wanted, session).measurement


def test_a_layer_that_cannot_repeat_exactly_is_trained(sections: dict[str, dict[str, Any]]) -> None:
    with opened("image-classification", sections["image-classification"], "cuda") as session:
        finished(job([{"conv": 8}, {"nn.AdaptiveAvgPool2d": {"output_size": 3}}]), session)


@pytest.mark.parametrize("name", MODELS)
def test_no_training_step_waits_for_the_gpu(name: str, sections: dict[str, dict[str, Any]]) -> None:
    task, model = MODELS[name]

    def waits(session: Session, batch_size: int) -> int:
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                finished(job(model, 1, batch_size=batch_size, clip=1.0), session)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in caught)

    with opened(task, sections[task], "cuda") as session:
        waits(session, 64)
        assert waits(session, 8) == waits(session, 64)


def test_a_candidate_that_needs_more_than_the_gpu_has_fails_alone(sections: dict[str, dict[str, Any]]) -> None:
    session = Session.open("image-classification", parse_data(sections["image-classification"]), 0, "cuda", "float32")
    executor = Processes(session, 2, Limits(time=120.0, stall=60.0), [str(PLUGIN)])
    try:
        conv = MODELS["images"][1]
        executor.submit(job([*conv, {"misbehaving": {"how": "fill_gpu"}}]))
        executor.submit(replace(job([*conv, {"misbehaving": {"how": "fine"}}]), number=1))
        results = sorted((executor.wait() for _ in range(2)), key=lambda result: result.number)  # type: ignore[union-attr]
        executor.submit(replace(job([*conv, {"misbehaving": {"how": "fine"}}]), number=2))
        after = executor.wait()
    finally:
        executor.close()
        session.close()
    assert [result.status for result in results if result] == ["failed", "finished"]
    assert results[0] is not None
    assert "out of memory" in results[0].reason
    assert after is not None
    assert after.status == "finished"


def test_from_a_search_to_an_export(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        """
name: gpu
task: image-classification
data: {source: digits}
space: cnn
train: {epochs: 4, batch_size: 64, augment: [{crop: 1}, {mixup: 0.2}]}
objective: {reward: accuracy * (latency_ms / 2) ** -0.07}
search: {strategy: evolution, schedule: {asha: {min_epochs: 1, reduction: 2}}, stop: {trials: 8}}
final: {epochs: 4, top: 2, seeds: 2}
baselines: {plain: [{conv: 8}, relu]}
"""
    )

    def nas(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from nas_cli.cli.app import main; main()", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    nas("search", "spec.yaml")
    (run,) = (tmp_path / "runs").glob("gpu-*")
    environment = json.loads((run / "environment.json").read_text())
    assert torch.cuda.get_device_name() in json.dumps(environment)
    journal = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    ended = [event for event in journal if event["event"] == "trial_finished"]
    assert len({event["number"] for event in ended}) == 8
    nas("evaluate", str(run))
    for format in ("onnx", "torch", "source"):
        nas("export", str(run), "--format", format)


@pytest.mark.parametrize("name", list(AUGMENTS))
def test_augmentations_do_on_a_gpu_what_they_do_on_the_cpu(name: str) -> None:
    images = torch.randn(16, 3, 33, 40, generator=torch.Generator().manual_seed(0))
    masks = (images[:, 0] > 0).to(torch.uint8)
    batch = Batch.of(images, masks, "mask", 2)
    if name == "mixup":
        batch = Batch.of(images, torch.arange(16) % 2, "class", 2)
    there = batch.with_(batch.inputs.cuda(), batch.targets.cuda())
    augment = AUGMENTS[name]()
    here, first, again = (augment(each, torch.Generator().manual_seed(1)) for each in (batch, there, there))
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.targets, again.targets)
    torch.testing.assert_close(first.inputs.cpu(), here.inputs, rtol=0, atol=1e-3)
    # Where two pixels of a mask are equally near, the last bit decides.
    assert (first.targets.cpu() == here.targets).float().mean() > 0.999 or name == "mixup"
