"""The memory of scoring does not grow with the number of examples, whose inputs are mapped from a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MOST_GROWTH = 1.2
SCORING = """
import sys
import numpy as np, torch
from nas_cli.axes import Axes, Column
from nas_cli.model.build import build
from nas_cli.model.ops import OPS
from nas_cli.model.weights import Fresh
from nas_cli.space.parse import parse_architecture
from nas_cli.task import open_task
from nas_cli.train.feed import Tensors
from nas_cli.train.scoring import score

path, count = sys.argv[1], int(sys.argv[2])
shape, classes = (3, 192, 192), 8
pixels = np.memmap(path, np.uint8, "c", shape=(count, *shape))
masks = np.memmap(path, np.uint8, "c", shape=(count, *shape))[:, 0]
masks %= classes
task, axes = open_task("segmentation"), {"image": Axes("uint8", shape)}
facts = {"labels": classes}
head = lambda shape: parse_architecture(task.head(shape, facts), OPS)
network = build(parse_architecture([{"conv": 4}], OPS), axes, head, facts, Fresh(torch.Generator().manual_seed(0)))
part = Tensors({"image": Column(torch.from_numpy(pixels), torch.arange(count))}, torch.from_numpy(masks), axes)
scorer, most = task.scorer([str(k) for k in range(classes)]), 0

class Watched:
    def add(self, outputs, targets):
        global most
        scorer.add(outputs, targets)
        status = open("/proc/self/status").read()
        most = max(most, int(status.split("RssAnon:")[1].split()[0]))

score(network, part, Watched())
print(most, scorer.metrics()["pixel_accuracy"])
"""


@pytest.mark.bench
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of a process's memory")
def test_four_times_the_examples_take_no_more_memory(tmp_path: Path) -> None:
    file = tmp_path / "pixels"
    file.write_bytes(bytes(range(256)) * (800 * 3 * 192 * 192 // 256))
    taken = []
    for count in (200, 800):
        command = [sys.executable, "-c", SCORING, str(file), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        taken.append(int(done.stdout.split()[0]))
    print(f"\nscoring 200 and 800 masks of 192x192 in 8 classes: {taken[0] / 1000:.0f} and {taken[1] / 1000:.0f} MB")
    assert taken[1] < MOST_GROWTH * taken[0]
