"""A component of one's own in every registry, in one plugin file, from the search to the exported network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nas_cli
from nas_cli.cli.commands import app
from nas_cli.errors import UserError
from nas_cli.plugins import taking_back

PLUGIN = '''
import math
from dataclasses import dataclass, field
import numpy as np
import torch
from torch import nn
from nas_cli.axes import Axes
from nas_cli.data import Dataset, Examples, Wanted
from nas_cli.plugins import augmentation, encoder, loss, op, optimizer, schedule, scheduler, source, strategy, task
from nas_cli.space.edit import sample
from nas_cli.task.classification import Classification

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(300, 5))
LABELS = (ROWS[:, 0] > 0).astype(int)

@dataclass(frozen=True)
class Plain:
    mean: tuple
    axes: Axes = Axes.floats(5)
    facts: dict = field(default_factory=dict)
    def encode(self, raw):
        return (raw - np.array(self.mean)).astype(np.float32)
    def read(self, arguments):
        return [(text, np.array([[float(cell) for cell in text.split()]])) for text in arguments]
    def state(self):
        return {"kind": "plain", "mean": list(self.mean)}

@encoder("plain")
def plain(state):
    return Plain(tuple(float(value) for value in state["mean"]))

@source("sensors")
def sensors(scale: float = 1.0) -> Dataset:
    """Rows of five numbers."""
    examples = Examples("sensors", LABELS, lambda rows: scale * ROWS[rows])
    return Dataset(examples, inputs="table rows", fit=lambda raw: Plain(tuple(raw.mean(0).tolist())))

@task("sensor-classification")
class Sensors(Classification):
    wanted = Wanted("table rows", "class")

@op("twist", passes_gain=True)
def twist(shape, by: float = 1.5) -> nn.Module:
    """Times a number."""
    return Twist(by)

class Twist(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.by = by
    def forward(self, x):
        return self.by * x

@strategy("dice")
class Dice:
    """Draws."""
    def __init__(self, space, seed: int, sides: int = 6):
        self.space, self.seed, self.sides = space, seed, sides
    def ask(self, number):
        if number >= TOO_MANY:
            raise ValueError("the dice fell off the table")
        return sample(self.space, np.random.default_rng([self.seed, self.sides, number]))
    def tell(self, trial): pass

TOO_MANY = 1000

@scheduler("two-steps")
class TwoSteps:
    """Each trial for one epoch, then for all."""
    def __init__(self, epochs: int):
        self.rungs = (1, epochs)
    def first_rung(self, number): return 0
    def next(self, history):
        return next(((trial.number, 1) for trial in history if trial.status == "paused"), None)
    def needed(self, history, trials):
        return [trial.number for trial in history if trial.status == "paused"]

@optimizer("plain-sgd")
def plain_sgd(parameters, lr: float = 0.1):
    """Steps down."""
    return torch.optim.SGD(parameters, lr)

@schedule("stairs")
def stairs(step: float = 0.5):
    """Down at once."""
    return lambda progress: 1.0 if progress < step else 0.1

@loss("hinge")
def hinge(margin: float = 1.0):
    """Multi-class hinge."""
    return lambda outputs, targets: nn.functional.multi_margin_loss(outputs, targets, margin=margin)

@augmentation("jitter", inputs={"table rows"})
def jitter(size: float = 0.01):
    """A little noise."""
    def apply(batch, generator):
        noise = torch.randn(batch.inputs.shape, generator=generator).to(batch.inputs.device)
        return batch.with_(inputs=batch.inputs + size * noise)
    return apply
'''
SPEC = """\
name: own
task: sensor-classification
data: {source: sensors, scale: 2.0}
model: [{linear: {units: {choice: [4, 8, 12, 16]}}}, {twist: {by: {float: [0.5, 2.0]}}}, relu]
train: {epochs: 3, batch_size: 64, optimizer: {plain-sgd: 0.2}, schedule: {stairs: 0.7}, loss: hinge, augment: [jitter]}
search: {strategy: {dice: 8}, schedule: two-steps, stop: {trials: 3}}
final: {top: 1, seeds: 1}
hardware: {workers: WORKERS, precision: float32}
plugins: [own.py]
"""


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with taking_back():
        yield


def written(workers: int, code: str = PLUGIN) -> Path:
    Path("own.py").write_text(code)
    Path("spec.yaml").write_text(SPEC.replace("WORKERS", str(workers)))
    return Path("spec.yaml")


@pytest.mark.parametrize("workers", [0, 1])
def test_everything_of_ones_own_goes_all_the_way(workers: int) -> None:
    run = nas_cli.search(written(workers))
    assert {trial["status"] for trial in run.trials} == {"finished"}
    assert all(trial["epochs"] == 3 for trial in run.trials)
    assert nas_cli.evaluate(run)["metrics"]["accuracy"] > 0.8
    model = nas_cli.load(run)
    assert model.predict(np.zeros((2, 5), np.float32)).shape == (2, 2)
    assert nas_cli.export(run, "onnx")["largest_difference"] < 1e-4


def test_a_strategy_that_fails_on_the_way_is_told_and_the_run_goes_on_when_it_is_mended() -> None:
    spec = written(0, PLUGIN.replace("TOO_MANY = 1000", "TOO_MANY = 2"))
    line = next(n for n, text in enumerate(PLUGIN.splitlines(), 1) if "raise ValueError" in text)
    words = rf"plugin .*own\.py:{line}: strategy 'dice' failed in ask\(2\): ValueError: the dice fell off the table"
    with pytest.raises(UserError, match=words), taking_back():
        nas_cli.search(spec)
    (run,) = Path("runs").glob("own-*")
    Path("own.py").write_text(PLUGIN)
    again = nas_cli.resume(run, plugins=True)
    assert len(again.trials) >= 2


def test_the_command_says_it_in_one_line() -> None:
    written(0, PLUGIN.replace("return 0\n", "return 7\n", 1))
    for command in ("plan", "search"):
        with taking_back():
            done = CliRunner().invoke(app, [command, "spec.yaml"])
        assert done.exit_code == 2
        said = re.sub(r"\s+", " ", done.output)
        assert "scheduler 'two-steps' gave 7 for first_rung(0), and rungs go from 0 to 1" in said
        assert "bug" not in said
