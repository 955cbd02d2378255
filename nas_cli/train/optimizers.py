"""Optimizers by name. Weight decay acts on weights only, not on biases and norms (which have one dimension)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch
from torch import nn

from nas_cli.arguments import Between, NonNegative
from nas_cli.registry import Registry
from nas_cli.torch_tuning.compiler import leave_out
from nas_cli.torch_tuning.eager import with_its_step_alone
from nas_cli.train.guards import hold_optimizer

LearningRate = Annotated[float, Between(1e-8, 100)]
Momentum = Annotated[float, Between(0, 0.9999)]
Beta2 = Annotated[float, Between(0, 0.999999)]

OPTIMIZERS: Registry[Callable[..., torch.optim.Optimizer]] = Registry("optimizer", supplied=1, guard=hold_optimizer)


def optimizer(name: str) -> Callable[[Callable[..., torch.optim.Optimizer]], Callable[..., torch.optim.Optimizer]]:
    """Decorator: registers a function from (parameters, **arguments) to a torch optimizer under `name`."""
    return OPTIMIZERS.register(name)


leave_out(getattr(torch.optim.Optimizer, n) for n in ("add_param_group", "zero_grad", "load_state_dict", "state_dict"))


SGD, Adam, AdamW = map(with_its_step_alone, (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW))


def parameter_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: weights of two or more dimensions, which decay, and the rest, which does not."""
    trained = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


@OPTIMIZERS.register("sgd")
def sgd(
    parameters: Iterable[nn.Parameter],
    lr: LearningRate = 0.1,
    momentum: Momentum = 0.9,
    nesterov: bool = True,
    weight_decay: NonNegative = 5e-4,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with (Nesterov) momentum."""
    nesterov = nesterov and momentum > 0
    groups = parameter_groups(parameters, weight_decay)
    optimizer: torch.optim.Optimizer = SGD(groups, lr, momentum, nesterov=nesterov, fused=_fused(groups))
    return optimizer


@OPTIMIZERS.register("adam")
def adam(
    parameters: Iterable[nn.Parameter],
    lr: LearningRate = 2e-3,
    beta1: Momentum = 0.9,
    beta2: Beta2 = 0.999,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015); weight decay is added to the gradient."""
    groups = parameter_groups(parameters, weight_decay)
    optimizer: torch.optim.Optimizer = Adam(groups, lr, (beta1, beta2), fused=_fused(groups))
    return optimizer


@OPTIMIZERS.register("adamw")
def adamw(
    parameters: Iterable[nn.Parameter],
    lr: LearningRate = 2e-3,
    beta1: Momentum = 0.9,
    beta2: Beta2 = 0.999,
    weight_decay: NonNegative = 0.01,
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay."""
    groups = parameter_groups(parameters, weight_decay)
    optimizer: torch.optim.Optimizer = AdamW(groups, lr, (beta1, beta2), fused=_fused(groups))
    return optimizer


def _fused(groups: list[dict[str, Any]]) -> bool | None:
    """Whether one fused kernel takes the whole step: it needs a third of the time on a CPU, and on CUDA its check for
    infinite fp16 gradients does not wait for the device. None leaves the choice to torch.
    """
    return all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"]) or None
