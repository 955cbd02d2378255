"""Every op that a model may name: `OPS`. `op` registers one more."""

from __future__ import annotations

from nas_cli.model.ops import basic, convolution, pooling, sequence, tables
from nas_cli.model.ops.vocabulary import OPS, OpFunction, Shape, Vocabulary, op, show_shape

__all__ = [
    "OPS",
    "OpFunction",
    "Shape",
    "Vocabulary",
    "basic",
    "convolution",
    "op",
    "pooling",
    "sequence",
    "show_shape",
    "tables",
]
