"""Losses by name.

Targets are class indices (N,), or (N, …) with one per pixel or time step, -100 where it is ignored; class probabilities
(N, classes) after mixup; or numbers (N,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from nas_cli.arguments import Between, NonNegative
from nas_cli.registry import Registry
from nas_cli.train.guards import hold_loss

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs (such as logits (N, classes, …)) and targets to the mean loss over the batch, a scalar."""

IGNORED = -100
"""The class index of ignored targets, the same as in torch's cross-entropy."""
Weights = list[NonNegative] | None
OF_CLASSES, OF_NUMBERS = ("cross_entropy", "focal", "dice"), ("mse", "mae", "huber")
"""The losses of this file by the targets they fit; a plugin's loss may fit either."""

LOSSES: Registry[Callable[..., Loss]] = Registry("loss", guard=hold_loss)


def loss(name: str) -> Callable[[Callable[..., Loss]], Callable[..., Loss]]:
    """Decorator: registers a function from the spec's arguments to a Loss under `name`."""
    return LOSSES.register(name)


@LOSSES.register("cross_entropy")
def cross_entropy(label_smoothing: Annotated[float, Between(0, 0.9)] = 0.0, weights: Weights = None) -> Loss:
    """Cross-entropy with label smoothing (Szegedy et al. 2016).

    `weights` has one number per class, in the order of the classes: how much each example of that class counts. The
    mean is weighted too, so that the learning rate needs no change.
    """

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        weight = _tensor(weights, logits)
        if targets.is_floating_point() or targets.dim() == 1:
            return functional.cross_entropy(logits, targets, weight, label_smoothing=label_smoothing)
        losses = functional.cross_entropy(logits, targets, weight, reduction="none", label_smoothing=label_smoothing)
        counted = targets != IGNORED
        shares = counted.to(losses.dtype) if weight is None else weight[targets.clamp_min(0)] * counted
        return _mean(losses, shares)

    return loss


@LOSSES.register("focal")
def focal(gamma: Annotated[float, Between(0, 10)] = 2.0) -> Loss:
    """Focal loss (Lin et al. 2017): cross-entropy that gives well-classified examples little weight."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        logs = torch.log_softmax(logits, dim=1)
        if targets.is_floating_point():
            return -(targets * (1 - logs.exp()) ** gamma * logs).sum(dim=1).mean()
        counted = targets != IGNORED
        log = logs.gather(1, targets.clamp_min(0)[:, None])[:, 0]
        return _mean(-((1 - log.exp()) ** gamma) * log * counted, counted.to(logs.dtype))

    return loss


@LOSSES.register("dice")
def dice(smooth: Annotated[float, Between(1e-6, 1e6)] = 1.0, cross_entropy: NonNegative = 0.0) -> Loss:
    """Soft Dice loss (Milletari et al. 2016): 1 - 2 sum(p t) / (sum(p^2) + sum(t)), the mean over classes.

    p are probabilities, and t is 1 where the target is the class; sums are over the batch, and `smooth` is added to
    numerator and denominator. The cross-entropy is added `cross_entropy` times; Isensee et al. (2021) train with 1.
    """
    added = LOSSES["cross_entropy"]()

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        probabilities = torch.softmax(logits, dim=1)
        if targets.is_floating_point():
            wanted = targets
        else:
            counted = (targets != IGNORED)[:, None]
            numbers = torch.arange(logits.shape[1], device=logits.device).view(-1, *[1] * (targets.dim() - 1))
            wanted = (targets[:, None] == numbers).to(probabilities.dtype)
            probabilities = probabilities * counted
        axes = [axis for axis in range(logits.dim()) if axis != 1]
        both = 2 * (probabilities * wanted).sum(axes) + smooth
        each = (probabilities**2).sum(axes) + (wanted**2).sum(axes) + smooth
        overlap = 1 - (both / each).mean()
        return overlap + cross_entropy * added(logits, targets) if cross_entropy else overlap

    return loss


def _tensor(weights: Sequence[float] | None, like: Tensor) -> Tensor | None:
    return None if weights is None else torch.tensor(weights, dtype=like.dtype, device=like.device)


def _mean(losses: Tensor, shares: Tensor) -> Tensor:
    """The weighted mean: the sum of `losses` over that of their `shares`; 0 where all targets are ignored."""
    total = shares.sum()
    return losses.sum() / torch.where(total > 0, total, torch.ones_like(total))


@LOSSES.register("mse")
def mse() -> Loss:
    """Mean squared error, in units of the targets' variance."""
    return functional.mse_loss


@LOSSES.register("mae")
def mae() -> Loss:
    """Mean absolute error, in units of the targets' standard deviation."""
    return functional.l1_loss


@LOSSES.register("huber")
def huber(delta: Annotated[float, Between(0.01, 100)] = 1.0) -> Loss:
    """Squared for errors below `delta` standard deviations of the targets, linear beyond (Huber 1964)."""
    return lambda outputs, targets: functional.huber_loss(outputs, targets, delta=delta)
