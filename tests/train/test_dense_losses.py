"""Losses of dense targets against formulas written out for single pixels; what is ignored counts nowhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.train.losses import IGNORED, LOSSES

CLASSES = 3
EACH = [
    ("cross_entropy", {}),
    ("cross_entropy", {"weights": [1.0, 4.0, 0.5]}),
    ("cross_entropy", {"label_smoothing": 0.2}),
    ("focal", {"gamma": 1.5}),
    ("dice", {}),
    ("dice", {"smooth": 0.1, "cross_entropy": 0.5}),
]


def pixels() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, CLASSES, 5, 6, generator=generator) * 2
    targets = torch.randint(0, CLASSES, (4, 5, 6), generator=generator)
    targets[torch.rand(4, 5, 6, generator=generator) < 0.25] = IGNORED
    return logits, targets


def counted(logits: Tensor, targets: Tensor) -> list[tuple[list[float], int]]:
    """The probabilities and the class of every pixel that counts, as plain numbers."""
    rows = logits.double().permute(0, 2, 3, 1).reshape(-1, CLASSES).tolist()
    found = []
    for row, target in zip(rows, targets.flatten().tolist(), strict=True):
        if target != IGNORED:
            powers = [math.exp(value) for value in row]
            found.append(([power / sum(powers) for power in powers], target))
    return found


def slow_cross_entropy(each: Sequence[tuple[list[float], int]], weights: Sequence[float]) -> float:
    total = sum(weights[t] for _, t in each)
    return sum(-weights[t] * math.log(p[t]) for p, t in each) / total


def slow_focal(each: Sequence[tuple[list[float], int]], gamma: float) -> float:
    return sum(-((1 - p[t]) ** gamma) * math.log(p[t]) for p, t in each) / len(each)


def slow_dice(each: Sequence[tuple[list[float], int]], smooth: float) -> float:
    losses = []
    for k in range(CLASSES):
        both = sum(p[k] for p, t in each if t == k)
        size = sum(p[k] ** 2 for p, _ in each) + sum(t == k for _, t in each)
        losses.append(1 - (2 * both + smooth) / (size + smooth))
    return sum(losses) / CLASSES


@pytest.mark.parametrize(
    ("name", "arguments", "slow"),
    [
        ("cross_entropy", {}, lambda each: slow_cross_entropy(each, [1, 1, 1])),
        ("cross_entropy", {"weights": [1.0, 4.0, 0.5]}, lambda each: slow_cross_entropy(each, [1, 4, 0.5])),
        ("focal", {"gamma": 2.0}, lambda each: slow_focal(each, 2.0)),
        ("focal", {"gamma": 0.0}, lambda each: slow_cross_entropy(each, [1, 1, 1])),
        ("dice", {}, lambda each: slow_dice(each, 1.0)),
        ("dice", {"smooth": 0.01}, lambda each: slow_dice(each, 0.01)),
        ("dice", {"cross_entropy": 0.7}, lambda e: slow_dice(e, 1.0) + 0.7 * slow_cross_entropy(e, [1, 1, 1])),
    ],
)
def test_a_loss_is_its_formula(name: str, arguments: dict[str, Any], slow: Callable[[Any], float]) -> None:
    logits, targets = pixels()
    assert LOSSES[name](**arguments)(logits, targets).item() == pytest.approx(slow(counted(logits, targets)), rel=1e-5)


@pytest.mark.parametrize("weights", [None, [0.2, 3.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_is_torchs(weights: list[float] | None, smoothing: float) -> None:
    logits, targets = pixels()
    theirs = functional.cross_entropy(
        logits, targets, None if weights is None else torch.tensor(weights), label_smoothing=smoothing
    )
    ours = LOSSES["cross_entropy"](label_smoothing=smoothing, weights=weights)
    assert ours(logits, targets).item() == pytest.approx(theirs.item(), rel=1e-5)
    flat = logits.permute(0, 2, 3, 1).reshape(-1, CLASSES), targets.flatten()
    assert ours(*flat).item() == pytest.approx(theirs.item(), rel=1e-5)


@pytest.mark.parametrize(("name", "arguments"), EACH)
def test_what_is_ignored_counts_nowhere(name: str, arguments: dict[str, Any]) -> None:
    logits, targets = pixels()
    loss = LOSSES[name](**arguments)
    changed = torch.where((targets == IGNORED)[:, None], 50.0 * torch.randn_like(logits), logits).requires_grad_()
    value = loss(changed, targets)
    assert value.item() == pytest.approx(loss(logits, targets).item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(value, changed)
    assert not gradient.permute(0, 2, 3, 1)[targets == IGNORED].any()
    assert gradient.permute(0, 2, 3, 1)[targets != IGNORED].any()


@pytest.mark.parametrize(("name", "arguments"), EACH)
def test_a_batch_without_anything_that_counts_teaches_nothing(name: str, arguments: dict[str, Any]) -> None:
    logits = torch.randn(2, CLASSES, 4, 4, requires_grad=True)
    value = LOSSES[name](**arguments)(logits, torch.full((2, 4, 4), IGNORED))
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.item() == pytest.approx(0.0, abs=1e-6)
    assert not gradient.any()


@pytest.mark.parametrize(("name", "arguments"), EACH)
def test_a_right_answer_costs_less_than_a_wrong_one(name: str, arguments: dict[str, Any]) -> None:
    _, targets = pixels()
    right = 12.0 * functional.one_hot(targets.clamp_min(0), CLASSES).permute(0, 3, 1, 2).float()
    loss = LOSSES[name](**arguments)
    assert loss(right, targets) < 0.1 + 12.0 * arguments.get("label_smoothing", 0.0)
    assert loss(right, targets) < loss(right.roll(1, dims=1), targets)


def test_a_class_that_no_place_has_is_pushed_away_by_dice() -> None:
    targets = torch.zeros(1, 4, 4, dtype=torch.int64)
    logits = torch.zeros(1, CLASSES, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(LOSSES["dice"]()(logits, targets), logits)
    assert (gradient[:, 0] < 0).all()
    assert (gradient[:, 1:] > 0).all()


def test_dice_of_whole_examples_is_of_the_batch() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    targets = torch.tensor([0, 1, 0])
    p = torch.softmax(logits, 1)
    t = functional.one_hot(targets, 2).float()
    expected = 1 - ((2 * (p * t).sum(0) + 1) / ((p * p).sum(0) + t.sum(0) + 1)).mean()
    assert LOSSES["dice"]()(logits, targets).item() == pytest.approx(expected.item())
