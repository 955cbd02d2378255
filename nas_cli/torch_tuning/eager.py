"""Optimizers whose steps load no compiler."""

from __future__ import annotations

import inspect
from typing import Any

import torch


def with_its_step_alone(kind: type[torch.optim.Optimizer]) -> Any:
    """`kind` with its step alone: torch's own loads the compiler to tell it where its graph may break."""
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(inspect.unwrap(kind.step))})
