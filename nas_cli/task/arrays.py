"""Outputs and targets as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nas_cli.task.base import Array

Numbers = np.ndarray[Any, Any]


def as_numpy(values: Array) -> Numbers:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()
    return values


def softmax(logits: Numbers) -> Numbers:
    """Probabilities (N, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
