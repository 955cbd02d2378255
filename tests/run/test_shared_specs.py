"""The specs that the design promises run as they are; here with less data and fewer epochs, since this is a test."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from journals import recorded
from PIL import Image

from nas_cli.deliver.evaluate import evaluate
from nas_cli.deliver.export.exporting import export
from nas_cli.describe.plan import plan
from nas_cli.run.search import start_search

SHARED = Path(__file__).parents[2].parent / "shared"
SPECS = SHARED / "specs"
FASHION = SHARED / "data" / "fashion-mnist"
needs_shared = pytest.mark.skipif(not SPECS.is_dir() or not FASHION.is_dir(), reason="../shared is not there")
FINAL = ["final.epochs=1", "final.seeds=1"]


def read_idx(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    content = gzip.decompress(path.read_bytes())
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every hundredth training image and every fiftieth test image of Fashion-MNIST, as IDX files and as PNG."""
    folder = tmp_path_factory.mktemp("fashion")
    for part, step in (("train", 100), ("t10k", 50)):
        images = read_idx(FASHION / f"{part}-images-idx3-ubyte.gz")[::step]
        labels = read_idx(FASHION / f"{part}-labels-idx1-ubyte.gz")[::step]
        for array, name in ((images, "images-idx3"), (labels, "labels-idx1")):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
        if part == "t10k":
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                (folder / "images" / f"kind {label}").mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / "images" / f"kind {label}" / f"{number}.png")
    return folder


@needs_shared
def test_a_chain_of_layers(tmp_path: Path) -> None:
    overrides = [*FINAL, "search.stop.trials=3", "train.epochs=2", "final.top=1"]
    run = start_search(SPECS / "digits-cnn.yaml", tmp_path, overrides).run
    assert evaluate(run.path)["validation"]["equal"]


@needs_shared
def test_taps_and_joins_by_grid(tmp_path: Path) -> None:
    outcome = start_search(SPECS / "unet-like.yaml", tmp_path, [*FINAL, "train.epochs=1"])
    assert outcome.stopped == "every architecture of the space was tried"
    started = [event for event in recorded(outcome.run.journal) if event["event"] == "trial_started"]
    assert len(started) == 4
    assert export(outcome.run.path, "onnx")["largest_difference"] < 1e-4


@needs_shared
def test_a_shared_cell_on_a_folder_of_images(tmp_path: Path, fashion: Path) -> None:
    overrides = [*FINAL, f"data.path={fashion / 'images'}", "search.stop.trials=2", "train.epochs=1", "final.top=1"]
    run = start_search(SPECS / "cells.yaml", tmp_path, overrides).run
    report = evaluate(run.path)
    assert report["samples"] == 40
    assert report["validation"]["equal"]


@needs_shared
def test_a_reward_with_latency_ties_choices_of_optimizers_and_a_baseline(tmp_path: Path, fashion: Path) -> None:
    overrides = [*FINAL, f"data.path={fashion}", "search.stop.trials=5", "train.epochs=3", "final.top=1"]
    run = start_search(SPECS / "fashion-reward.yaml", tmp_path, overrides).run
    events = recorded(run.journal)
    finished = [event for event in events if event["event"] == "trial_finished"]
    assert all(event["measurement"]["params"] <= 100_000 for event in finished)
    for event in finished:
        measured = event["measurement"]
        assert event["reward"] == pytest.approx(measured["accuracy"] * measured["latency_ms"] ** -0.07)
    assert {event["rung"] for event in finished} == {0, 1}
    assert {event["candidate"].split("-")[0] for event in events if event["event"] == "final_finished"} == {
        "trial",
        "baseline",
    }
    # `tied: true` is one decision for all copies, the untied stage one a copy, $width one in all
    genotypes = [event["genotype"] for event in events if "genotype" in event]
    assert all(
        sum(path.startswith("model[6].repeat[") and path.endswith("].choice") for path in g) == 1 for g in genotypes
    )
    assert all("let.width" in genotype for genotype in genotypes)


@needs_shared
@pytest.mark.parametrize("name", ["digits-cnn", "unet-like"])
def test_plans_say_what_they_would_cost(name: str) -> None:
    answer = plan(SPECS / f"{name}.yaml")
    assert answer["time"]["search"] > 0
    assert answer["candidates"]["costs"]["macs"]["max"] > 0
