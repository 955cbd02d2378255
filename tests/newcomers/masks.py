"""Masks: a kind of target of one's own, for every pixel how much of it a thing covers, and the task that learns it."""

import numpy as np
from sklearn.metrics import mean_absolute_error

from nas_cli.data import Dataset, Examples, Wanted
from nas_cli.plugins import source, target, task
from nas_cli.task.base import Defaults
from nas_cli.task.blocks import metrics_table


@target("coverage")
def coverage(dataset, labels=None, origin=None):
    return Coverage()


class Coverage:
    names, facts, notes, ragged = (), {}, (), False
    encode = staticmethod(lambda examples: examples.labels.astype(np.float32))
    strata = staticmethod(lambda targets: np.zeros(len(targets), np.int64))
    others = staticmethod(lambda examples: ())


@source("discs")
def discs(path: str) -> Dataset:
    """An .npz file: x, pictures uint8 (N, C, H, W), and y, masks (N, H, W) from 0 to 1."""
    with np.load(path) as file:
        pictures, masks = file["x"], file["y"]
    return Dataset(Examples(path, masks, lambda rows: pictures[rows]))


class Difference:
    def __init__(self):
        self.outputs, self.targets = [], []

    def add(self, outputs, targets):
        self.outputs.append(np.ravel(outputs)), self.targets.append(np.ravel(targets))

    def metrics(self):
        return {"mae": mean_absolute_error(np.concatenate(self.targets), np.concatenate(self.outputs))}

    def report(self):
        return {"samples": len(self.outputs), "metrics": self.metrics()}


@task("covering")
class Covering(Defaults):
    wanted, metrics, losses = Wanted("images", "coverage"), {"mae": "minimize"}, ("mse",)
    head = staticmethod(lambda shape, facts: [{"conv": {"channels": 1, "kernel": 1}}, {"resize": {"mode": "bilinear"}}])
    loss = staticmethod(lambda outputs, targets, loss_of, scale: loss_of(outputs[:, 0], targets))
    scorer = staticmethod(lambda labels: Difference())
    blocks = staticmethod(lambda report: [metrics_table("Pixels", report)])
    answer = staticmethod(lambda outputs, labels, top=5, raw=(): {"covered": float(np.mean(outputs))})
    describe = staticmethod(lambda answer: f"{answer['covered']:.2f}")
