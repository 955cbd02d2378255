"""Optimizers whose steps do not load torch's compiler."""

from __future__ import annotations

import inspect
from typing import Any

import torch


def with_its_step_alone(kind: type[torch.optim.Optimizer]) -> Any:
    """The optimizer class `kind` with an undecorated `step`: torch's decorator loads the compiler to mark graph
    breaks."""
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(inspect.unwrap(kind.step))})
