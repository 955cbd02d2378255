"""A class for every pixel of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas_cli.data.kinds.masks import count_pixels
from nas_cli.data.kinds.targets import IGNORED
from nas_cli.data.wanted import Wanted
from nas_cli.errors import DataError, Infeasible, did_you_mean
from nas_cli.task.arrays import Numbers, as_numpy
from nas_cli.task.base import Array, Defaults, Direction, Loss, Scale, Shape, task
from nas_cli.task.blocks import Block, Matrix, Table, metrics_table
from nas_cli.task.pixels import SCORES, class_scores, count_pairs, mean_iou, overlaps, overlay, resized, worst

SHOWN = 0.0005
"""The least share of an image that is described."""


@task("segmentation")
class Segmentation(Defaults):
    """Logits (N, classes, H, W), as large as the image, by softmax; masks are uint8 (N, H, W).

    `background` is the class that the mean `dice` leaves out and that overlays do not colour: a class's name, "none",
    or "auto": the class named background, else the first one.
    """

    metrics: Mapping[str, Direction] = {"mean_iou": "maximize", "dice": "maximize", "pixel_accuracy": "maximize"}
    wanted = Wanted("images", "mask")
    losses: tuple[str, ...] = ("cross_entropy", "dice", "focal")

    def __init__(self, background: str = "auto") -> None:
        self.background = background

    def head(self, shape: Shape, facts: Mapping[str, Any]) -> list[Any]:
        """A 1x1 convolution to a logit a class at every place, and those brought to the size of the image."""
        if len(shape) != 3:
            raise Infeasible("it gives one vector for the whole image, and every pixel needs a class: do not pool")
        return [{"conv": {"channels": facts["labels"], "kernel": 1}}, {"resize": {"mode": "bilinear"}}]

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, loss_of: Loss, scale: Scale) -> torch.Tensor:
        classes = targets.long()
        return loss_of(outputs, torch.where(classes < outputs.shape[1], classes, IGNORED))

    def scorer(self, labels: Sequence[str]) -> Scorer:
        return Scorer(labels, self.behind(labels))

    def behind(self, labels: Sequence[str]) -> int | None:
        """The index of the background class. Raises DataError where no class has that name."""
        names = [label.casefold() for label in labels]
        if self.background.casefold() in names:
            return names.index(self.background.casefold())
        if self.background == "none":
            return None
        if self.background == "auto":
            return names.index("background") if "background" in names else 0
        raise DataError(f"background: no class is called '{self.background}'{did_you_mean(self.background, labels)}")

    def undefined(self, targets: Array, labels: Sequence[str]) -> Mapping[str, str]:
        behind = self.behind(labels)
        counts = count_pixels(as_numpy(targets)).sum(axis=0)[: len(labels)]
        if behind is None or np.delete(counts, behind).any():
            return {}
        return {"dice": f"it has no pixel but of {labels[behind]}, and without others it is always 0"}

    def blocks(self, report: Mapping[str, Any]) -> list[Block]:
        behind = report["background"]
        mean = "all classes" if behind is None else f"all classes but {behind}"
        rows = []
        for each in report["classes"]:
            rows.append((each["label"], *(_shown(each[name]) for name in SCORES), f"{each['pixels']:,}"))
        title = f"{report['samples']:,} test images, {report['pixels']:,} pixels; dice is the mean over {mean}"
        labels, counts = (row[0] for row in rows), (tuple(row) for row in report["confusion"])
        lowest = tuple(
            (each.get("name") or str(each["number"]), _shown(each["mean_iou"])) for each in report["examples"]
        )
        return [
            metrics_table(title, report, {"mean_iou": "mean IoU"}),
            Table("By class", ("class", "IoU", "Dice", "precision", "recall", "pixels"), tuple(rows)),
            Matrix("Confusion of pixels: rows are true, columns found", "class", tuple(labels), tuple(counts)),
            Table("Images with the lowest mean IoU", ("image", "mean IoU"), lowest),
        ]

    def answer(self, outputs: Array, labels: Sequence[str], top: int = 5, raw: Any = ()) -> dict[str, Any]:
        """`share`: how much of the image is of each class."""
        found = np.bincount(_classes(outputs).reshape(-1), minlength=len(labels))
        return {"share": dict(zip(labels, (found / found.sum()).tolist(), strict=True))}

    def describe(self, answer: Mapping[str, Any]) -> str:
        """`background 91.2 %, nucleus 8.8 %`: the classes that the image has, the largest first."""
        shares = sorted(answer["share"].items(), key=lambda each: -each[1])
        return ", ".join(f"{label} {100 * share:.1f} %" for label, share in shares if share >= SHOWN)

    def pictures(self, outputs: Array, labels: Sequence[str], raw: Any) -> Mapping[str, Numbers]:
        """`mask` (H, W), the class of each pixel, and `overlay` (H, W, 3), both of the size of the image `raw`."""
        image = as_numpy(raw)
        mask = resized(_classes(outputs), *image.shape[1:])
        return {"mask": mask, "overlay": overlay(image, mask, np.arange(256) != self.behind(labels))}


class Scorer:
    """Counts pixels by true and predicted class."""

    def __init__(self, labels: Sequence[str], behind: int | None) -> None:
        self.labels, self.behind = tuple(labels), behind
        self.each: list[float] = []
        self.pairs = np.zeros((len(labels), len(labels)), np.int64)

    def add(self, outputs: Array, targets: Array) -> None:
        """One batch: logits (n, classes, H, W) and masks (n, H, W)."""
        found = as_numpy(outputs.argmax(1))
        for truth, answer in zip(as_numpy(targets), found, strict=True):
            pairs = count_pairs(truth, answer, len(self.labels))
            self.each.append(mean_iou(pairs))
            self.pairs += pairs

    def metrics(self) -> dict[str, float]:
        """Means over the classes that are true or predicted somewhere; `dice` where a class other than the background
        is true."""
        metrics = {"mean_iou": mean_iou(self.pairs)}
        rows = np.arange(len(self.labels)) != self.behind
        if self.pairs[rows].any():
            metrics["dice"] = float(np.nanmean(overlaps(self.pairs)[1][rows]))
        return {**metrics, "pixel_accuracy": float(np.trace(self.pairs) / self.pairs.sum())}

    def report(self) -> dict[str, Any]:
        """Of each class IoU, Dice, precision, recall, null where they are of nothing, and how many pixels are of it;
        `examples`, those with the lowest mean IoU, by their number in the part, which begins with 1."""
        return {
            "samples": len(self.each),
            "metrics": self.metrics(),
            "pixels": int(self.pairs.sum()),
            "background": None if self.behind is None else self.labels[self.behind],
            "classes": class_scores(self.pairs, self.labels),
            "confusion": self.pairs.tolist(),
            "examples": worst(self.each),
        }


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.4f}"


def _classes(outputs: Array) -> Numbers:
    """uint8 (H, W) of one image's logits (classes, H, W)."""
    best: Numbers = as_numpy(outputs).argmax(axis=0).astype(np.uint8)
    return best
