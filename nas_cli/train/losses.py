"""Losses by name. Targets are class indices (N,) or, after mixup, probabilities (N, classes); or numbers (N,)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between
from nas_cli.registry import Registry
from nas_cli.train.guards import hold_loss

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs, logits (N, classes) say, and targets to the mean loss over the batch, a scalar."""

OF_CLASSES, OF_NUMBERS = ("cross_entropy", "focal"), ("mse", "mae", "huber")
"""What of the losses here fits which targets; a plugin's loss is its author's business."""

LOSSES: Registry[Callable[..., Loss]] = Registry("loss", guard=hold_loss)


def loss(name: str) -> Callable[[Callable[..., Loss]], Callable[..., Loss]]:
    """Decorator: makes a function of the spec's arguments to a Loss the loss of that name."""
    return LOSSES.register(name)


@LOSSES.register("cross_entropy")
def cross_entropy(label_smoothing: Annotated[float, Between(0, 0.9)] = 0.0) -> Loss:
    """Cross-entropy with label smoothing (Szegedy et al. 2016)."""
    return lambda logits, targets: functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)


@LOSSES.register("focal")
def focal(gamma: Annotated[float, Between(0, 10)] = 2.0) -> Loss:
    """Focal loss (Lin et al. 2017): cross-entropy that makes little of what is right already."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        logs = torch.log_softmax(logits, dim=1)
        if targets.dim() == 1:
            targets = functional.one_hot(targets, logits.shape[1]).to(logs.dtype)
        return -(targets * (1 - logs.exp()) ** gamma * logs).sum(dim=1).mean()

    return loss


@LOSSES.register("mse")
def mse() -> Loss:
    """Mean squared error, in units of the targets' variance."""
    return functional.mse_loss


@LOSSES.register("mae")
def mae() -> Loss:
    """Mean absolute error, in units of the targets' deviation."""
    return functional.l1_loss


@LOSSES.register("huber")
def huber(delta: Annotated[float, Between(0.01, 100)] = 1.0) -> Loss:
    """Squared for errors below `delta` deviations of the targets, linear beyond (Huber 1964)."""
    return lambda outputs, targets: functional.huber_loss(outputs, targets, delta=delta)
