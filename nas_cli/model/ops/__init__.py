"""Every op that a model may name: `OPS`. `op` registers one more."""

from __future__ import annotations

from nas_cli.axes import Shape
from nas_cli.model.ops import basic, convolution, inputs, pooling, sequence, tables
from nas_cli.model.ops.vocabulary import OPS, OpFunction, Vocabulary, op, show_shape

__all__ = [
    "OPS",
    "OpFunction",
    "Shape",
    "Vocabulary",
    "basic",
    "convolution",
    "inputs",
    "op",
    "pooling",
    "sequence",
    "show_shape",
    "tables",
]
